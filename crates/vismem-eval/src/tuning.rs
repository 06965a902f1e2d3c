//! Which vote and how many neighbours a memory is to decide by: chosen by leave-one-out, and only if that is more than chance.

use std::collections::HashMap;

use serde::Serialize;
use vismem::{
    Candidate, Label, Memory, NeighborOptions, Pairwise, Progress, Pruned, Pruning, Search, Standing, Tuning, Vote,
    Votes, Voting,
};

use crate::{Error, Paired, Result, Share, parallel};

/// In how many parts those who are asked are divided, to measure what a choice is worth where it had no say.
pub const FOLDS: usize = 5;

/// Exemplars that are searched for together.
const TOGETHER: usize = 256;

const GAMMA: [f64; 3] = [1.0, 2.0, 4.0];
const LAMBDA: [f64; 3] = [0.03, 0.1, 0.3];
const KERNEL_K: [usize; 3] = [50, 100, 200];
const POINTWISE: [Vote; 4] = [Vote::Plurality, Vote::DISTANCE, Vote::SOFTMAX, Vote::RANK];
const POINTWISE_K: [usize; 5] = [5, 10, 20, 50, 100];

/// What was chosen for a memory, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuningChoice {
    /// How many exemplars were asked, each without itself.
    pub asked: u64,
    /// How many could have been: there are others of their label.
    pub could_be_asked: u64,
    /// How many are the only ones of their labels: without them nobody could know these.
    pub alone: u64,
    /// The pruning that all settings were tried under; `None` for none.
    pub pruning: Option<Pruning>,
    /// The setting that is advised.
    pub chosen: SettingTrial,
    /// The default.
    pub default: SettingTrial,
    /// What the memory decides by until now.
    pub now: SettingTrial,
    /// How many of those asked the chosen one decides right and that of now wrong, and the other way round.
    pub against_now: Paired,
    /// How many others than the default the choice was among.
    pub others: usize,
    /// All that were tried, the default and that of now included: the most accurate first, of equals the simpler.
    pub tried: Vec<SettingTrial>,
    /// What choosing in this way is worth for exemplars that had no say.
    pub held_out: HeldOut,
}

/// A setting, and how it decides those who were asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SettingTrial {
    /// The setting.
    #[serde(flatten)]
    pub tuning: Tuning,
    /// Share of those asked that it decides right.
    pub accuracy: Share,
    /// How many it decides right and the default wrong.
    pub gained: u64,
    /// How many the default decides right and it wrong.
    pub lost: u64,
    /// How likely a difference from the default at least as large is by chance, 0..=1, after so many were tried; see
    /// [`Paired::p`].
    pub p: f64,
}

/// Of [`FOLDS`] parts of those asked each was decided by what the others alone would have chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldOut {
    /// Share that was decided right.
    pub accuracy: Share,
    /// How many parts there were.
    pub folds: usize,
    /// For how many of them the others chose the same as all.
    pub same_choice: usize,
}

/// What to try where an exemplar has so many others: the default, then the others, the simpler first. Fewer neighbours are
/// simpler, then votes that look at each neighbour by itself.
fn settings(others: usize) -> Vec<Tuning> {
    let pointwise = POINTWISE.iter().flat_map(|&vote| POINTWISE_K.map(|k| Tuning { vote, k }));
    let kernels = GAMMA.iter().flat_map(|&gamma| LAMBDA.map(|lambda| Vote::Kernel { gamma, lambda }));
    let kernels = kernels.flat_map(|vote| KERNEL_K.map(|k| Tuning { vote, k }));
    let is_other = |tuning: &Tuning| tuning.k <= others && *tuning != Tuning::default();
    let mut others: Vec<Tuning> = pointwise.chain(kernels).filter(is_other).collect();
    others.sort_by_key(|tuning| (tuning.k, Voting::pointwise(tuning.vote).is_none()));
    [Tuning::default()].into_iter().chain(others).collect()
}

