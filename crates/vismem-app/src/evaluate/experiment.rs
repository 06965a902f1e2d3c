//! Which experiments there are, and how each is done.

use vismem::{Pruning, Threshold, Tuning};
use vismem_eval as eval;
use vismem_eval::{Error, Evaluation, Results};

use super::ground::Ground;
use super::scratch::Scratch;
use crate::observer::Steps;
use crate::{Observer, Result};

/// As many neighbours as the paper looks at; experiments that need fewer search for as many too, once for all of them.
pub const DEPTH: usize = 100;

/// Queries that [`Experiment::Composition`] counts, at most.
const COMPOSITIONS_COUNTED: usize = 1_000;

/// An experiment of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experiment {
    /// The four votes at every k, with pruning beside them.
    Aggregation,
    /// How often the i-th neighbour is right.
    Reliability,
    /// The votes with other parameters.
    Hyperparameters,
    /// Random labels in the memory.
    Corruption,
    /// Whether sure decisions are right.
    Calibration,
    /// Error against memory size.
    Scaling,
    /// Labels held out and then inserted.
    NovelClasses,
    /// Several sets of queries.
    Shift,
    /// A class before and after its first exemplars, level by level.
    Granularity,
    /// What forgetting costs, and what it leaves.
    Unlearning,
    /// The most confident mistakes.
    Errors,
    /// Neighbours of queries, and of what is left of them without the nearest.
    Composition,
}

/// How experiments are done.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many neighbours are searched for; never fewer than vote.
    pub k: usize,
    /// Where hard pruning begins; `None` to ask the memory.
    pub threshold: Option<Threshold>,
    /// How the neighbours vote, and how many of them.
    pub tuning: Tuning,
    /// Seeds of what is drawn at random; it is done once for each.
    pub seeds: Vec<u64>,
    /// Labels that [`Experiment::NovelClasses`] holds out; empty to draw some.
    pub held_out: Vec<String>,
    /// How many exemplars [`Experiment::Unlearning`] forgets.
    pub forgotten: usize,
    /// How many mistakes [`Experiment::Errors`] shows.
    pub mistakes: usize,
    /// How many queries [`Experiment::Composition`] shows.
    pub compositions: usize,
    /// Results of other memories, beside those of scaling.
    pub beside: Vec<Evaluation>,
    /// How commands begin that mend a mistake.
    pub program: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: DEPTH,
            threshold: None,
            tuning: Tuning::default(),
            seeds: vec![0, 1, 2, 3, 4],
            held_out: Vec::new(),
            forgotten: 100,
            mistakes: 24,
            compositions: 12,
            beside: Vec::new(),
            program: "vismem".into(),
        }
    }
}

impl Options {
    /// How many neighbours are searched for: as many as were asked for, and as many as are to vote where the experiment
    /// (`None` for all of them) has the voters among these.
    pub(super) fn depth(&self, experiment: Option<Experiment>) -> usize {
        match experiment {
            None | Some(Experiment::Calibration | Experiment::Errors) => self.k.max(self.tuning.k),
            Some(_) => self.k,
        }
    }

    /// All options that an experiment depends on, in words.
    pub(super) fn key(&self, experiment: Experiment) -> String {
        // k is part of the inputs.
        let Self { k: _, threshold, tuning, seeds, held_out, forgotten, mistakes, compositions, beside, program } =
            self;
        let voters = format!("{} {}", tuning.vote, tuning.k);
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
    /// All of them, in the order in which they are done.
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
    pub(super) fn draws(self) -> bool {
        use Experiment::{Calibration, Corruption, Granularity, NovelClasses, Scaling, Unlearning};
        matches!(self, Corruption | Calibration | Scaling | NovelClasses | Granularity | Unlearning)
    }

    /// As results and files spell it.
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

    /// Does it and enters its result; `alone` if it was asked for by its name.
    pub(super) fn run(
        self,
        ground: &mut Ground,
        options: &Options,
        alone: bool,
        results: &mut Results,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        if !matches!(self, Self::Unlearning | Self::Composition) {
            ground.can_be_right()?;
        }
        let mut seeds = options.seeds.clone();
        // The same seed again is the same draw.
        let mut drawn = std::collections::HashSet::new();
        seeds.retain(|seed| drawn.insert(*seed));
        let Tuning { vote, k } = options.tuning;
        match self {
            Self::Aggregation => {
                let mut pruning = eval::AggregationOptions::default();
                if let Some(threshold) = options.threshold {
                    pruning.hard = hard(threshold);
                } else if let Some(threshold) = ground.hard_threshold(observer)? {
                    (pruning.hard, pruning.chosen_by) = (hard(threshold), eval::ChosenBy::LeaveOneOut);
                }
                let probed = ground.linear_probe(observer)?;
                let table = ground.table_with_votes(observer)?;
                results.aggregation = Some(eval::aggregation(table, &pruning, probed.as_ref())?);
            }
            Self::Reliability => results.reliability = Some(eval::neighbor_reliability(ground.table(observer)?)?),
            Self::Hyperparameters => results.hyperparameters = Some(eval::hyperparameters(ground.table(observer)?)?),
            Self::Corruption => results.corruption = Some(eval::corruption(ground.table(observer)?, &seeds)?),
            Self::Calibration => {
                ground.can_vote(k)?;
                let seed = seeds.first().copied().unwrap_or(0);
                let how = eval::CalibrationOptions { vote, k, seed };
                let own = ground.probabilities(&how, observer)?;
                results.calibration = Some(eval::calibration(ground.table(observer)?, own, &how)?);
            }
            Self::Scaling => {
                let on = ground.searched()?;
                let how = eval::ScalingOptions { vote, k, seeds, search: on.search };
                let progress = &mut Steps(observer);
                let mut scaling = eval::scaling(&on.memory, &on.roster, &on.queries, &how, progress)?;
                options.beside.iter().try_for_each(|other| scaling.put_beside(other))?;
                results.scaling = Some(scaling);
            }
            Self::NovelClasses => {
                let on = ground.searched()?;
                let held_out = options.held_out.clone();
                let how = eval::NovelClassesOptions { vote, k, held_out, seeds, search: on.search };
                let progress = &mut Steps(observer);
                results.novel_classes = Some(eval::novel_classes(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Shift => {
                if ground.is_leave_one_out() {
                    let what = "there are no sets of queries to compare; give each as a path of its own";
                    return Err(Error::NotApplicable(what.into()).into());
                }
                let sets = ground.sets(observer)?;
                if sets.len() < 2 && !alone {
                    let what =
                        "there is one set of queries, and nothing to compare it with; give each as a path of its own";
                    return Err(Error::NotApplicable(what.into()).into());
                }
                results.shift = Some(eval::shift(sets.iter().map(|(name, table)| (name.clone(), table)))?);
            }
            Self::Granularity => {
                let on = ground.searched()?;
                let how = eval::GranularityOptions { seeds, search: on.search };
                let progress = &mut Steps(observer);
                results.granularity = Some(eval::granularity(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Unlearning => {
                let on = ground.searched()?;
                let scratch = Scratch::beside(on.memory.path())?;
                let (count, seed) = (options.forgotten, seeds.first().copied().unwrap_or(0));
                let how = eval::UnlearningOptions { vote, k, count, seed, scratch: scratch.path().into() };
                let progress = &mut Steps(observer);
                results.unlearning = Some(eval::unlearning(&on.memory, &on.roster, &on.queries, &how, progress)?);
            }
            Self::Errors => {
                ground.table(observer)?;
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
