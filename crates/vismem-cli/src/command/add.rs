//! `vismem add`: labelled pictures or embeddings into a memory.

pub mod report;

use std::num::NonZeroUsize;

use anyhow::Result;
use vismem_app::add::{AddRequest, add};
use vismem_models::Hub;

use super::Outcome;
use crate::args::{Add, Args};
use crate::encoder;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Add) -> Result<Outcome> {
    let request = AddRequest {
        paths: options.paths.clone(),
        labels: options.labels.clone(),
        taxonomy: options.taxonomy.clone(),
        commit_every: options.commit_every.and_then(|count| NonZeroUsize::new(count as usize)),
        encoder: encoder::request(&options.encoding),
        reading: (&options.reading).into(),
    };
    let hub = Hub::from_environment();
    let report = add(&args.memory, &request, &hub, &mut Watch::until_interrupted())?;
    report::answer(report, args.format)
}
