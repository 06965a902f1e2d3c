//! `vismem encode`: embeddings of labelled pictures into files, for `vismem add` to take later and elsewhere.

use std::io::Write;

use anyhow::Result;
use vismem_app::encode::{EncodeRequest, encode};
use vismem_models::Hub;

use super::{Outcome, notes};
use crate::args::{Args, Encode, Format};
use crate::progress::Watch;
use crate::{encoder, output, remedy};

pub fn run(args: &Args, options: &Encode) -> Result<Outcome> {
    let request = EncodeRequest {
        paths: options.paths.clone(),
        output: options.output.clone(),
        share: options.shard,
        metadata: options.metadata.into(),
        encoder: encoder::request(&options.encoding),
        reading: (&options.reading).into(),
    };
    let mut report = encode(&request, &Hub::from_environment(), &mut Watch::default())?;
    remedy::failures(&mut report.failed);
    if args.format == Format::Json {
        output::json(&report)?;
    } else {
        let mut out = output::stdout();
        writeln!(out, "encoded {}", output::counted(report.encoded, "picture"))?;
        let failed: u64 = report.failed.iter().map(|failure| failure.count).sum();
        if failed > 0 {
            writeln!(out, "not encoded: {}, see the warnings", output::counted(failed, "picture"))?;
        }
        notes::passed_over(&mut out, &report.passed_over)?;
        notes::notes(&mut out, &report.notes)?;
        writeln!(out, "add them with `vismem add {}`", options.output.display())?;
        out.flush()?;
    }
    Ok(if report.failed.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}
