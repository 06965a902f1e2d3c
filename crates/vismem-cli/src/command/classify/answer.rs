//! Answers of `classify`, printed as they come.

use std::io::{BufWriter, Write};

use anyhow::Result;
use serde::Serialize;

use crate::args::Format;
use crate::decision;
use crate::output::{self, JsonResults, Stdout};

/// What is said of one query: a decision, or why there is none.
#[derive(Serialize)]
pub struct Answer {
    pub path: String,
    #[serde(flatten)]
    pub decision: Option<decision::Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

pub enum Printer {
    Json(JsonResults<BufWriter<Stdout>>),
    Text(BufWriter<Stdout>),
}

impl Printer {
    pub fn new(format: Format) -> Result<Self> {
        Ok(match format {
            Format::Json => Self::Json(JsonResults::begin(output::stdout())?),
            Format::Text => Self::Text(output::stdout()),
        })
    }

    pub fn print(&mut self, answer: &Answer) -> Result<()> {
        match (self, &answer.decision) {
            (Self::Json(results), _) => results.push(answer)?,
            (Self::Text(out), Some(decision)) => writeln!(out, "{}  {}", answer.path, decision.in_short())?,
            (Self::Text(out), None) => writeln!(out, "{}  not classified", answer.path)?,
        }
        Ok(())
    }

    pub fn end(self) -> Result<()> {
        match self {
            Self::Json(results) => results.end(),
            Self::Text(mut out) => Ok(out.flush()?),
        }
    }
}
