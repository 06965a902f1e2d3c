use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use vismem::{Editor, Memory, TwoPlaces};
use vismem_data::taxonomy;

use super::Outcome;
use crate::args::{Args, Format, Taxonomy};
use crate::output;

#[derive(Serialize)]
struct Document {
    levels: Vec<String>,
    labels: Vec<Label>,
}

#[derive(Serialize)]
struct Label {
    label: String,
    exemplars: usize,
    names: Vec<String>,
}

#[derive(Serialize)]
struct Check {
    levels: Vec<String>,
    whole: bool,
    unplaced: Vec<String>,
    two_places: Vec<TwoPlaces>,
}

pub fn run(args: &Args, options: &Taxonomy) -> Result<Outcome> {
    match options {
        Taxonomy::Set { file } => set(args, file),
        Taxonomy::Show => show(args),
        Taxonomy::Check => check(args),
    }
}

fn set(args: &Args, file: &Path) -> Result<Outcome> {
    let taxonomy = taxonomy::read(file)?;
    let event = Editor::open(&args.memory)?.set_taxonomy(&taxonomy)?;
    if args.format == Format::Json {
        output::json(&document(args)?)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    let labels = output::counted(taxonomy.labels.len(), "label");
    let levels = taxonomy.levels.join(" < ");
    match event {
        Some(_) => writeln!(out, "set {labels} in the levels {levels}")?,
        None => writeln!(out, "nothing to change: the memory has these {labels} in the levels {levels} already")?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The taxonomy as a CSV that `set` reads.
fn show(args: &Args) -> Result<Outcome> {
    let document = document(args)?;
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    if !document.levels.is_empty() {
        let mut out = csv::Writer::from_writer(output::stdout());
        out.write_record(std::iter::once("label").chain(document.levels.iter().map(String::as_str)))?;
        for Label { label, names, .. } in &document.labels {
            out.write_record(std::iter::once(label).chain(names))?;
        }
        out.flush()?;
    }
    Ok(Outcome::Done)
}

fn document(args: &Args) -> Result<Document> {
    let memory = Memory::open(&args.memory)?;
    let mut taxonomy = memory.taxonomy()?;
    let placed = memory.labels().iter().filter_map(|label| {
        let names = taxonomy.labels.remove(&label.name)?;
        Some(Label { label: label.name.clone(), exemplars: label.exemplars, names })
    });
    let labels = placed.collect();
    Ok(Document { levels: taxonomy.levels, labels })
}

fn check(args: &Args) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let taxonomy = memory.taxonomy()?;
    let unplaced = memory.labels().iter().filter(|label| !taxonomy.labels.contains_key(&label.name));
    let unplaced: Vec<String> = unplaced.map(|label| label.name.clone()).collect();
    let two_places = taxonomy.names_in_two_places();
    let whole = unplaced.is_empty() && two_places.is_empty();
    let check = Check { levels: taxonomy.levels, whole, unplaced, two_places };
    if args.format == Format::Json {
        output::json(&check)?;
    } else {
        let mut out = output::stdout();
        for label in &check.unplaced {
            writeln!(out, "{label}: is not in the taxonomy, it keeps its own name at every level")?;
        }
        for TwoPlaces { level, name, above } in &check.two_places {
            writeln!(out, "{level} {name}: stands below {}", above.join(" and "))?;
        }
        if whole {
            writeln!(out, "every label has its place")?;
        }
        out.flush()?;
    }
    Ok(if whole { Outcome::Done } else { Outcome::Incomplete })
}
