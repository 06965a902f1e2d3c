use std::io::Write;

use anyhow::Result;
use vismem::Memory;
use vismem_app::RequestError;
use vismem_app::forget::{self, Forgotten, Page};
use vismem_app::picture::Pictures;
use vismem_data::has_extension;
use vismem_encode::decode::Limits;

use super::Outcome;
use crate::args::{Args, Forget, Format};
use crate::output;
use crate::progress::Watch;
use crate::remedy;

pub fn run(args: &Args, options: &Forget) -> Result<Outcome> {
    let forgotten = if options.dry_run { look(args, options)? } else { forget(args, options)? };
    match args.format {
        Format::Json => output::json(&forgotten)?,
        Format::Text => print(&forgotten)?,
    }
    Ok(if forgotten.exemplars == 0 { Outcome::Incomplete } else { Outcome::Done })
}

fn forget(args: &Args, options: &Forget) -> Result<Forgotten> {
    let selection = options.selection.selection(&options.encoding);
    let forgotten = forget::forget(&args.memory, &selection, options.receipt.as_deref(), &mut Watch::default());
    let error = match forgotten {
        Ok(forgotten) => return Ok(forgotten),
        Err(error) => anyhow::Error::from(error),
    };
    if let Some(exemplars) = remedy::forgotten(&error)
        && let Format::Json = args.format
    {
        output::json(&Forgotten { exemplars, ..Forgotten::nothing(&args.memory) })?;
    }
    Err(error)
}

/// Says what would be forgotten.
fn look(args: &Args, options: &Forget) -> Result<Forgotten> {
    // Before the memory is opened, as every option that is wrong.
    if let Some(file) = options.page.as_ref().filter(|file| !has_extension(file, "html")) {
        return Err(vismem_app::Error::from(RequestError::Page(file.clone())).into());
    }
    let selection = options.selection.selection(&options.encoding);
    let max_pixels = u64::from(options.encoding.max_megapixels) * 1_000_000;
    let lead = format!(
        "Nothing was changed yet in {}: this is what the same command without --dry-run forgets.",
        args.memory.display()
    );
    // Who runs the command line may look at any file of theirs.
    let pictures = Pictures { limits: Limits { max_pixels, ..Limits::default() }, ..Pictures::default() };
    let page = options.page.as_deref().map(|file| Page { file, lead, pictures });
    let memory = Memory::open(&args.memory)?;
    Ok(forget::preview(&memory, &selection, page.as_ref(), &mut Watch::default())?)
}

fn print(forgotten: &Forgotten) -> Result<()> {
    let mut out = output::stdout();
    if forgotten.exemplars == 0 {
        writeln!(
            out,
            "nothing fits the selection, nothing {}",
            if forgotten.dry_run { "would be forgotten" } else { "was forgotten" }
        )?;
        return Ok(out.flush()?);
    }
    if forgotten.dry_run {
        for (label, exemplars) in &forgotten.labels {
            let all = if forgotten.emptied_labels.contains(label) { "  (all of it)" } else { "" };
            writeln!(out, "{:>9}  {label}{all}", output::count(*exemplars))?;
        }
        let whole = if forgotten.is_all { ", which is the whole memory" } else { "" };
        let exemplars = output::counted(forgotten.exemplars, "exemplar");
        writeln!(out, "would forget {exemplars}{whole}; nothing was changed")?;
        if let Some(file) = &forgotten.page {
            writeln!(out, "see {file}")?;
        }
        return Ok(out.flush()?);
    }
    if let Some(receipt) = &forgotten.receipt {
        let milliseconds = receipt.microseconds as f64 / 1e3;
        writeln!(out, "forgot {} in {milliseconds:.1} ms", output::counted(receipt.exemplars, "exemplar"))?;
        writeln!(out, "digest before {}", receipt.before)?;
        writeln!(out, "digest after  {}", receipt.after)?;
        let by = receipt.selected_by.join(", ");
        writeln!(out, "receipt       event {} of the log, selected by {by}, {}", receipt.event, receipt.engine)?;
    }
    Ok(out.flush()?)
}
