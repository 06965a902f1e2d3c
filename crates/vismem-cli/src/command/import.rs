//! `vismem import`: makes the memory again that `vismem export embeddings` wrote, or puts together what `vismem encode`
//! wrote in many places.

use anyhow::Result;

use super::Outcome;
use super::add::report;
use crate::args::{Args, Import};
use crate::progress::Watch;

pub fn run(args: &Args, options: &Import) -> Result<Outcome> {
    let report = vismem_app::import::import(&args.memory, &options.folders, &mut Watch::until_interrupted())?;
    report::answer(report, args.format)
}
