use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Result;
use vismem::{Memory, TwoPlaces};
use vismem_app::taxonomy::{self, Placed, Set};
use vismem_report::Shown;

use super::Outcome;
use crate::args::{Args, Format, Taxonomy};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Taxonomy) -> Result<Outcome> {
    match options {
        Taxonomy::Set { file } => set(args, file),
        Taxonomy::Show => show(args),
        Taxonomy::Check => check(args),
    }
}

fn set(args: &Args, file: &Path) -> Result<Outcome> {
    let Set { labels, changed, taxonomy } = taxonomy::set(&args.memory, file, &mut Watch::default())?;
    if args.format == Format::Json {
        output::json(&taxonomy)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    let (labels, levels) = (output::counted(labels, "label"), taxonomy.levels.join(" < "));
    if changed {
        writeln!(out, "set {labels} in the levels {levels}")?;
    } else {
        writeln!(out, "nothing to change: the memory has these {labels} in the levels {levels} already")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The taxonomy as a CSV that `set` reads.
fn show(args: &Args) -> Result<Outcome> {
    let taxonomy = taxonomy::show(&Memory::open(&args.memory)?)?;
    if args.format == Format::Json {
        output::json(&taxonomy)?;
        return Ok(Outcome::Done);
    }
    if !taxonomy.levels.is_empty() {
        // For programs it is as it is; a terminal must not be moved by it.
        let is_for_people = std::io::stdout().is_terminal();
        let shown = |name: &str| if is_for_people { Shown(name).to_string() } else { name.to_owned() };
        let mut out = csv::Writer::from_writer(output::stdout());
        out.write_record(std::iter::once("label".to_owned()).chain(taxonomy.levels.iter().map(|level| shown(level))))?;
        for Placed { label, names, .. } in &taxonomy.labels {
            out.write_record(std::iter::once(label).chain(names).map(|name| shown(name)))?;
        }
        out.flush()?;
    }
    Ok(Outcome::Done)
}

fn check(args: &Args) -> Result<Outcome> {
    let check = taxonomy::check(&Memory::open(&args.memory)?)?;
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
        if check.whole {
            writeln!(out, "every label has its place")?;
        }
        out.flush()?;
    }
    Ok(if check.whole { Outcome::Done } else { Outcome::Incomplete })
}
