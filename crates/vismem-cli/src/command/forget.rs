use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::{Editor, Exemplar, Memory, Receipt};
use vismem_data::has_extension;
use vismem_encode::decode::Limits;
use vismem_report::{CONTACT_SIDE, Contact, ContactGroup, ContactSheet, contact_sheet_html};

use super::Outcome;
use crate::args::{Args, Forget, Format, wrong_use};
use crate::{output, picture};

/// Pictures that a page shows of each label, and of all.
const SHOWN_OF_A_LABEL: usize = 60;
const SHOWN: usize = 600;

#[derive(Serialize)]
struct Document {
    memory: String,
    dry_run: bool,
    exemplars: usize,
    receipt: Option<Receipt>,
    page: Option<String>,
}

pub fn run(args: &Args, options: &Forget) -> Result<Outcome> {
    if let Some(file) = options.page.as_ref().filter(|file| !has_extension(file, "html")) {
        return Err(wrong_use(format!("{}: the page is written as .html", file.display())));
    }
    if options.dry_run { look(args, options) } else { forget(args, options) }
}

fn forget(args: &Args, options: &Forget) -> Result<Outcome> {
    let mut editor = Editor::open(&args.memory)?;
    let selector = options.selection.selector(&options.encoding, &args.memory, editor.encoder())?;
    let mut file = options.receipt.as_deref().map(NewReceipt::create).transpose()?;
    let forgotten = editor.forget(&selector)?;
    drop(editor);
    if let (Some(file), Some(receipt)) = (&mut file, &forgotten) {
        file.write(receipt)?;
    }
    if args.format == Format::Json {
        output::json(&Document {
            memory: args.memory.display().to_string(),
            dry_run: false,
            exemplars: forgotten.as_ref().map_or(0, |receipt| receipt.exemplars as usize),
            receipt: forgotten,
            page: None,
        })?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    match &forgotten {
        None => writeln!(out, "nothing fits the selection, nothing was forgotten")?,
        Some(receipt) => {
            let milliseconds = receipt.microseconds as f64 / 1e3;
            writeln!(out, "forgot {} in {milliseconds:.1} ms", output::counted(receipt.exemplars, "exemplar"))?;
            writeln!(out, "digest before {}\ndigest after  {}", receipt.before, receipt.after)?;
            let by = receipt.selected_by.join(", ");
            writeln!(out, "receipt       event {} of the log, selected by {by}, {}", receipt.event, receipt.engine)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The file of a receipt, made before anything is forgotten, so that no receipt is lost for want of a place.
struct NewReceipt<'p> {
    path: &'p Path,
    file: File,
    written: bool,
}

impl<'p> NewReceipt<'p> {
    fn create(path: &'p Path) -> Result<Self> {
        let file = File::options().write(true).create_new(true).open(path);
        let file = file.with_context(|| format!("cannot make {}; nothing was forgotten", path.display()))?;
        Ok(Self { path, file, written: false })
    }

    fn write(&mut self, receipt: &Receipt) -> Result<()> {
        let text = format!("{}\n", serde_json::to_string_pretty(receipt)?);
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        let lost = || format!("cannot write {}; the exemplars are forgotten, see `vismem log`", self.path.display());
        written.with_context(lost)?;
        self.written = true;
        Ok(())
    }
}

impl Drop for NewReceipt<'_> {
    fn drop(&mut self) {
        if !self.written {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// Says what would be forgotten.
fn look(args: &Args, options: &Forget) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let selector = options.selection.selector(&options.encoding, &args.memory, memory.encoder())?;
    let ids = memory.select(&selector)?;
    let mut labels: BTreeMap<String, Vec<Exemplar>> = BTreeMap::new();
    for id in &ids {
        if let Some(exemplar) = memory.exemplar(*id)? {
            labels.entry(exemplar.label.clone()).or_default().push(exemplar);
        }
    }
    if let Some(file) = &options.page {
        let page = contact_sheet_html(&sheet(args, &labels, options.encoding.max_megapixels))?;
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.format == Format::Json {
        output::json(&Document {
            memory: args.memory.display().to_string(),
            dry_run: true,
            exemplars: ids.len(),
            receipt: None,
            page: options.page.as_ref().map(|file| file.display().to_string()),
        })?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    for (label, exemplars) in &labels {
        writeln!(out, "{:>9}  {label}", output::count(exemplars.len()))?;
    }
    writeln!(out, "would forget {}; nothing was changed", output::counted(ids.len(), "exemplar"))?;
    if let Some(file) = &options.page {
        writeln!(out, "see {}", file.display())?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn sheet(args: &Args, labels: &BTreeMap<String, Vec<Exemplar>>, megapixels: u32) -> ContactSheet {
    let limits = Limits { max_pixels: u64::from(megapixels) * 1_000_000, ..Limits::default() };
    let contact = |exemplar: &Exemplar| Contact {
        id: exemplar.id,
        source: exemplar.source.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        picture: picture::of_source(exemplar.source.as_ref(), CONTACT_SIDE, &limits),
    };
    let mut room = SHOWN;
    let group = |(label, exemplars): (&String, &Vec<Exemplar>)| {
        let shown = exemplars.len().min(SHOWN_OF_A_LABEL).min(room);
        room -= shown;
        let shown = exemplars[..shown].iter().map(contact).collect();
        ContactGroup { label: label.clone(), exemplars: exemplars.len(), shown }
    };
    let groups: Vec<ContactGroup> = labels.iter().map(group).collect();
    let exemplars = output::counted(labels.values().map(Vec::len).sum::<usize>(), "exemplar");
    ContactSheet {
        title: format!("{exemplars} that would be forgotten"),
        lead: format!(
            "Nothing was changed yet in {}: this is what the same command without --dry-run forgets.",
            args.memory.display()
        ),
        groups,
    }
}
