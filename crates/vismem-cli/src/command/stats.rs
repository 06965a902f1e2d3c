mod since;

use std::io::Write;

use anyhow::Result;
use vismem::{Attribute, CalibrationStats, Memory, Tuning, TuningState};
use vismem_app::stats::{self, Comparison};

use super::Outcome;
use crate::args::{Args, Format, Since, Stats};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Stats) -> Result<Outcome> {
    let chosen = options.rule.checked()?;
    let memory = Memory::open(&args.memory)?;
    let Tuning { vote, k } = chosen.of(&memory)?;
    let comparison = options.since.map(|since| Comparison {
        batch: match since {
            Since::Batch(batch) => Some(batch),
            Since::Last => None,
        },
        k,
        vote,
    });
    let stats = stats::stats(&memory, comparison, &mut Watch::default())?;
    match args.format {
        Format::Json => output::json(&stats)?,
        Format::Text => print(&stats)?,
    }
    Ok(Outcome::Done)
}

fn print(stats: &stats::Stats) -> Result<()> {
    let stats::Stats { memory, stats, since } = stats;
    let mut out = output::stdout();
    let mut row = |name: &str, value: String| writeln!(out, "{name:<11} {value}");
    row("memory", memory.clone())?;
    row("exemplars", output::count(stats.exemplars))?;
    let labels = output::count(stats.labels);
    let labels = match stats.labels_without_exemplars {
        0 => labels,
        some => format!("{labels}, {} of them without exemplars", output::count(some)),
    };
    row("labels", labels)?;
    if !stats.levels.is_empty() {
        row("levels", stats.levels.join(" < "))?;
    }
    for (place, Attribute { name, kind, exemplars }) in stats.attributes.iter().enumerate() {
        let title = if place == 0 { "attributes" } else { "" };
        row(title, format!("{name} ({kind}), of {}", output::counted(*exemplars, "exemplar")))?;
    }
    row("batches", output::count(stats.batches))?;
    row("free slots", output::count(stats.free_slots))?;
    row("size", output::bytes(stats.bytes))?;
    if let Some(pruning) = &stats.pruning {
        row("pruning", pruning.to_string())?;
    }
    if let Some(TuningState { tuning, event, changed, stale }) = stats.tuning {
        let since = match (changed, stale) {
            (0, _) => String::new(),
            (_, false) => format!("; {} changed since", output::counted(changed, "exemplar")),
            (_, true) => {
                format!("; stale, {} changed since: `vismem tune` chooses anew", output::counted(changed, "exemplar"))
            }
        };
        row("tuning", format!("{}, by event {event}{since}", super::tune::words(tuning)))?;
    }
    if let Some(calibration) = &stats.calibration {
        let CalibrationStats { vote, k, asked, added_since, .. } = calibration;
        let asked = output::counted(*asked, "exemplar");
        let mut value = format!("{vote} of {k}, by {asked}");
        if *added_since > 0 {
            value += &format!("; {} were added since", output::count(*added_since));
        }
        row("calibration", value)?;
    }
    row("encoder", format!("{}, {} dimensions", stats.encoder.name, stats.encoder.dim))?;
    row("digest", stats.digest.to_string())?;
    if let Some(since) = since {
        since::print(since, &mut out)?;
    }
    Ok(out.flush()?)
}
