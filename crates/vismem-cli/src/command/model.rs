//! `vismem model`: the models that have names, fetching them, and what a model is.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem_encode::BUILTIN_NAME;
use vismem_models::{CachedModel, Hub, HubModel, LoadError, NAMED};

use super::Outcome;
use crate::args::{Args, Encoding, Format, Model};
use crate::progress::Fetching;
use crate::{encoder, output};

#[derive(Serialize)]
struct Listing {
    cache: String,
    models: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    repository: Option<String>,
    dim: usize,
    /// Whether it needs no network any more.
    here: bool,
    aliases: Vec<String>,
}

#[derive(Serialize)]
struct Pulled {
    name: String,
    repository: String,
    commit: String,
    folder: String,
    files: Vec<String>,
    bytes: u64,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    hash: String,
    dim: usize,
    file: Option<String>,
    description: String,
    output: String,
    pooling: String,
    runtime: String,
}

pub fn run(args: &Args, options: &Model) -> Result<Outcome> {
    match options {
        Model::List => list(args),
        Model::Pull { name } => pull(args, name),
        Model::Show(encoding) => show(args, encoding),
    }
}

fn list(args: &Args) -> Result<Outcome> {
    let hub = Hub::from_environment();
    let builtin = Listed { name: BUILTIN_NAME.into(), repository: None, dim: 1280, here: true, aliases: Vec::new() };
    let named = NAMED.iter().map(|named| Listed {
        name: named.name.into(),
        repository: Some(named.repository.into()),
        dim: named.dim,
        here: HubModel::named(named.name).is_some_and(|model| model.cached(&hub).is_some()),
        aliases: named.aliases.iter().map(|&alias| alias.to_owned()).collect(),
    });
    let models = std::iter::once(builtin).chain(named).collect();
    let listing = Listing { cache: hub.cache().display().to_string(), models };
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
    let fetched = fetched(name).map_err(|source| vismem_app::Error::Load { model: None, source: Box::new(source) });
    let (model, cached) = fetched?;
    let bytes = cached.bytes();
    let CachedModel { snapshot, files } = cached;
    let pulled = Pulled {
        name: model.name,
        repository: model.repository.to_string(),
        commit: snapshot.commit,
        folder: snapshot.folder.display().to_string(),
        files: files.all,
        bytes,
    };
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

fn fetched(name: &str) -> Result<(HubModel, CachedModel), LoadError> {
    let model = HubModel::to_fetch(name)?;
    let mut fetching = Fetching::default();
    let cached = model.pull(&Hub::from_environment(), &mut |piece| fetching.at(piece))?;
    Ok((model, cached))
}

fn show(args: &Args, encoding: &Encoding) -> Result<Outcome> {
    let encoder = encoder::load(encoding, None)?;
    let (identity, head) = (encoder.identity(), encoder.head());
    let shown = Shown {
        name: identity.name.clone(),
        hash: identity.hash.clone(),
        dim: identity.dim,
        file: encoder.model().onnx_path().map(|path| path.display().to_string()),
        description: identity.description.clone(),
        output: head.output.clone(),
        pooling: head.pooling.to_string(),
        runtime: encoder.runtime().to_owned(),
    };
    if args.format == Format::Json {
        output::json(&shown)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    let mut row = |name: &str, value: &str| writeln!(out, "{name:<14} {value}");
    row("model", &shown.name)?;
    row("file", shown.file.as_deref().unwrap_or("built in"))?;
    row("dimensions", &shown.dim.to_string())?;
    for step in encoder.model().preprocessing().describe().split(';') {
        let (name, value) = step.split_once(':').unwrap_or((step, ""));
        row(name, value)?;
    }
    row("output", &shown.output)?;
    row("pooling", &shown.pooling)?;
    row("runtime", &shown.runtime)?;
    row("hash", &shown.hash)?;
    out.flush()?;
    Ok(Outcome::Done)
}
