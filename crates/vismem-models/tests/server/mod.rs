//! A hub on this machine, for the tests of several crates: what is in a folder `ROOT/OWNER/NAME` is a repository. As the public
//! one, it sends on who asks for a file: to a cache of its own, or, where the file is large, to another host, which takes
//! nobody who brings a token. Can be told to fail.

#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The commit of every repository.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files of more bytes are in large file storage.
const LARGE: u64 = 1000;

/// Where small files are, and large ones, on what is called another host.
const CACHE: &str = "/api/resolve-cache/";
const ELSEWHERE: &str = "/storage/";

/// How the next files are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    Whole,
    /// The connection breaks after so many bytes of each answer.
    Cut(usize),
    /// One byte is another one.
    Damaged,
    /// With bytes behind it that the list does not know.
    TooLong(usize),
    /// As `TooLong`, and the list does not say how long any is.
    Unlisted(usize),
    /// Not at all, but with this status.
    Status(u16),
    /// Not from where the hub sends, but from here.
    From(&'static str),
}

pub struct Server {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

struct State {
    root: PathBuf,
    sending: Sending,
    requests: Vec<String>,
}

impl Server {
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = State { root: root.into(), sending: Sending::Whole, requests: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { endpoint, state }
    }

    pub fn send(&self, sending: Sending) {
        self.state.lock().unwrap().sending = sending;
    }

    /// The requests since the last call, without those that followed a redirect: path, and the range if one was asked for.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    let mut token = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(from) = header.strip_prefix("range: bytes=") {
            range = from.trim_end_matches('-').parse::<usize>().ok();
        }
        token = token.or(header.strip_prefix("authorization: ").map(str::to_owned));
    }
    let (root, sending) = {
        let mut state = state.lock().unwrap();
        if !path.starts_with(CACHE) && !path.starts_with(ELSEWHERE) {
            state.requests.push(range.map_or_else(|| path.clone(), |from| format!("{path} from {from}")));
        }
        (state.root.clone(), state.sending)
    };
    let may_see = |name: &str| !name.contains("private") || token.as_deref() == Some("bearer secret");
    let path = path.split('?').next().unwrap_or_default();
    if let Some(rest) = path.strip_prefix("/api/models/") {
        let (name, revision) = rest.split_once("/revision/").unwrap_or((rest, "main"));
        let folder = root.join(name);
        if !folder.is_dir() || !may_see(name) || !["main", "v1", COMMIT].contains(&revision) {
            return answer(&mut stream, 401, b"{\"error\": \"Repository not found\"}", None);
        }
        let listing = listing(&folder);
        let told = if let Sending::Unlisted(_) = sending { listing.replace("size", "length") } else { listing };
        return answer(&mut stream, 200, told.as_bytes(), None);
    }
    if let (Sending::From(location), true) = (sending, path.contains("/resolve/")) {
        return send_on(&mut stream, 302, location);
    }
    if let Some((name, file)) = path.trim_start_matches('/').split_once(&format!("/resolve/{COMMIT}/")) {
        return match root.join(name).join(file).metadata() {
            _ if !may_see(name) => answer(&mut stream, 401, b"", None),
            Ok(metadata) if metadata.len() > LARGE => {
                let port = stream.local_addr()?.port();
                send_on(&mut stream, 302, &format!("http://localhost:{port}{ELSEWHERE}{name}/{file}?signature=a%2Fb"))
            }
            Ok(_) => send_on(&mut stream, 307, &format!("{CACHE}{name}/{file}")),
            Err(_) => answer(&mut stream, 404, b"", None),
        };
    }
    let file = match (path.strip_prefix(CACHE), path.strip_prefix(ELSEWHERE)) {
        (Some(file), _) if may_see(file) => file,
        (_, Some(file)) if token.is_none() => file,
        _ => return answer(&mut stream, 403, b"", None),
    };
    let Ok(mut bytes) = std::fs::read(root.join(file)) else {
        return answer(&mut stream, 404, b"", None);
    };
    match sending {
        Sending::Status(status) => return answer(&mut stream, status, b"", None),
        Sending::Damaged => bytes[0] ^= 1,
        Sending::TooLong(more) | Sending::Unlisted(more) => bytes.resize(bytes.len() + more, b' '),
        Sending::Whole | Sending::Cut(_) | Sending::From(_) => {}
    }
    let rest = &bytes[range.unwrap_or(0).min(bytes.len())..];
    let status = if range.is_some() { 206 } else { 200 };
    let cut = if let Sending::Cut(after) = sending { Some(after) } else { None };
    answer(&mut stream, status, rest, cut)
}

fn send_on(stream: &mut TcpStream, status: u16, location: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn answer(stream: &mut TcpStream, status: u16, body: &[u8], cut: Option<usize>) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body[..cut.unwrap_or(body.len()).min(body.len())])?;
    stream.flush()?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // Reads on until the other side has closed, so that nothing that was sent is lost.
    let _ = stream.read(&mut [0; 1]);
    Ok(())
}

/// What the hub's API tells of a repository.
fn listing(folder: &Path) -> String {
    let mut names = Vec::new();
    collect(folder, "", &mut names);
    names.sort();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let siblings: Vec<String> = names
        .iter()
        .map(|name| {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let size = bytes.len();
            let git = hex(&Sha1::digest([format!("blob {size}\0").as_bytes(), &bytes].concat()));
            let lfs = match size as u64 > LARGE {
                true => format!(r#", "lfs": {{"sha256": "{}", "size": {size}}}"#, hex(&Sha256::digest(&bytes))),
                false => String::new(),
            };
            format!(r#"{{"rfilename": "{name}", "size": {size}, "blobId": "{git}"{lfs}}}"#)
        })
        .collect();
    format!(r#"{{"sha": "{COMMIT}", "siblings": [{}]}}"#, siblings.join(", "))
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), names),
            false => names.push(name),
        }
    }
}
