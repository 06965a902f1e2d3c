//! `vismem doctor`: what may be wrong with a memory whose files are sound.

use std::io::{self, Write};

use anyhow::Result;
use vismem::Memory;
use vismem_app::doctor::{
    Classes, Diagnosis, Doubtful, Duplicates, Encoded, LabelFile, Request, SharedQueries, Side, Sources, doctor,
};
use vismem_data::About;
use vismem_report::words::{operands, option};

use super::Outcome;
use crate::args::{Args, Doctor, Format};
use crate::progress::Watch;
use crate::{encoder, output};

/// How many findings of a kind people are shown; programs get them all.
const SHOWN: usize = 10;

pub fn run(args: &Args, options: &Doctor) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let request = Request {
        sample: options.sample as usize,
        distance: options.distance,
        queries: options.queries.clone(),
        finding: (&options.finding).into(),
        encoding: encoder::meant(&options.encoding),
    };
    let found = doctor(&memory, &request, &mut Watch::default())?;
    match args.format {
        Format::Json => output::json(&found)?,
        Format::Text => {
            let mut out = output::stdout();
            print(&mut out, &found)?;
            out.flush()?;
        }
    }
    Ok(if found.healthy { Outcome::Done } else { Outcome::Incomplete })
}

fn print(out: &mut impl Write, found: &Diagnosis) -> io::Result<()> {
    sources(out, &found.sources)?;
    found.label_files.iter().try_for_each(|file| label_file(out, file))?;
    classes(out, &found.classes)?;
    duplicates(out, &found.duplicates, found.exemplars)?;
    found.queries.iter().try_for_each(|set| shared(out, set, found.duplicates.distance))?;
    let verdict = if found.healthy { "nothing wrong was found" } else { "see above" };
    writeln!(out, "{}: {verdict}", found.memory)
}

/// Writes the first of some findings, a line for each, and how many more there are.
fn listed<T>(out: &mut impl Write, all: &[T], line: impl Fn(&T) -> String) -> io::Result<()> {
    all.iter().take(SHOWN).try_for_each(|one| writeln!(out, "  {}", line(one)))?;
    match all.len().checked_sub(SHOWN) {
        Some(more @ 1..) => writeln!(out, "  and {} more, --format json lists them", output::count(more)),
        _ => Ok(()),
    }
}

fn sources(out: &mut impl Write, found: &Sources) -> io::Result<()> {
    let looked_at = found.sampled - found.without_source;
    write!(out, "sources: {} looked at", output::counted(looked_at, "exemplar"))?;
    if found.without_source > 0 {
        write!(out, ", {} more have none", output::count(found.without_source))?;
    }
    match found.gone.len() {
        _ if looked_at == 0 => writeln!(out)?,
        0 => writeln!(out, "; all are as they were")?,
        gone => {
            let are = if gone == 1 { "is not as it was" } else { "are not as they were" };
            writeln!(
                out,
                "; {} {are}; `vismem sync FOLDER` follows a folder, with --forget-missing also what was replaced or went",
                output::count(gone)
            )?;
        }
    }
    listed(out, &found.gone, |gone| format!("{} {} (exemplar {}, {})", gone.source, gone.reason, gone.id, gone.label))?;
    if let Some(error) = &found.encoder_error {
        writeln!(out, "embeddings: not compared: {error}; say with --encoder where the encoder is")?;
    }
    found.encoded.iter().try_for_each(|encoded| embeddings(out, encoded))
}

fn embeddings(out: &mut impl Write, encoded: &Encoded) -> io::Result<()> {
    let Encoded { pictures, encoder, runtime, mean_distance, max_distance, tolerance, differing } = encoded;
    let pictures = output::counted(*pictures, "picture");
    // Where its library lies is for programs.
    let runtime = runtime.split_once(" (").map_or(runtime.as_str(), |(name, _)| name);
    writeln!(
        out,
        "embeddings: {pictures} encoded again with {encoder} ({runtime}): distance {mean_distance:.6} on average, \
         {max_distance:.6} at most"
    )?;
    if differing.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "  {} of them more than {tolerance} from what the memory has: another preprocessing, another version, or another \
         processor made those; `vismem reencode --again --output NEW.vismem` makes the memory anew",
        output::count(differing.len())
    )?;
    listed(out, differing, |other| {
        format!("{}: distance {:.4} (exemplar {}, {})", other.source, other.distance, other.id, other.label)
    })
}

