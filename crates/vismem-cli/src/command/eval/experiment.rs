//! Which experiments there are, and how each is done.

use anyhow::Result;
use vismem::{Pruning, Threshold, Vote};
use vismem_eval as eval;
use vismem_eval::{Error, Evaluation, Results};

use super::ground::Ground;
use super::stop;
use crate::args::eval::DEPTH;
use crate::args::{Args, DEFAULT_MEMORY, wrong_use};
use crate::progress;

/// Queries that `composition` counts, at most.
const COMPOSITIONS_COUNTED: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experiment {
    Aggregation,
    Reliability,
    Hyperparameters,
    Corruption,
    Calibration,
    Scaling,
    NovelClasses,
    Shift,
    Granularity,
    Unlearning,
    Errors,
    Composition,
}

/// What the user said of the experiments, or what goes without saying.
#[derive(Debug, Clone)]
pub struct Options {
    pub k: usize,
    /// Where hard pruning begins; `None` to ask the memory.
    pub threshold: Option<Threshold>,
    pub voters: usize,
    pub seeds: Vec<u64>,
    pub held_out: Vec<String>,
    pub forgotten: usize,
    pub mistakes: usize,
    pub compositions: usize,
    /// Results of other memories, beside those of scaling.
    pub beside: Vec<Evaluation>,
    /// Whether one experiment was asked for by its name.
    pub alone: bool,
    /// How commands begin.
    program: String,
}

impl Options {
    pub fn new(args: &Args) -> Self {
        Self {
            k: DEPTH as usize,
            threshold: None,
            voters: 20,
            seeds: vec![0, 1, 2, 3, 4],
            held_out: Vec::new(),
            forgotten: 100,
            mistakes: 24,
            compositions: 12,
            beside: Vec::new(),
            alone: true,
            program: match args.memory.to_string_lossy() {
                memory if memory == DEFAULT_MEMORY => "vismem".into(),
                memory => format!("vismem -m {}", super::ground::quoted(&memory)),
            },
        }
    }

    /// # Errors
    /// When something is out of range.
    pub fn checked(&self) -> Result<()> {
        self.threshold.map(|threshold| hard(threshold).checked().map_err(wrong_use)).transpose()?;
        Ok(())
    }

    /// All options that an experiment depends on, in words.
    pub fn key(&self, experiment: Experiment) -> String {
        // k is part of the inputs.
        let Self {
            k: _,
            threshold,
            voters,
            seeds,
            held_out,
            forgotten,
            mistakes,
            compositions,
            beside,
            alone: _,
            program,
        } = self;
        match experiment {
            Experiment::Aggregation => format!("{threshold:?}"),
            Experiment::Reliability | Experiment::Hyperparameters | Experiment::Shift => String::new(),
            Experiment::Corruption | Experiment::Granularity => format!("{seeds:?}"),
            Experiment::Calibration => format!("{voters} {:?}", seeds.first()),
            Experiment::Scaling => {
                let beside: Vec<_> = beside.iter().map(|other| (&other.about.inputs, &other.about.seeds)).collect();
                format!("{voters} {seeds:?} {beside:?}")
            }
            Experiment::NovelClasses => format!("{voters} {seeds:?} {held_out:?}"),
            Experiment::Unlearning => format!("{voters} {:?} {forgotten}", seeds.first()),
            Experiment::Errors => format!("{voters} {mistakes} {program}"),
            Experiment::Composition => format!("{compositions}"),
        }
    }
}

/// Hard pruning as the paper counts for it.
fn hard(threshold: Threshold) -> Pruning {
    Pruning::Hard { neighbors: 100, threshold }
}

impl Experiment {
    pub const ALL: [Self; 12] = [
        Self::Aggregation,
        Self::Reliability,
        Self::Hyperparameters,
        Self::Corruption,
        Self::Calibration,
        Self::Scaling,
        Self::NovelClasses,
        Self::Shift,
        Self::Granularity,
        Self::Unlearning,
        Self::Errors,
        Self::Composition,
    ];

