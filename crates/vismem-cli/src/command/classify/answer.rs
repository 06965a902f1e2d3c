//! Answers of `classify`, printed as they come.

use std::io::Write;

use anyhow::Result;
use vismem::ClassifyOptions;
use vismem_app::classify::Answer;

use crate::args::Format;
use crate::decision;
use crate::output::{self, JsonResults, Lines};

/// Begins the document with the first answer: an error before it leaves nothing half written.
pub struct Printer {
    format: Format,
    options: ClassifyOptions,
    begun: Option<Begun>,
}

enum Begun {
    Json(JsonResults<Lines>),
    Text(Lines),
}

impl Begun {
    fn print(&mut self, answer: &Answer, options: &ClassifyOptions) -> Result<()> {
        match (self, &answer.decision) {
            (Self::Json(results), _) => results.push(answer)?,
            (Self::Text(out), Some(decision)) => {
                writeln!(out, "{}  {}", answer.path, decision::in_short(decision, options))?;
            }
            (Self::Text(out), None) => writeln!(out, "{}  not classified", answer.path)?,
        }
        Ok(())
    }
}

impl Printer {
    pub fn new(format: Format, options: &ClassifyOptions) -> Self {
        Self { format, options: options.clone(), begun: None }
    }

    fn begun(format: Format) -> Result<Begun> {
        Ok(match format {
            Format::Json => Begun::Json(JsonResults::begin(output::stdout())?),
            Format::Text => Begun::Text(output::stdout()),
        })
    }

    pub fn print(&mut self, answer: &Answer) -> Result<()> {
        let begun = match &mut self.begun {
            Some(begun) => begun,
            none => none.insert(Self::begun(self.format)?),
        };
        begun.print(answer, &self.options)
    }

    pub fn end(self) -> Result<()> {
        match self.begun.map_or_else(|| Self::begun(self.format), Ok)? {
            Begun::Json(results) => results.end(),
            Begun::Text(mut out) => Ok(out.flush()?),
        }
    }
}
