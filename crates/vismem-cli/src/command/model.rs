//! `vismem model`: the models that have names, fetching them, and what a model is.

use std::io::Write;

use anyhow::Result;
use vismem_app::models::{self, Listed};
use vismem_models::Hub;

use super::Outcome;
use crate::args::encoding::Encoding;
use crate::args::{Args, Format, Model};
use crate::progress::Watch;
use crate::{encoder, output};

pub fn run(args: &Args, options: &Model) -> Result<Outcome> {
    match options {
        Model::List => list(args),
        Model::Pull { name } => pull(args, name),
        Model::Show(encoding) => show(args, encoding),
    }
}

fn list(args: &Args) -> Result<Outcome> {
    let listing = models::list(&Hub::from_environment());
    if args.format == Format::Json {
        output::json(&listing)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    for Listed { name, repository, dim, here, .. } in &listing.models {
        let place = match repository {
            None => "built in",
            Some(_) if *here => "here",
            Some(_) => "to be fetched",
        };
        writeln!(out, "{name:<24}{dim:>5}  {place:<15}{}", repository.as_deref().unwrap_or_default())?;
    }
    writeln!(out, "fetched models are in {}", listing.cache)?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn pull(args: &Args, name: &str) -> Result<Outcome> {
    let pulled = models::pull(name, &Hub::from_environment(), &mut Watch::default())?;
    if args.format == Format::Json {
        output::json(&pulled)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    writeln!(out, "{} is here: {}, {}", pulled.name, output::bytes(pulled.bytes), pulled.folder)?;
    writeln!(out, "use it with --encoder {name}")?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn show(args: &Args, encoding: &Encoding) -> Result<Outcome> {
    let hub = Hub::from_environment();
    let shown = models::show(&encoder::request(encoding), &hub, &mut Watch::default())?;
    if args.format == Format::Json {
        output::json(&shown)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    let mut row = |name: &str, value: &str| writeln!(out, "{name:<14} {value}");
    row("model", &shown.name)?;
    row("file", shown.file.as_deref().unwrap_or("built in"))?;
    row("dimensions", &shown.dim.to_string())?;
    for step in shown.preprocessing.split(';') {
        let (name, value) = step.split_once(':').unwrap_or((step, ""));
        row(name, value)?;
    }
    row("output", &shown.output)?;
    row("pooling", &shown.pooling)?;
    row("views", &shown.views.to_string())?;
    row("runtime", &shown.runtime)?;
    row("hash", &shown.hash)?;
    out.flush()?;
    Ok(Outcome::Done)
}
