//! Which pruning is advised, if any: one that leaves every label somebody, and whose gain is more than chance.

use std::collections::HashSet;

use serde::Serialize;
use vismem::{Memory, Pruning, PruningTrial, Threshold, Vote};
use vismem_eval::{Paired, Share};
use vismem_report::words::{count, counted};

/// How prunings do, each exemplar asked as if it were not there.
#[derive(Debug, Serialize)]
pub struct Suggestion {
    /// The memory.
    pub memory: String,
    /// How many neighbours vote.
    pub k: usize,
    /// How they vote.
    pub vote: Vote,
    /// The best first; never empty.
    pub trials: Vec<Trial>,
    /// The pruning that is advised; `None` for none.
    pub advised: Option<Pruning>,
    /// Why none is advised; `None` where one is.
    pub why_none: Option<String>,
    /// Whether one is set, which can be taken back.
    #[serde(skip)]
    pub is_set: bool,
}

/// A pruning that was tried.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// What it does.
    #[serde(flatten)]
    pub trial: PruningTrial,
    /// How likely a difference from no pruning at least as large is by chance, 0..=1; see [`Paired::p`].
    pub p: f64,
}

impl Suggestion {
    pub(super) fn of(memory: &Memory, k: usize, vote: Vote, trials: Vec<PruningTrial>) -> Self {
        // Thresholds between the same counts hide the same exemplars.
        let family = |pruning: &Pruning| match pruning {
            Pruning::Soft { .. } => 0,
            Pruning::Hard { threshold: Threshold::Votes(_), .. } => 1,
            Pruning::Hard { threshold: Threshold::Share(_), .. } => 2,
        };
        let different: HashSet<(u8, usize)> = (trials.iter().filter(|trial| trial.hidden_labels.is_empty()))
            .filter_map(|trial| Some((family(trial.pruning.as_ref()?), trial.hidden)))
            .collect();
        let paired = |trial: &PruningTrial| Paired {
            gained: trial.gained as u64,
            lost: trial.lost as u64,
            tried: different.len().max(1) as u64,
        };
        let is_better = |trial: &&PruningTrial| trial.gained > trial.lost;
        let leaves_all = |trial: &&PruningTrial| trial.hidden_labels.is_empty();
        let chosen = trials.iter().filter(is_better).find(leaves_all);
        // Where labels do not follow embeddings, many decisions turn together with the most frequent label.
        let frequent = memory.labels().iter().max_by_key(|label| label.exemplars);
        let beats_the_most_frequent = |trial: &&PruningTrial| {
            let n = memory.len();
            let right = Share::of((trial.accuracy * n as f64).round() as u64, n as u64);
            let most = frequent.map_or(0, |label| label.exemplars) as f64 / n.max(1) as f64;
            right.is_some_and(|right| right.low > most)
        };
        let surely = chosen.filter(|trial| paired(trial).is_better());
        let advised = surely.filter(beats_the_most_frequent).and_then(|trial| trial.pruning);
        let why_none = advised.is_none().then(|| match chosen {
            _ if memory.labels().iter().all(|label| label.exemplars < 2) => {
                "each label has one exemplar, so that none can be decided right without itself".to_owned()
            }
            Some(trial) if surely.is_some() => format!(
                "the best that hides no label wholly decides {:.0} % right, hardly more than if every answer were {}: labels \
                 hardly follow the embeddings",
                100.0 * trial.accuracy,
                frequent.map_or("", |label| &label.name)
            ),
            Some(trial) => format!(
                "the best that hides no label wholly decides {} right instead of wrong and {} the other way round, which may be \
                 chance after {} {} tried",
                counted(trial.gained, "exemplar"),
                count(trial.lost as u64),
                counted(different.len(), "pruning"),
                if different.len() == 1 { "was" } else { "were" }
            ),
            None => match trials.iter().find(is_better) {
                Some(trial) => format!(
                    "whatever decides more right hides all exemplars of a label, such as {}",
                    trial.hidden_labels.first().map_or("", String::as_str)
                ),
                None => "none that was tried decides more of them right".to_owned(),
            },
        });
        let is_set = memory.pruning().is_ok_and(|pruning| pruning.is_some());
        let trials = trials.into_iter().map(|trial| Trial { p: paired(&trial).p(), trial }).collect();
        Self { memory: memory.path().display().to_string(), k, vote, trials, advised, why_none, is_set }
    }
}
