use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use vismem::Memory;
use vismem_app::explain::{self, Subject};
use vismem_data::SourceResolver;

use super::{Outcome, classify};
use crate::args::{Args, Explain, Format};
use crate::output::JsonResults;
use crate::progress::Watch;
use crate::{decision, encoder, output};

pub fn run(args: &Args, options: &Explain) -> Result<Outcome> {
    let pictures = options.images.iter().map(|path| Subject::of(path));
    let subjects: Vec<Subject> = pictures.chain(options.ids.iter().copied().map(Subject::Exemplar)).collect();
    let files = match (&options.output[..], subjects.len()) {
        ([], 1) => &[PathBuf::from("explanation.html")],
        ([], _) => &[PathBuf::from("explanations")],
        (files, _) => files,
    };
    // Before the memory is opened, as every option that is wrong.
    explain::check_files(&subjects, files)?;
    let asked = options.voting.checked()?;
    let memory = Memory::open(&args.memory)?;
    let plain = asked.of(&memory)?;
    let question = classify::question(&memory, plain, &options.what_if, &options.encoding)?;
    let request = explain::Request {
        subjects: &subjects,
        files,
        flip: options.flip,
        encoding: encoder::meant(&options.encoding),
        // Who runs the command line may look at any file of theirs.
        resolver: SourceResolver::default(),
    };
    let explained = explain::explain(&memory, &question, &request, &mut Watch::default())?;
    match (args.format, &explained[..]) {
        (Format::Json, [one]) => output::json(one)?,
        (Format::Json, several) => {
            let mut results = JsonResults::begin(output::stdout())?;
            several.iter().try_for_each(|one| results.push(one))?;
            results.end()?;
        }
        (Format::Text, explained) => {
            let mut out = output::stdout();
            for explained in explained {
                let decision = decision::in_short(&explained.decision, &question.plain);
                writeln!(out, "{}  {decision}", explained.path)?;
                explained.flip_in_words.iter().try_for_each(|words| writeln!(out, "{words}"))?;
                explained.files.iter().try_for_each(|file| writeln!(out, "see {file}"))?;
            }
            out.flush()?;
        }
    }
    Ok(Outcome::Done)
}