/// Tries settings on the memory itself: up to `sample` exemplars (at least one), drawn by their content, are asked without themselves, among
/// all others. The default is kept unless another setting decides more of them right, by more than chance may do after so
/// many were tried; of those the most accurate is chosen, or a simpler one that is not worse by more than chance.
///
/// Exemplars that are the only ones of their labels are not asked, since no setting could decide them right. Under pruning
/// each is decided as if what it said of its neighbours did not count.
///
/// # Errors
/// [`Error::NotApplicable`] where nobody can be asked; when the memory is damaged, or `progress` ends it.
pub fn choose_tuning(memory: &Memory, sample: usize, progress: &mut dyn Progress) -> Result<TuningChoice> {
    let has_others = |label: &Label| label.exemplars > 1;
    let counted = |keep: &dyn Fn(&Label) -> bool| {
        memory.labels().iter().filter(|label| keep(label)).map(|label| label.exemplars as u64).sum::<u64>()
    };
    if memory.is_empty() {
        return Err(vismem::QueryError::Empty { path: memory.path().into() }.into());
    }
    let asked = memory.sample_by_content(sample.max(1), has_others)?;
    if asked.is_empty() {
        let why = "each label has one exemplar, so that none can be decided right without itself and no setting can be judged";
        return Err(Error::NotApplicable(why.into()));
    }
    let now = memory.decides_by()?;
    let mut tried = settings(memory.len() - 1);
    let candidates = tried.len();
    if !tried.contains(&now) {
        tried.push(now);
    }
    let right = decided_right(memory, &asked, &tried, progress)?;

    let all: Vec<&[bool]> = right[..candidates].iter().map(Vec::as_slice).collect();
    let chosen = choose(&all);
    let trial = |at: usize| {
        let paired = Paired::of(&right[0], &right[at], candidates - 1);
        let accuracy = share(&right[at]);
        Some(SettingTrial {
            tuning: tried[at],
            accuracy: accuracy?,
            gained: paired.gained,
            lost: paired.lost,
            p: paired.p(),
        })
    };
    let nobody = || Error::NoQueries;
    let at_now = tried.iter().position(|tuning| *tuning == now).unwrap_or(0);
    let against_now = Paired::of(&right[at_now], &right[chosen], 1);
    let [of_chosen, of_default, of_now] = [chosen, 0, at_now].map(|at| trial(at).ok_or_else(nobody));
    let mut trials: Vec<SettingTrial> = (0..tried.len()).filter_map(trial).collect();
    trials.sort_by(|a, b| b.accuracy.value.total_cmp(&a.accuracy.value));
    Ok(TuningChoice {
        asked: asked.len() as u64,
        could_be_asked: counted(&has_others),
        alone: counted(&|label| label.exemplars == 1),
        pruning: memory.pruning()?,
        chosen: of_chosen?,
        default: of_default?,
        now: of_now?,
        against_now,
        others: candidates - 1,
        tried: trials,
        held_out: held_out(&all, chosen).ok_or_else(nobody)?,
    })
}

fn share(right: &[bool]) -> Option<Share> {
    Share::of(right.iter().filter(|right| **right).count() as u64, right.len() as u64)
}

/// Which setting to take, by whether each of them decides each case right. The first is the default, the simpler of the others
/// come first.
fn choose(right: &[&[bool]]) -> usize {
    let count = |at: &usize| right[*at].iter().filter(|right| **right).count();
    let is_better = |at: &usize| Paired::of(right[0], right[*at], right.len() - 1).is_better();
    let better: Vec<usize> = (1..right.len()).filter(is_better).collect();
    let Some(best) = better.iter().copied().reduce(|best, at| if count(&at) > count(&best) { at } else { best }) else {
        return 0;
    };
    better.into_iter().find(|at| !Paired::of(right[*at], right[best], 1).is_better()).unwrap_or(best)
}

/// Decides each part of the cases by what the others choose.
fn held_out(right: &[&[bool]], chosen: usize) -> Option<HeldOut> {
    let (mut decided, mut same_choice) = (Vec::new(), 0);
    for fold in 0..FOLDS {
        let part = |is_in: bool| -> Vec<Vec<bool>> {
            let of = |right: &&[bool]| {
                right
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| (at % FOLDS == fold) == is_in)
                    .map(|(_, right)| *right)
                    .collect()
            };
            right.iter().map(of).collect()
        };
        let others = part(false);
        let choice = choose(&others.iter().map(Vec::as_slice).collect::<Vec<_>>());
        decided.extend_from_slice(&part(true)[choice]);
        same_choice += usize::from(choice == chosen);
    }
    Some(HeldOut { accuracy: share(&decided)?, folds: FOLDS, same_choice })
}

/// Whether each setting decides each exemplar right that is asked without itself: by setting, then by exemplar.
fn decided_right(
    memory: &Memory,
    asked: &[u64],
    settings: &[Tuning],
    progress: &mut dyn Progress,
) -> Result<Vec<Vec<bool>>> {
    let depth = settings.iter().map(|tuning| tuning.k).max().unwrap_or(1).min(memory.len() - 1);
    let pruned = memory.pruned(progress)?;
    let votes: HashMap<u64, Votes> = pruned.iter().flat_map(|pruned| pruned.reliability.iter()).collect();
    let pruned = pruned.map(|pruned| (pruned, &votes));
    let labels: HashMap<&str, u32> = memory.labels().iter().map(|label| label.name.as_str()).zip(0..).collect();
    let mut right = vec![Vec::with_capacity(asked.len()); settings.len()];
    for part in asked.chunks(TOGETHER) {
        let embeddings = memory.embeddings(part)?;
        let options = NeighborOptions { k: depth, search: Search::Exact, among: None, except: Some(part) };
        let found = memory.nearest(&embeddings, &options)?;
        let truth = memory.exemplars(part)?;
        let cases: Vec<Case<'_>> =
            (embeddings.chunks_exact(memory.encoder().dim).zip(truth.iter().flatten()).zip(&found))
                .map(|((embedding, exemplar), found)| {
                    Ok(Case { embedding, label: exemplar.label.as_str(), candidates: memory.candidates(found)? })
                })
                .collect::<Result<_>>()?;
        for case in parallel::map(&cases, |case| case.decided_right(settings, pruned, &labels)) {
            right.iter_mut().zip(case).for_each(|(right, case)| right.push(case));
        }
        progress.advance("exemplars", right[0].len(), asked.len())?;
    }
    Ok(right)
}

