use std::io::Write;

use anyhow::Result;
use vismem::Memory;
use vismem_app::explain;
use vismem_data::SourceResolver;

use super::{Outcome, classify};
use crate::args::{Args, Explain, Format};
use crate::progress::Watch;
use crate::{decision, encoder, output};

pub fn run(args: &Args, options: &Explain) -> Result<Outcome> {
    // Before the memory is opened, as every option that is wrong.
    explain::check_files(&options.image, &options.output)?;
    let plain = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    let question = classify::question(&memory, plain, &options.what_if, &options.encoding)?;
    let request = explain::Request {
        image: &options.image,
        files: &options.output,
        flip: options.flip,
        encoding: encoder::meant(&options.encoding),
        // Who runs the command line may look at any file of theirs.
        resolver: SourceResolver::default(),
    };
    let explained = explain::explain(&memory, &question, &request, &mut Watch::default())?;
    match args.format {
        Format::Json => output::json(&explained)?,
        Format::Text => {
            let mut out = output::stdout();
            let decision = decision::in_short(&explained.decision, &question.plain);
            writeln!(out, "{}  {decision}", explained.path)?;
            explained.flip_in_words.iter().try_for_each(|words| writeln!(out, "{words}"))?;
            explained.files.iter().try_for_each(|file| writeln!(out, "see {file}"))?;
            out.flush()?;
        }
    }
    Ok(Outcome::Done)
}
