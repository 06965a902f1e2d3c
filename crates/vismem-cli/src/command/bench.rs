use std::io::Write;

use anyhow::Result;
use vismem::{Memory, Search};
use vismem_app::bench::{self, Speed};

use super::Outcome;
use crate::args::{Args, Bench, Format, wrong_use};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Bench) -> Result<Outcome> {
    let Bench { queries, k, recall, rebuild } = options;
    Search::Partitioned { recall: *recall }.checked().map_err(wrong_use)?;
    let request = bench::Request { queries: queries.as_deref(), k: *k as usize, recall: *recall, rebuild: *rebuild };
    let document = bench::bench(&Memory::open(&args.memory)?, &request, &mut Watch::default())?;
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(Outcome::Done)
}

fn print(document: &bench::Bench) -> Result<()> {
    let mut out = output::stdout();
    let bench::Bench { exemplars, dim, queries, k, cores, .. } = document;
    let (exemplars, queries) = (output::counted(*exemplars, "exemplar"), output::count(*queries));
    writeln!(out, "{exemplars} of {dim} dimensions, {queries} queries, {k} neighbours, {cores} cores")?;
    writeln!(
        out,
        "{:<12} {:>12} {:>14} {:>14} {:>8} {:>10}",
        "", "queries/s", "one, median", "one, 99 %", "recall", "codes"
    )?;
    let mut row = |name: &str, speed: &Speed, recall: f64, bytes| {
        writeln!(
            out,
            "{name:<12} {:>12.0} {:>11.2} ms {:>11.2} ms {recall:>8.4} {:>10}",
            speed.batch_qps,
            speed.single_ms_p50,
            speed.single_ms_p99,
            output::bytes(bytes),
        )
    };
    row("exact", &document.exact.speed, 1.0, document.exact.code_bytes)?;
    match &document.partitioned {
        Some(partitioned) => {
            row("partitioned", &partitioned.speed, partitioned.recall, partitioned.code_bytes)?;
            if let Some(seconds) = partitioned.build_s {
                writeln!(out, "{} partitions, made in {seconds:.1} s", output::count(partitioned.partitions))?;
            }
        }
        None => writeln!(out, "no partitions: they begin to pay at some ten thousand exemplars")?,
    }
    Ok(out.flush()?)
}
