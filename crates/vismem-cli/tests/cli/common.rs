//! A place to run `vismem` in, and what came of it.

use std::ffi::OsStr;
use std::io::Cursor;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own, where `vismem` runs with a clean environment.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Draws a picture; see [`picture`].
    pub fn draw(&self, name: impl AsRef<Path>, kind: Kind, seed: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(kind, seed).save(&path).unwrap();
        path
    }

    /// Two labelled folders, `DIR/disc` and `DIR/stripes`, with `count` pictures each.
    pub fn draw_two_labels(&self, dir: &str, count: u32) {
        for seed in 0..count {
            self.draw(format!("{dir}/disc/{seed}.png"), Kind::Disc, seed);
            self.draw(format!("{dir}/stripes/{seed}.png"), Kind::Stripes, seed);
        }
    }

    /// The command `vismem ARGS`, not started yet.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vismem"));
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// Runs in the shell, where `$VISMEM` is the program.
    pub fn shell(&self, script: &str) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.prepare(&mut command);
        Run::of(command.env("VISMEM", env!("CARGO_BIN_EXE_vismem")).output().unwrap())
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }

    /// Runs `vismem ARGS`, words separated by spaces, to its end.
    pub fn vismem(&self, args: &str) -> Run {
        self.vismem_with(args.split_whitespace())
    }

    pub fn vismem_with(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// Whether permissions mean nothing here, because the tests run as root.
    pub fn is_roots(&self) -> bool {
        std::fs::metadata(self.0.path()).unwrap().uid() == 0
    }
}

/// What a run of the program left.
#[derive(Debug, Clone)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"));
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let mut run = Self { code, stdout: text(output.stdout), stderr: text(output.stderr) };
        // On a slow machine there is progress after ten seconds; `eval all` counts its experiments.
        let is_progress =
            |line: &&str| (line.contains("/s, ") && line.ends_with(" left")) || line.contains("/12 experiments: ");
        run.stderr = run.stderr.lines().filter(|line| !is_progress(line)).map(|line| format!("{line}\n")).collect();
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        assert!(!run.stdout.contains("panicked"), "{run:?}");
        run
    }

    /// Everything was done.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self
    }

    /// Some of it was done; standard error warns of the rest with `words`.
    #[track_caller]
    pub fn incomplete(self, words: &[&str]) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        assert!(self.stderr.lines().all(|line| line.starts_with("warning: ")), "{self:?}");
        self.says(words)
    }

    /// Nothing was done, and one line says why.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        self.says(words)
    }

    /// The arguments were wrong by themselves; the reason comes with a hint at `--help`.
    #[track_caller]
    pub fn misused(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        self.says(words)
    }

    /// Standard error and standard output hold these words between them.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word) || self.stdout.contains(word), "{word:?} is missing in {self:#?}");
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What drawn pictures show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Disc,
    Stripes,
}

/// A picture of 48 × 48 pixels; each seed gives another one of its kind.
pub fn picture(kind: Kind, seed: u32) -> RgbImage {
    let shift = (seed * 5 % 12) as i32;
    RgbImage::from_fn(48, 48, |x, y| {
        let (x, y) = (x as i32, y as i32);
        let inked = match kind {
            Kind::Disc => (x - 18 - shift).pow(2) + (y - 24).pow(2) < 150,
            Kind::Stripes => (x + y + shift) / 6 % 2 == 0,
        };
        let (ink, ground) = ([200, 40, 20 + seed as u8], [250, 245, 230]);
        Rgb(if inked { ink } else { ground })
    })
}

/// A drawn picture as the bytes of a PNG.
pub fn png(kind: Kind, seed: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture(kind, seed).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Copies a memory, or any folder without folders in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

pub fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
