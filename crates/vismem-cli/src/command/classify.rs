mod answer;

use std::collections::HashMap;
use std::ops::ControlFlow;

use anyhow::Result;
use vismem::{ClassifyOptions, Memory, TuningState, Vote};
use vismem_app::Observer;
use vismem_app::classify::{self, Answer, Answers};
use vismem_app::what_if::{Part, Question};

use self::answer::Printer;
use super::{Outcome, index};
use crate::args::encoding::Encoding;
use crate::args::{Args, Classify, WhatIf};
use crate::progress::Watch;
use crate::{encoder, output, remedy};

pub fn run(args: &Args, options: &Classify) -> Result<Outcome> {
    let asked = options.voting.checked()?;
    let memory = Memory::open(&args.memory)?;
    let plain = asked.of(&memory)?;
    if asked.is_left_to_the_memory() {
        note_if_stale(&memory)?;
    }
    let question = question(&memory, plain, &options.what_if, &options.encoding)?;
    let request = classify::Request {
        paths: &options.paths,
        finding: (&options.finding).into(),
        changed: options.changed,
        encoding: encoder::meant(&options.encoding),
    };
    let printer = Printer::new(args.format, &question.plain);
    let mut printed = Printed { printer, steps: Watch::default(), failed: None };
    let tried = classify::classify(&memory, &question, &request, &mut printed);
    let Printed { printer, failed, .. } = printed;
    if let Some(error) = failed {
        return Err(error);
    }
    let tried = tried?;
    printer.end(&tried)?;
    Ok(if tried.failed == 0 { Outcome::Done } else { Outcome::Incomplete })
}

/// Says so where edits have outdated the memory's choice of a vote.
fn note_if_stale(memory: &Memory) -> Result<()> {
    if let Some(TuningState { changed, stale: true, .. }) = memory.tuning_state()? {
        output::note(format_args!(
            "note: {} changed since the vote was chosen by which this memory decides; `vismem tune` chooses anew",
            output::counted(changed, "exemplar")
        ));
    }
    Ok(())
}

/// How the memory is asked; says what would make it faster, and what of a what-if fits nothing.
pub fn question(memory: &Memory, plain: ClassifyOptions, what_if: &WhatIf, encoding: &Encoding) -> Result<Question> {
    index::advise(memory, plain.search);
    let by_confidence = memory.calibration_for(&plain).is_err();
    let asked = plain.min_confidence.filter(|_| by_confidence);
    if let Some((least, most)) = asked.zip(most_confidence(memory, &plain)?).filter(|(a, b)| a > b) {
        output::note(format_args!(
            "note: no answer can have a confidence of {least}: a label has too few exemplars for more than {most:.2} of the \
             vote of {}; ask fewer with -k, or for less with --min-confidence",
            plain.k
        ));
    }
    let question = Question::new(memory, plain, what_if.into(), &encoder::meant(encoding), &mut Watch::default())?;
    for part in &question.fits_nothing {
        let option = match part {
            Part::Without => "--without",
            Part::Only => "--only",
            Part::Conditions => "--where",
        };
        output::note(format_args!("note: {option} fits no exemplar"));
    }
    Ok(question)
}

/// The highest confidence that any label can have, or any name that is common to labels: all of its exemplars are the
/// nearest. `None` where it depends on distances.
fn most_confidence(memory: &Memory, options: &ClassifyOptions) -> Result<Option<f64>> {
    if !matches!(options.vote, Vote::Plurality | Vote::Rank { .. }) || memory.pruning()?.is_some() {
        return Ok(None);
    }
    let taxonomy = memory.taxonomy()?;
    let mut exemplars: HashMap<&str, usize> = HashMap::new();
    for label in memory.labels() {
        *exemplars.entry(taxonomy.name_of(&label.name, taxonomy.levels.len())).or_default() += label.exemplars;
    }
    let sum = |voters: usize| (0..voters).filter_map(|rank| options.vote.weight(rank, 0.0)).sum::<f64>();
    let (voters, most) = (options.k.min(memory.len()), exemplars.values().copied().max().unwrap_or(0));
    Ok((voters > 0).then(|| sum(voters.min(most)) / sum(voters)))
}

impl From<&WhatIf> for vismem_app::what_if::WhatIf {
    fn from(what_if: &WhatIf) -> Self {
        let WhatIf { without, only, conditions, weights } = what_if;
        Self { without: without.clone(), only: only.clone(), conditions: conditions.clone(), weights: weights.clone() }
    }
}

/// Answers that are printed as they come.
struct Printed {
    printer: Printer,
    steps: Watch,
    /// Why no more can be printed.
    failed: Option<anyhow::Error>,
}

impl Observer for Printed {
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()> {
        Observer::step(&mut self.steps, what, done, total)
    }

    fn note(&mut self, line: &str) {
        self.steps.note(line);
    }

    fn fetching(&mut self, piece: vismem_models::Fetching<'_>) -> ControlFlow<()> {
        self.steps.fetching(piece)
    }
}

impl Answers for Printed {
    fn answer(&mut self, mut answer: Answer) -> ControlFlow<()> {
        if let Some(remedy) = answer.remedy {
            answer.error = answer.error.map(|error| format!("{error}; {}", remedy::option(remedy)));
        }
        let Self { printer, steps, .. } = self;
        let printed = steps.pause(|| {
            if let Some(error) = &answer.error {
                output::note(format_args!("warning: {error}"));
            }
            printer.print(&answer)
        });
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
