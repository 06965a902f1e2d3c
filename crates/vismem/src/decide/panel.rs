//! Who votes for what, and how much it counts: the options of a call, resolved for a memory.

use std::collections::HashMap;

use vismem_search::Neighbor;

use crate::decide::taxonomy::Ladder;
use crate::decide::vote::{Tally, weights};
use crate::{
    ClassifyOptions, Decision, Error, LabelScore, Memory, Pruned, Result, Standing, Step, Vote, Voter, similar,
};

pub(crate) struct Panel<'m> {
    memory: &'m Memory,
    vote: Vote,
    ladder: &'m Ladder,
    /// Where to decide, or to begin to.
    rung: usize,
    min_confidence: Option<f64>,
    /// What the votes of each label are multiplied by, in the order of [`Memory::labels`].
    factors: Vec<f64>,
    pruned: Option<&'m Pruned>,
}

impl<'m> Panel<'m> {
    /// # Errors
    /// When an option is out of range or names what is not there.
    pub(crate) fn of(memory: &'m Memory, options: &ClassifyOptions) -> Result<Self> {
        let ladder = memory.ladder()?;
        if let Some(value) = options.min_confidence.filter(|least| !(0.0..=1.0).contains(least)) {
            return Err(Error::Parameter { name: "min_confidence", value, range: "must be within 0..=1" });
        }
        let mut factors = vec![1.0; memory.labels().len()];
        for (label, factor) in &options.weights {
            if !(0.0..=1e6).contains(factor) {
                return Err(Error::Parameter { name: "weight", value: *factor, range: "must be within 0..=1e6" });
            }
            let position = memory.labels().iter().position(|known| known.name == *label);
            let unknown = || Error::NothingOfThisName {
                path: memory.path().into(),
                what: "label",
                name: format!("{label:?}"),
                similar: similar(label, memory.labels().iter().map(|known| known.name.as_str())).map(str::to_owned),
            };
            factors[position.ok_or_else(unknown)?] = *factor;
        }
        Ok(Self {
            memory,
            vote: options.vote.checked()?,
            ladder,
            rung: ladder.rung(options.level.as_deref())?,
            min_confidence: options.min_confidence,
            factors,
            pruned: memory.pruned(&mut ())?,
        })
    }

    /// Distance and standing of each neighbour.
    pub(crate) fn standings(&self, found: &[Neighbor]) -> Vec<(f64, Standing)> {
        let standing = |neighbor: &Neighbor| {
            let slot = neighbor.slot as usize;
            let standing = match self.pruned.map_or(Standing::Counts(1.0), |pruned| pruned.standing(slot)) {
                Standing::Counts(factor) => Standing::Counts(factor * self.factor(slot)),
                Standing::Hidden => Standing::Hidden,
            };
            (f64::from(neighbor.distance), standing)
        };
        found.iter().map(standing).collect()
    }

    /// For each neighbour a number that stands for what it votes for.
    pub(crate) fn names(&self, found: &[Neighbor]) -> Vec<usize> {
        let mut known = HashMap::new();
        let number = |neighbor| {
            let next = known.len();
            *known.entry(self.name(self.rung, neighbor)).or_insert(next)
        };
        found.iter().map(number).collect()
    }

    fn factor(&self, slot: usize) -> f64 {
        self.factors[self.memory.slots.label_of[slot] as usize]
    }

    /// What a neighbour votes for at a rung.
    fn name(&self, rung: usize, neighbor: &Neighbor) -> &'m str {
        let label = self.memory.slots.label_of[neighbor.slot as usize];
        &self.ladder.rungs[rung][label as usize]
    }

    /// The vote of these neighbours, nearest first.
    pub(crate) fn decide(&self, found: &[Neighbor]) -> Result<Decision> {
        let standings = self.standings(found);
        let weights = weights(self.vote, &standings);
        let voters: Vec<(&Neighbor, f64)> =
            found.iter().zip(weights).filter_map(|(neighbor, weight)| Some((neighbor, weight?))).collect();
        let tally_at = |rung| {
            let mut tally = Tally::default();
            voters.iter().for_each(|(neighbor, weight)| tally.add(self.name(rung, neighbor), *weight));
            tally
        };
        let highest = self.ladder.levels.len();
        let total: f64 = tally_at(self.rung).total();
        // All votes can be weighted away.
        let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };

        let mut rung = self.rung;
        let (ranked, confident) = loop {
            let ranked = tally_at(rung).ranked();
            let confidence = ranked.first().map_or(0.0, |(_, score)| share(*score));
            let confident = self.min_confidence.is_none_or(|least| confidence >= least);
            if confident || rung >= highest {
                break (ranked, confident);
            }
            rung += 1;
        };
        let winner = ranked.first().map_or("", |(name, _)| *name);
        // In a tree every voter for the winner has the same names above it.
        let lineage = voters.iter().find(|(neighbor, _)| self.name(rung, neighbor) == winner).map(|(first, _)| {
            let step = |rung| {
                let name = self.name(rung, first);
                let votes = voters.iter().filter(|(neighbor, _)| self.name(rung, neighbor) == name);
                let level = self.ladder.level(rung).cloned();
                Step { level, name: name.into(), confidence: share(votes.map(|(_, weight)| weight).sum()) }
            };
            (rung..=highest).map(step).collect()
        });
        let voter = |(neighbor, weight): &(&Neighbor, f64)| {
            Ok(Voter {
                id: neighbor.id,
                label: self.memory.slots.label(neighbor.slot as usize).name.clone(),
                votes_for: self.name(rung, neighbor).into(),
                source: self.memory.exemplar(neighbor.id)?.and_then(|exemplar| exemplar.source),
                // Rounding can take the distance of the same direction a hair below zero.
                distance: neighbor.distance.clamp(0.0, 2.0),
                weight: *weight,
                share: share(*weight),
            })
        };
        Ok(Decision {
            level: self.ladder.level(rung).cloned(),
            lineage: lineage.unwrap_or_default(),
            confident,
            unseen: self.unseen(rung, winner),
            labels: ranked
                .iter()
                .map(|(name, score)| LabelScore { label: (*name).into(), score: share(*score) })
                .collect(),
            neighbors: voters.iter().map(voter).collect::<Result<_>>()?,
            hidden: standings.iter().filter(|(_, standing)| *standing == Standing::Hidden).count(),
            recall: 1.0,
            novelty: found.first().map(|nearest| self.memory.novelty(nearest.distance)).transpose()?.flatten(),
        })
    }

    /// Labels without exemplars under a name of a level.
    fn unseen(&self, rung: usize, name: &str) -> Vec<String> {
        if rung == 0 {
            return Vec::new();
        }
        let labels = self.memory.labels().iter().zip(&self.ladder.rungs[rung]);
        labels
            .filter(|(label, above)| label.exemplars == 0 && *above == name)
            .map(|(label, _)| label.name.clone())
            .collect()
    }
}
