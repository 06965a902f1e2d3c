//! Answers on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};

use anyhow::Result;
use serde::Serialize;

/// Standard output, buffered. Errors come back as values, so that a closed pipe ends the program quietly.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
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

    pub fn end(mut self) -> Result<()> {
        writeln!(self.out, "\n]}}")?;
        self.out.flush()?;
        Ok(())
    }
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

/// A number in groups of three digits.
pub fn count(count: impl TryInto<u64>) -> String {
    indicatif::HumanCount(count.try_into().unwrap_or(u64::MAX)).to_string()
}