fn label_file(out: &mut impl Write, file: &LabelFile) -> io::Result<()> {
    let path = file.path.display();
    let pictures = output::counted(file.pictures, "picture");
    if file.absent == file.pictures {
        return writeln!(out, "label file: {path} names {pictures}, none of which is there: it belongs to others");
    }
    writeln!(
        out,
        "label file: {path} says another label than the memory for {} of {} that both have; if the file is right, \
         `vismem relabel --id ID --to LABEL`, or `--from` a CSV of ids and labels",
        output::count(file.other_label),
        output::counted(file.held, "picture"),
    )?;
    listed(out, &file.examples, |other| {
        format!("{}: {} here, {} there (exemplar {})", other.source, other.label, other.in_file, other.id)
    })
}

fn classes(out: &mut impl Write, found: &Classes) -> io::Result<()> {
    for labels in &found.of_one_name {
        let (merged, into) = (operands(labels), option("--into", &labels[0]));
        writeln!(
            out,
            "labels: of one name but for capitals or spaces; if they are one: `vismem merge {into} {merged}`"
        )?;
    }
    for Doubtful { label, about, exemplars } in &found.doubtful {
        let what = match about {
            About::LabelsOfSplits => "a part of a data set",
            About::LabelsOfNothing => "no label",
            _ => "a folder of any pictures",
        };
        let (exemplars, quoted) = (output::counted(*exemplars, "exemplar"), option("--label", label));
        writeln!(
            out,
            "labels: {label:?} ({exemplars}) looks like {what}; `vismem relabel {quoted} --to LABEL` says what they show"
        )?;
    }
    Ok(())
}

fn duplicates(out: &mut impl Write, found: &Duplicates, exemplars: usize) -> io::Result<()> {
    let Duplicates { looked_at, distance, within_labels, across_labels } = found;
    writeln!(
        out,
        "duplicates: {} looked at: {} within {distance} of each other under different labels, {} under one",
        output::counted(*looked_at, "exemplar"),
        output::counted(across_labels.len(), "pair"),
        output::count(*within_labels),
    )?;
    if *looked_at < exemplars {
        let all = output::count(exemplars);
        writeln!(
            out,
            "  of {all}; once `vismem index --kind neighbors` has searched for everyone's neighbours, all are"
        )?;
    }
    let side = |side: &Side| {
        let source = side.source.as_deref().unwrap_or("no source");
        format!("{} is {} ({source})", side.id, side.label)
    };
    listed(out, across_labels, |pair| {
        format!("{}, {}: distance {:.6}", side(&pair.first), side(&pair.second), pair.distance)
    })?;
    if let Some(pair) = across_labels.first() {
        let (id, label) = (pair.first.id, option("--to", &pair.second.label));
        writeln!(
            out,
            "  to look at a pair: `vismem explain --id {id}`; to correct it: `vismem relabel --id {id} {label}`, or the other \
             way round"
        )?;
    }
    Ok(())
}

fn shared(out: &mut impl Write, set: &SharedQueries, distance: f32) -> io::Result<()> {
    let identical = set.shared.iter().filter(|shared| shared.same_content).count();
    write!(
        out,
        "queries: {}: {} compared",
        set.path,
        output::counted(set.compared, "query").replace("querys", "queries")
    )?;
    if !set.failed.is_empty() {
        write!(out, ", {} could not be read", output::count(set.failed.len()))?;
    }
    match set.shared.len() {
        0 => writeln!(out, "; the memory has none of them, and none within {distance}; smaller copies may be farther")?,
        shared => {
            let (are, alike) = (if shared == 1 { "is" } else { "are" }, shared - identical);
            writeln!(
                out,
                "; {} {are} in the memory, and say nothing of its accuracy: {} byte for byte, {} within {distance}; take them out \
                 of the queries, or `vismem forget --id ID`",
                output::count(shared),
                output::count(identical),
                output::count(alike),
            )?;
        }
    }
    listed(out, &set.failed, |failed| failed.error.clone())?;
    listed(out, &set.shared, |shared| {
        format!("{} is exemplar {} ({}), distance {:.6}", shared.query, shared.id, shared.label, shared.distance)
    })
}