/// An exemplar that is asked, and its nearest others.
struct Case<'m> {
    embedding: &'m [f32],
    label: &'m str,
    candidates: Vec<Candidate<'m>>,
}

impl Case<'_> {
    /// Whether each of the settings decides it right.
    fn decided_right(
        &self,
        settings: &[Tuning],
        pruned: Option<(&Pruned, &HashMap<u64, Votes>)>,
        labels: &HashMap<&str, u32>,
    ) -> Vec<bool> {
        let standing = |(rank, candidate): (usize, &Candidate<'_>)| {
            let Some((Pruned { pruning, .. }, votes)) = pruned else { return Standing::Counts(1.0) };
            let votes = votes.get(&candidate.id).copied().unwrap_or_default();
            let is_own = rank < pruning.neighbors();
            pruning.standing(if is_own { votes.without_one(candidate.label != self.label) } else { votes })
        };
        let voter = |(rank, candidate): (usize, &Candidate<'_>)| {
            (labels[candidate.label], f64::from(candidate.distance), standing((rank, candidate)))
        };
        let voters: Vec<(u32, f64, Standing)> = self.candidates.iter().enumerate().map(voter).collect();
        let rows: Vec<&[f32]> = self.candidates.iter().map(|candidate| candidate.embedding).collect();
        let is_kernel = |tuning: &&Tuning| Voting::pointwise(tuning.vote).is_none();
        let most_compared = settings.iter().filter(is_kernel).map(|tuning| tuning.k).max().unwrap_or(0);
        let pairwise = Pairwise::of(self.embedding, &rows[..rows.len().min(most_compared)]);
        let mut right = vec![false; settings.len()];
        let mut done: Vec<Vote> = Vec::new();
        for Tuning { vote, .. } in settings {
            if done.contains(vote) {
                continue;
            }
            done.push(*vote);
            let ks = || {
                settings
                    .iter()
                    .enumerate()
                    .filter(|(_, tuning)| tuning.vote == *vote)
                    .map(|(at, tuning)| (at, tuning.k))
            };
            let most = ks().map(|(_, k)| k).max().unwrap_or(0).min(voters.len());
            let decisions = Voting::new(*vote, || pairwise.clone()).decisions_at_every_k(&voters[..most]);
            for (at, k) in ks() {
                right[at] = decisions.get(k - 1).or(decisions.last()) == labels.get(self.label);
            }
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` cases, of which these are right.
    fn right(n: usize, is_right: impl Fn(usize) -> bool) -> Vec<bool> {
        (0..n).map(is_right).collect()
    }

    fn chosen(right: &[Vec<bool>]) -> usize {
        choose(&right.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn the_simpler_of_equals_is_chosen_and_the_default_unless_another_one_is_better_by_more_than_chance() {
        let of = |first: usize| right(200, |at| at < first);
        assert_eq!(chosen(&[of(100), of(100), of(100)]), 0, "all are equal");
        assert_eq!(chosen(&[of(100), of(105), of(99)]), 0, "5 to 0 is chance");
        assert_eq!(chosen(&[of(100)]), 0, "nothing else was tried");
        assert_eq!(chosen(&[of(100), of(140), of(143)]), 1, "3 to 0 is chance, and the first is simpler");
        assert_eq!(chosen(&[of(100), of(140), of(160)]), 2, "20 to 0 is not");
        assert_eq!(chosen(&[of(100), of(160), of(140)]), 1);
        // 8 to 0 has the chance 1/128: enough for one other, not for twenty.
        assert_eq!(chosen(&[of(100), of(108)]), 1);
        assert_eq!(chosen(&[vec![of(100), of(108)], vec![of(100); 19]].concat()), 0);
    }

    #[test]
    fn a_fold_has_no_say_in_the_choice_that_decides_it() {
        // The second is better in one fold alone, by far; the others do not speak for it.
        let both = [right(200, |_| false), right(200, |at| at % FOLDS == 2)];
        let both: Vec<&[bool]> = both.iter().map(Vec::as_slice).collect();
        assert_eq!(choose(&both), 1);
        let held_out = held_out(&both, 1).unwrap();
        assert_eq!((held_out.accuracy.value, held_out.same_choice, held_out.folds), (0.0, 4, FOLDS));
        assert_eq!(held_out.accuracy.n, 200, "every case is in one fold");
    }

    #[test]
    fn no_setting_asks_for_more_neighbours_than_there_are_but_the_default() {
        let ks = |others| settings(others).iter().map(|tuning| tuning.k).collect::<Vec<_>>();
        assert_eq!(ks(4), [100]);
        assert_eq!(ks(10), [100, 5, 5, 5, 5, 10, 10, 10, 10]);
        let all = settings(1_000_000);
        assert_eq!((all[0], all.len()), (Tuning::default(), 47));
        assert!(all[1..].is_sorted_by_key(|tuning| tuning.k) && !all[1..].contains(&all[0]));
    }
}
