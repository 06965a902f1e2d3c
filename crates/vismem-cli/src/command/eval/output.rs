//! Results as text and as JSON.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use vismem_eval::{Evaluation, Table, paper};
use vismem_report::Picture;
use vismem_report::words::{NBSP, counted_in};

use crate::args::{Args, Format};
use crate::output;

/// Answers, and says where the report is.
pub fn answer(args: &Args, evaluation: &Evaluation, directory: Option<&Path>) -> Result<()> {
    match args.format {
        Format::Json => output::json(evaluation),
        Format::Text => text(evaluation, directory),
    }
}

fn text(evaluation: &Evaluation, directory: Option<&Path>) -> Result<()> {
    let mut out = output::stdout();
    let about = &evaluation.about;
    let what = about.memory.clone().unwrap_or_else(|| about.neighbor_files.join(", "));
    let (exemplars, labels) = (output::counted(about.exemplars, "exemplar"), output::counted(about.labels, "label"));
    writeln!(out, "{what}: {exemplars} of {labels}, encoder {}", about.encoder)?;
    for queries in &about.queries {
        let queries_are = match about.leave_one_out {
            true => "each exemplar asked without itself".into(),
            false => {
                format!("{} of {}", counted_in(queries.queries, "query", "queries").replace(NBSP, " "), queries.name)
            }
        };
        writeln!(out, "{queries_are}, {}", output::counted(about.k.min(about.exemplars), "neighbour"))?;
        for (number, what) in [
            (queries.unlabelled, "without a known label: not counted"),
            (queries.unknown, "of labels that the memory does not have: wrong"),
            (queries.unreadable, "that could not be read: not counted"),
            (
                if about.leave_one_out { 0 } else { queries.in_memory },
                "at distance 0 of an exemplar: the memory may hold them",
            ),
        ] {
            if number > 0 {
                writeln!(out, "  {} {what}", output::count(number))?;
            }
        }
    }
    let experiments = evaluation.results.by_experiment();
    if experiments.len() > 1 {
        findings(&mut out, evaluation, directory)?;
    } else {
        for (experiment, tables) in experiments {
            let short = tables.into_iter().filter(|table| table.is_short);
            for table in short.chain(paper::tables(experiment)) {
                write_table(&mut out, &table)?;
            }
        }
    }
    for left_out in &evaluation.left_out {
        writeln!(out, "\n{}: not done: {}", left_out.experiment, left_out.why)?;
    }
    if !about.seeds.is_empty() {
        let seeds: Vec<String> = about.seeds.iter().map(u64::to_string).collect();
        writeln!(out, "\nseeds {}", seeds.join(", "))?;
    }
    if let Some(directory) = directory {
        writeln!(out, "\nsee {}", directory.join("report.html").display())?;
    }
    Ok(out.flush()?)
}

/// Of many experiments what the first page of the report says, and the answer of each; tables would be hundreds of lines.
fn findings(out: &mut impl Write, evaluation: &Evaluation, directory: Option<&Path>) -> Result<()> {
    let report = vismem_eval::report(evaluation, &|_| Picture::Missing(String::new()));
    writeln!(out)?;
    for finding in &report.findings {
        writeln!(out, "{}", plain(&format!("{} {}", finding.number, finding.sentence)))?;
    }
    for step in &report.steps {
        writeln!(out, "\n-> {}", plain(&step.sentence))?;
        if !step.command.is_empty() {
            writeln!(out, "   {}", step.command)?;
        }
    }
    writeln!(out)?;
    for section in &report.sections {
        if let Some(first) = section.answer.first() {
            writeln!(out, "{}: {}", section.name, plain(first))?;
        }
    }
    if directory.is_none() {
        writeln!(
            out,
            "\nfor tables, plots and pictures write a report with -o DIR; one experiment alone prints its tables"
        )?;
    }
    Ok(())
}

/// As a terminal shows it: with plain spaces.
fn plain(text: &str) -> String {
    text.replace(NBSP, " ")
}

fn write_table(out: &mut impl Write, table: &Table) -> Result<()> {
    writeln!(out, "\n{}", table.caption)?;
    table.to_text().lines().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}
