//! Answers of `classify`, printed as they come.

use std::io::Write;

use anyhow::Result;
use vismem::ClassifyOptions;
use vismem_app::classify::{Answer, Tried};

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
            (Self::Text(out), Some(judged)) => {
                let held = judged.in_memory.map_or_else(String::new, |id| format!("  (the memory holds it: id {id})"));
                writeln!(out, "{}  {}{held}", answer.path, decision::in_short(&judged.decided, options))?;
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

    pub fn end(self, tried: &Tried) -> Result<()> {
        match self.begun.map_or_else(|| Self::begun(self.format), Ok)? {
            Begun::Json(results) => results.end_with(&[("labelled", tried.labelled), ("right", tried.right)]),
            Begun::Text(mut out) => {
                if tried.labelled > 0 {
                    let share = 100.0 * tried.right as f64 / tried.labelled as f64;
                    let (right, labelled) = (output::count(tried.right), output::count(tried.labelled));
                    writeln!(out, "{right} of {labelled} as their folders are called: {share:.1} %")?;
                    if tried.in_memory > 0 {
                        let held = output::count(tried.in_memory);
                        writeln!(out, "{held} of these are in the memory already, which flatters it")?;
                    }
                }
                Ok(out.flush()?)
            }
        }
    }
}
