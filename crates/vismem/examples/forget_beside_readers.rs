//! Measures how long a forget takes while other processes read the memory all the time.
//!
//! `cargo run --release -p vismem --example forget_beside_readers -- [READERS]`
//!
//! Makes two memories, and forgets 200 exemplars of one, one after the other, three times: alone; beside READERS processes (4
//! unless it is given) that each open the other memory, classify and look up a source, in a loop, so that they are in the
//! way of processor and disk alone; and beside as many that do this to the same memory. The example starts itself again as
//! these processes. Prints medians and 99th percentiles, and how often the readers looked.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vismem::{Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Selector, content_of};

const DIM: usize = 384;
const EXEMPLARS: usize = 4_000;
const FORGOTTEN: u64 = 200;
const READERS: usize = 4;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => measure(READERS),
        [readers] => measure(readers.parse()?),
        [read, path] if read == "read" => self::read(Path::new(path)),
        _ => Err("usage: forget_beside_readers [READERS]".into()),
    }
}

/// A reader's process: goes on until its standard input ends, then prints how often it looked.
fn read(path: &Path) -> Result<()> {
    let is_over = std::thread::spawn(|| std::io::stdin().lines().count());
    let mut looks = 0;
    while !is_over.is_finished() {
        match look(path, looks) {
            Ok(()) => looks += 1,
            Err(error) if matches!(error.as_store(), Some(vismem::StoreError::Outdated { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    println!("{looks}");
    Ok(())
}

fn look(path: &Path, n: usize) -> vismem::Result<()> {
    let memory = Memory::open(path)?;
    let decisions = memory.classify(&embedding(n), &ClassifyOptions::default())?;
    memory.exemplar(decisions[0].neighbors[0].id)?;
    Ok(())
}

fn measure(readers: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [path, other] = ["measured.vismem", "other.vismem"].map(|name| folder.path().join(name));
    make(&path)?;
    make(&other)?;
    print("alone", &mut forget(&path, 1)?);
    let (mut times, looks) = forget_beside(readers, &other, &path, FORGOTTEN + 1)?;
    print("beside readers of another memory", &mut times);
    println!("{:<34}{looks:>8} looks of the readers", "");
    let (mut times, looks) = forget_beside(readers, &path, &path, 2 * FORGOTTEN + 1)?;
    print("beside readers of the same memory", &mut times);
    println!("{:<34}{looks:>8} looks of the readers", "");
    Ok(())
}

/// Forgets beside so many readers of a memory; also how often they looked.
fn forget_beside(readers: usize, read: &Path, path: &Path, first: u64) -> Result<(Vec<Duration>, usize)> {
    let start = || {
        let mut reader = Command::new(std::env::current_exe()?);
        reader.arg("read").arg(read).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    };
    let readers: Vec<Child> = (0..readers).map(|_| start()).collect::<std::io::Result<_>>()?;
    std::thread::sleep(Duration::from_millis(500));
    let times = forget(path, first)?;
    let mut looks = 0;
    // Waiting closes the standard input.
    for reader in readers {
        let ended = reader.wait_with_output()?;
        if !ended.status.success() {
            return Err("a reader failed".into());
        }
        looks += String::from_utf8(ended.stdout)?.trim().parse::<usize>()?;
    }
    Ok((times, looks))
}

/// Forgets exemplars one after the other, from an id on, each in an editor of its own.
fn forget(path: &Path, first: u64) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for id in first..first + FORGOTTEN {
        let mut editor = Editor::open(path)?;
        let started = Instant::now();
        editor.forget(&Selector { ids: vec![id], ..Default::default() })?.ok_or("nothing was forgotten")?;
        times.push(started.elapsed());
    }
    Ok(times)
}

fn embedding(n: usize) -> Vec<f32> {
    (0..DIM).map(|i| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin()).collect()
}

fn make(path: &Path) -> Result<()> {
    let encoder = EncoderIdentity { name: "toy".into(), hash: String::new(), dim: DIM };
    let mut editor = Editor::open_or_create(path, &encoder)?;
    let embeddings: Vec<Vec<f32>> = (0..EXEMPLARS).map(embedding).collect();
    let labels: Vec<String> = (0..EXEMPLARS).map(|n| format!("label {}", n % 100)).collect();
    let exemplars: Vec<NewExemplar<'_>> = (0..EXEMPLARS)
        .zip(embeddings.iter().zip(&labels))
        .map(|(n, (embedding, label))| NewExemplar {
            embedding,
            label,
            source: Some(format!("pictures/{n}.jpg").into()),
            content: content_of(embedding, &n.to_le_bytes()),
            attributes: Attributes::new(),
        })
        .collect();
    editor.batch().add(&exemplars)?;
    Ok(())
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what:<34}{:>8.2} ms median, {:.2} ms 99th percentile of {}", at(0.5), at(0.99), times.len());
}
