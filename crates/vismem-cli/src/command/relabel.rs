use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use vismem::{Editor, Event, Memory, Selector};
use vismem_data::csv_file::CsvFile;

use super::Outcome;
use crate::args::{Args, Format, Merge, Relabel, Split, wrong_use};
use crate::output;

#[derive(Serialize)]
struct Document {
    memory: String,
    exemplars: u64,
    event: Option<u64>,
    digest: String,
}

pub fn run(args: &Args, options: &Relabel) -> Result<Outcome> {
    let mut editor = Editor::open(&args.memory)?;
    let event = match (&options.to, &options.from) {
        (Some(to), _) => {
            let selector = options.selection.selector(&options.encoding, &args.memory, editor.encoder())?;
            editor.relabel(&selector, to)?
        }
        (None, Some(file)) => editor.relabel_each(&read(file)?)?,
        (None, None) => return Err(wrong_use("say the new label with --to, or a file of labels with --from")),
    };
    drop(editor);
    answer(args, event.as_ref(), "relabelled")
}

/// All exemplars of some labels get one.
pub fn merge(args: &Args, options: &Merge) -> Result<Outcome> {
    let selector = Selector { labels: options.labels.clone(), ..Selector::default() };
    let event = Editor::open(&args.memory)?.relabel(&selector, &options.into)?;
    answer(args, event.as_ref(), "relabelled")
}

/// Some exemplars of a label get another one.
pub fn split(args: &Args, options: &Split) -> Result<Outcome> {
    let label = &options.split;
    if !options.selection.labels.is_empty() {
        return Err(wrong_use(format!(
            "{label:?} is the label that is split; say which of its exemplars without --label"
        )));
    }
    let mut editor = Editor::open(&args.memory)?;
    let whole = editor.select(&Selector { labels: vec![label.clone()], ..Selector::default() })?;
    let selector = options.selection.selector(&options.encoding, &args.memory, editor.encoder())?;
    let selector = Selector { labels: vec![label.clone()], ..selector };
    ensure!(
        editor.select(&selector)? != whole,
        "every exemplar of {label:?} fits the selection, so that nothing would be left of it; to rename it use \
         `vismem merge`"
    );
    let event = editor.relabel(&selector, &options.into)?;
    drop(editor);
    answer(args, event.as_ref(), "relabelled")
}

/// Takes the latest change of labels or of the taxonomy back.
pub fn undo(args: &Args) -> Result<Outcome> {
    let event = Editor::open(&args.memory)?.undo()?;
    answer(args, Some(&event), "gave the labels from before back to")
}

fn answer(args: &Args, event: Option<&Event>, done: &str) -> Result<Outcome> {
    let exemplars = event.map_or(0, |event| event.exemplars);
    let digest = match event {
        Some(event) => event.after,
        None => Memory::open(&args.memory)?.digest(),
    };
    if args.format == Format::Json {
        output::json(&Document {
            memory: args.memory.display().to_string(),
            exemplars,
            event: event.map(|event| event.id),
            digest: digest.to_string(),
        })?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    match (exemplars, event) {
        (0, None) => writeln!(out, "nothing to change: what is selected has that label already")?,
        (0, Some(_)) => writeln!(out, "put the taxonomy from before back")?,
        _ => writeln!(out, "{done} {}", output::counted(exemplars, "exemplar"))?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// Labels by id: a CSV with the columns id and label.
fn read(file: &Path) -> Result<BTreeMap<u64, String>> {
    let table = CsvFile::open(file)?;
    let name = file.display();
    let (id_column, label_column) = (table.column("id")?, table.column("label")?);
    let mut labels = BTreeMap::new();
    for row in table.rows() {
        let row = row?;
        let (text, label) = (&row.fields[id_column], &row.fields[label_column]);
        let id: u64 = text.parse().with_context(|| format!("{name}, line {}: {text:?} is no id", row.line))?;
        ensure!(!label.is_empty(), "{name}, line {}: has no label; fill it in or remove the line", row.line);
        if labels.insert(id, label.to_owned()).is_some_and(|before| before != label) {
            bail!("{name}, line {}: exemplar {id} has two labels; keep one", row.line);
        }
    }
    ensure!(!labels.is_empty(), "{name}: has no rows");
    Ok(labels)
}