    /// Whether it depends on seeds.
    pub fn draws(self) -> bool {
        use Experiment::{Calibration, Corruption, Granularity, NovelClasses, Scaling, Unlearning};
        matches!(self, Corruption | Calibration | Scaling | NovelClasses | Granularity | Unlearning)
    }

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aggregation => "aggregation",
            Self::Reliability => "reliability",
            Self::Hyperparameters => "hyperparameters",
            Self::Corruption => "corruption",
            Self::Calibration => "calibration",
            Self::Scaling => "scaling",
            Self::NovelClasses => "novel-classes",
            Self::Shift => "shift",
            Self::Granularity => "granularity",
            Self::Unlearning => "unlearning",
            Self::Errors => "errors",
            Self::Composition => "composition",
        }
    }

    /// Does it and enters its result.
    pub fn run(self, ground: &mut Ground, options: &Options, results: &mut Results) -> Result<()> {
        let (vote, k, seeds) = (Vote::RANK, options.voters, options.seeds.clone());
        match self {
            Self::Aggregation => {
                let mut pruning = eval::AggregationOptions::default();
                if let Some(threshold) = options.threshold {
                    pruning.hard = hard(threshold);
                } else if let Some(threshold) = ground.hard_threshold()? {
                    (pruning.hard, pruning.chosen_by) = (hard(threshold), eval::ChosenBy::LeaveOneOut);
                }
                results.aggregation = Some(eval::aggregation(ground.table_with_votes()?, &pruning)?);
            }
            Self::Reliability => results.reliability = Some(eval::neighbor_reliability(ground.table()?)?),
            Self::Hyperparameters => results.hyperparameters = Some(eval::hyperparameters(ground.table()?)?),
            Self::Corruption => results.corruption = Some(eval::corruption(ground.table()?, &seeds)?),
            Self::Calibration => {
                let is_leave_one_out = ground.is_leave_one_out();
                let (table, own) = ground.tables()?;
                let learn = match own {
                    _ if is_leave_one_out => eval::LearnFrom::OtherQueries,
                    Some(own) => eval::LearnFrom::Memory(own),
                    None => eval::LearnFrom::Nothing,
                };
                let seed = seeds.first().copied().unwrap_or(0);
                let how = eval::CalibrationOptions { vote, k, seed };
                results.calibration = Some(eval::calibration(table, learn, &how)?);
            }
            Self::Scaling => {
                let on = ground.searched()?;
                let how = eval::ScalingOptions { vote, k, seeds, search: on.search };
                let progress = &mut progress::Steps::default();
                let mut scaling = eval::scaling(&on.memory, &on.roster, &on.queries, &how, progress)?;
                options.beside.iter().try_for_each(|other| scaling.put_beside(other))?;
                results.scaling = Some(scaling);
            }
            Self::NovelClasses => {
                let on = ground.searched()?;
                let held_out = options.held_out.clone();
                let how = eval::NovelClassesOptions { vote, k, held_out, seeds, search: on.search };
                let progress = &mut progress::Steps::default();
                results.novel_classes = Some(eval::novel_classes(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Shift => {
                if ground.is_leave_one_out() {
                    let what = "there are no sets of queries to compare; give each as a path of its own";
                    return Err(Error::NotApplicable(what.into()).into());
                }
                let sets = ground.sets()?;
                if sets.len() < 2 && !options.alone {
                    let what =
                        "there is one set of queries, and nothing to compare it with; give each as a path of its own";
                    return Err(Error::NotApplicable(what.into()).into());
                }
                results.shift = Some(eval::shift(sets.iter().map(|(name, table)| (name.clone(), table)))?);
            }
            Self::Granularity => {
                let on = ground.searched()?;
                let how = eval::GranularityOptions { seeds, search: on.search };
                let progress = &mut progress::Steps::default();
                results.granularity = Some(eval::granularity(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Unlearning => {
                let on = ground.searched()?;
                let scratch = stop::Scratch::beside(on.memory.path())?;
                let (count, seed) = (options.forgotten, seeds.first().copied().unwrap_or(0));
                let how = eval::UnlearningOptions { vote, k, count, seed, scratch: scratch.path().into() };
                let progress = &mut progress::Steps::default();
                results.unlearning = Some(eval::unlearning(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Errors => {
                ground.table()?;
                let on = ground.searched()?;
                let program = options.program.clone();
                let how = eval::MistakesOptions { vote, k, shown: options.mistakes, program };
                results.errors = Some(eval::mistakes(&on.memory, &on.queries, ground.made()?, &how)?);
            }
            Self::Composition => {
                let on = ground.searched()?;
                let (shown, counted) = (options.compositions, COMPOSITIONS_COUNTED);
                let how = eval::CompositionOptions { shown, counted, search: on.search };
                results.composition = Some(eval::composition(&on.memory, &on.roster, &on.queries, &how)?);
            }
        }
        Ok(())
    }
}
