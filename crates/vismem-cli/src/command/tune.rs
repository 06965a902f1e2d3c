use std::io::Write;

use anyhow::Result;
use vismem::{Tuning, Vote};
use vismem_app::tune::{self, Tuned, Untuned};
use vismem_eval::{Paired, SettingTrial, Share, TuningChoice};

use super::Outcome;
use crate::args::{Args, Format, Tune, TuneAction};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Tune) -> Result<Outcome> {
    match options.action {
        Some(TuneAction::Off) => off(args)?,
        None => {
            let tuned = tune::tune(&args.memory, options.sample as usize, options.dry_run, &mut Watch::default())?;
            match args.format {
                Format::Json => output::json(&tuned)?,
                Format::Text => print(&tuned)?,
            }
        }
    }
    Ok(Outcome::Done)
}

fn off(args: &Args) -> Result<()> {
    let untuned = tune::off(&args.memory, &mut Watch::default())?;
    if args.format == Format::Json {
        return output::json(&untuned);
    }
    let Untuned { memory, was, decides_by, .. } = untuned;
    let mut out = output::stdout();
    match was {
        Some(was) => writeln!(out, "{memory}: decides by {} again, not by {}", words(decides_by), words(was))?,
        None => writeln!(out, "{memory}: nothing to give up, decides by {}", words(decides_by))?,
    }
    Ok(out.flush()?)
}

/// "rank (α = 2) of 20 neighbours"
pub fn words(Tuning { vote, k }: Tuning) -> String {
    format!("{vote} of {}", output::counted(k, "neighbour"))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn with_interval(share: &Share) -> String {
    format!("{} ({:.1} to {:.1})", percent(share.value), 100.0 * share.low, 100.0 * share.high)
}

fn print(tuned: &Tuned) -> Result<()> {
    let Tuned { memory, dry_run, choice, event } = tuned;
    let TuningChoice {
        asked,
        could_be_asked,
        alone,
        pruning,
        chosen,
        default,
        now,
        against_now,
        others,
        tried: _,
        held_out,
    } = choice;
    let mut out = output::stdout();
    let of = if asked < could_be_asked { format!(" of {}", output::count(*could_be_asked)) } else { String::new() };
    writeln!(out, "asked {}{of}, each without itself", output::counted(*asked, "exemplar"))?;
    if *alone > 0 {
        let (verb, label) = if *alone == 1 { ("is", "its label") } else { ("are", "their labels") };
        writeln!(out, "{} not asked: {verb} alone with {label}", output::counted(*alone, "exemplar"))?;
    }
    if let Some(pruning) = pruning {
        writeln!(out, "under the pruning that is set: {pruning}")?;
    }
    writeln!(out, "\n{:<22}  {:>6}  {:>5}  {:>7}", "right, 95 % interval", "gained", "lost", "p")?;
    for trial in shown(choice) {
        let role = match trial.tuning {
            tuning if tuning == chosen.tuning && tuning == default.tuning => "  <- default, chosen",
            tuning if tuning == chosen.tuning => "  <- chosen",
            tuning if tuning == now.tuning && tuning != default.tuning => "  <- until now",
            tuning if tuning == default.tuning => "  <- default",
            _ => "",
        };
        let SettingTrial { accuracy, gained, lost, p, tuning } = trial;
        let (share, p) = (with_interval(accuracy), p_value(*p));
        writeln!(out, "{share:<22}  {gained:>6}  {lost:>5}  {p:>7}  {}{role}", words(*tuning))?;
    }
    writeln!(
        out,
        "gained and lost: exemplars decided right unlike the default, and the other way round; p: how likely that is by chance \
         after {} were tried; the best of each vote is shown, --format json lists all",
        output::counted(*others, "other")
    )?;

    writeln!(out)?;
    if chosen.tuning == default.tuning {
        writeln!(out, "the default is kept: nothing is better by more than chance may do")?;
    } else {
        writeln!(out, "chosen: {}", words(chosen.tuning))?;
    }
    writeln!(
        out,
        "for exemplars without a say in the choice: {} right; {} of {} times these would have chosen the same",
        with_interval(&held_out.accuracy),
        held_out.same_choice,
        held_out.folds
    )?;
    let Paired { gained, lost, .. } = against_now;
    match now.tuning == chosen.tuning {
        true => writeln!(out, "decisions stay as they are")?,
        false => writeln!(
            out,
            "instead of {}: {} of those asked right that were wrong, {} the other way round",
            words(now.tuning),
            output::count(*gained),
            output::count(*lost)
        )?,
    }
    match (dry_run, event) {
        (true, _) => writeln!(out, "{memory}: nothing changed (--dry-run)")?,
        (false, Some(_)) => writeln!(out, "{memory}: decides by this from now on; `vismem undo` takes it back")?,
        (false, None) => writeln!(out, "{memory}: decided by this already, and nothing has changed since")?,
    }
    Ok(out.flush()?)
}

/// The best of each kind of vote, the default, what was chosen and what it was until now: the most accurate first.
fn shown(choice: &TuningChoice) -> Vec<&SettingTrial> {
    let mut kinds = Vec::new();
    let named = [choice.chosen.tuning, choice.default.tuning, choice.now.tuning];
    let is_shown = |trial: &&SettingTrial| {
        let kind = match trial.tuning.vote {
            Vote::Kernel { .. } => "kernel",
            Vote::Rank { .. } => "rank",
            Vote::Softmax { .. } => "softmax",
            Vote::Distance { .. } => "distance",
            Vote::Plurality => "plurality",
        };
        let is_first = !kinds.contains(&kind);
        kinds.push(kind);
        is_first || named.contains(&trial.tuning)
    };
    choice.tried.iter().filter(is_shown).collect()
}

/// "0.031", "< 0.001"
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}
