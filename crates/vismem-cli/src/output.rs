//! Answers on standard output, remarks on standard error.

use std::ffi::OsString;
use std::fmt::{self, Display};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::Parser;
use jiff::Timestamp;
use serde::Serialize;
pub use vismem_report::words::count;
use vismem_report::{Shown, words};

use crate::remedy;

/// Standard output, buffered. Errors come back as values, so that a closed pipe ends the program quietly.
pub fn stdout() -> Lines {
    Lines(BufWriter::new(Stdout(io::stdout().lock())))
}

/// An answer. A line that is formatted into it is a line for people: what names and labels in it could do to a terminal is
/// spelt out, see [`Shown`]; so are line ends that are not the first or the last of it. Bytes are written as they are.
pub struct Lines(BufWriter<Stdout>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> io::Result<()> {
        self.0.write_all(for_people(&line.to_string()).as_bytes())
    }
}

/// A line as it is shown, with a line end before and behind it if it has them.
fn for_people(line: &str) -> String {
    let (before, line) = line.strip_prefix('\n').map_or(("", line), |line| ("\n", line));
    let (line, behind) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    format!("{before}{}{behind}", Shown(line))
}

/// Whether anything was written to standard output.
static HAS_ANSWERED: AtomicBool = AtomicBool::new(false);

/// Whether somebody may have read a part of the answer.
pub fn has_answered() -> bool {
    HAS_ANSWERED.load(Ordering::Relaxed)
}

/// Standard output that names itself in its errors.
pub struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HAS_ANSWERED.store(true, Ordering::Relaxed);
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write the answer to standard output: {error}"))
}

/// Prints a line on standard error. That nobody can read it there is no reason to stop.
pub fn note(line: impl Display) {
    let _ = io::stderr().write_all(for_people(&format!("{line}\n")).as_bytes());
}

/// Says why words are no command, or gives the help that they ask for. That nobody can read it there is no reason to fail
/// otherwise.
pub fn wrong_words(error: &clap::Error, words: &[OsString]) {
    let deceives = |word: &OsString| word.to_string_lossy().chars().any(vismem_report::deceives);
    if !words.iter().any(deceives) {
        let _ = error.print();
        return;
    }
    // The error cites the words, so it is made anew of words that can be shown.
    let shown = words.iter().map(|word| Shown(&word.to_string_lossy()).to_string());
    match crate::args::Args::try_parse_from(shown) {
        Err(error) => drop(error.print()),
        Ok(_) => note("error: there are characters in the arguments that cannot be shown, and they cannot be meant"),
    }
}

/// Prints one JSON document and nothing else.
pub fn json(document: &impl Serialize) -> Result<()> {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A JSON document `{"results": [...]}` that is written while its results are made.
pub struct JsonResults<W: Write> {
    out: W,
    first: bool,
}

impl<W: Write> JsonResults<W> {
    pub fn begin(mut out: W) -> Result<Self> {
        write!(out, "{{\"results\":[")?;
        Ok(Self { out, first: true })
    }

    pub fn push(&mut self, result: &impl Serialize) -> Result<()> {
        write!(self.out, "{}", if self.first { "\n" } else { ",\n" })?;
        self.first = false;
        serde_json::to_writer(&mut self.out, result)?;
        Ok(())
    }

    pub fn end(self) -> Result<()> {
        self.end_with(&[])
    }

    /// Ends the document with these numbers after the results.
    pub fn end_with(mut self, numbers: &[(&str, u64)]) -> Result<()> {
        write!(self.out, "\n]")?;
        numbers.iter().try_for_each(|(name, number)| write!(self.out, ",\"{name}\":{number}"))?;
        writeln!(self.out, "}}")?;
        self.out.flush()?;
        Ok(())
    }
}

/// The error and its causes in one line. Many errors name their cause themselves; it is not named twice.
pub fn in_one_line(error: &anyhow::Error) -> String {
    let mut texts = error.chain().map(|cause| remedy::in_words(cause).unwrap_or_else(|| cause.to_string()));
    let mut text = texts.next().unwrap_or_default();
    for cause in texts {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.lines().collect::<Vec<_>>().join(" ")
}

pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// Bytes for people: 1,536 is "1.5 KiB".
pub fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// "1 label", "1,000 labels", as a terminal shows it: with a plain space.
pub fn counted(number: impl TryInto<u64>, one: &str) -> String {
    words::counted(number, one).replace(words::NBSP, " ")
}

/// Seconds since 1970 as date and time, UTC.
pub fn time(seconds: i64) -> String {
    // The catalogue can hold times that no calendar has.
    let time = Timestamp::from_second(seconds).map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    time.unwrap_or_else(|_| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_in_one_line() {
        let cause = || io::Error::other("no\nroom");
        assert_eq!(in_one_line(&anyhow::Error::new(cause()).context("cannot write x")), "cannot write x: no room");
        let told = anyhow::Error::new(cause()).context("cannot write x: no\nroom");
        assert_eq!(in_one_line(&told), "cannot write x: no room");
    }

    #[test]
    fn a_line_keeps_its_ends_and_nothing_in_it_moves_a_terminal() {
        assert_eq!(for_people("\nlabel a\nforgot 5\u{1b}[2K\n"), "\nlabel a\\nforgot 5\\u{1b}[2K\n");
        assert_eq!(for_people("plain"), "plain");
    }

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(time(1_709_251_199), "2024-02-29 23:59:59");
        assert_eq!(time(1_764_547_200), "2025-12-01 00:00:00");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(counted(0u64, "label"), "0 labels");
        assert_eq!(counted(1usize, "label"), "1 label");
        assert_eq!(counted(1_000u64, "label"), "1,000 labels");
    }
}
