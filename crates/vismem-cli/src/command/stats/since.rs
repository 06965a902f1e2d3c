//! What additions changed in old decisions.

use std::io::Write;

use anyhow::Result;
use vismem::{LabelSince, Since};

use crate::output;

/// Labels that people are shown; programs get them all.
const SHOWN: usize = 10;

/// Below the rows of `vismem stats`.
pub fn print(since: &Since, out: &mut impl Write) -> Result<()> {
    let Since { batch, k, vote, added, old, labels } = since;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    writeln!(out)?;
    let new_labels = match added.new_labels.len() {
        0 => String::new(),
        few @ 1..=SHOWN => format!(", {} ({})", output::counted(few, "new label"), added.new_labels.join(", ")),
        many => format!(", {}", output::counted(many, "new label")),
    };
    writeln!(out, "Since batch {batch}: {} added{new_labels}", output::counted(added.exemplars, "exemplar"))?;
    writeln!(out, "Each exemplar decided by its {k} nearest others, {vote}:")?;
    let olds = output::counted(old.exemplars, "older exemplar");
    writeln!(out, "  {:>8} right of {olds} before", percent(old.accuracy_before))?;
    let (changed, mended, spoilt) = (output::count(old.changed), output::count(old.mended), output::count(old.spoilt));
    let after = percent(old.accuracy_after);
    writeln!(out, "  {after:>8} right of them now: {changed} decided otherwise, {mended} mended, {spoilt} spoilt")?;
    if let Some(accuracy) = added.accuracy {
        writeln!(out, "  {:>8} right of the added", percent(accuracy))?;
    }
    let lost: Vec<&LabelSince> = labels.iter().filter(|label| label.accuracy_after < label.accuracy_before).collect();
    if !lost.is_empty() {
        writeln!(out, "Labels that lost:")?;
    }
    for label in lost.iter().take(SHOWN) {
        let (before, after) = (percent(label.accuracy_before), percent(label.accuracy_after));
        let taken_for = label.taken_for.iter().map(|other| format!(", taken for {other}")).collect::<String>();
        let of = output::counted(label.exemplars, "exemplar");
        writeln!(out, "  {before:>8} -> {after:>8}  {}, {of}{taken_for}", label.label)?;
    }
    if lost.len() > SHOWN {
        writeln!(out, "  and {} more (--format json names all)", output::count(lost.len() - SHOWN))?;
    }
    Ok(())
}
