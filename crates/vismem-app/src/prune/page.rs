//! The page of the exemplars that mislead most.

use std::path::Path;

use vismem::{ClassifyOptions, Memory, Pruned, Standing, Vote, Votes};
use vismem_report::{NEIGHBOR_SIDE, Suspect, Suspects, suspects_to_html};

use crate::picture::Pictures;
use crate::{IoContext, Result};

/// How many exemplars the page shows.
const SHOWN: usize = 60;

/// A page of the exemplars that mislead most.
pub struct Page<'a> {
    /// The file, .html.
    pub file: &'a Path,
    /// How pictures are opened.
    pub pictures: Pictures,
    /// How a correction is made, in the words of whoever shows the page.
    pub in_words: &'a dyn Fn(Correction<'_>) -> String,
}

/// What mends an exemplar that misleads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction<'a> {
    /// It gets the label that its neighbours have.
    Relabel {
        /// The exemplar.
        id: u64,
        /// The label.
        to: &'a str,
    },
    /// It is forgotten.
    Forget {
        /// The exemplar.
        id: u64,
    },
}

impl Page<'_> {
    pub(super) fn write(&self, memory: &Memory, pruned: &Pruned) -> Result<()> {
        let mut worst: Vec<(u64, Votes)> = pruned.reliability.iter().filter(|(_, votes)| votes.wrong > 0).collect();
        worst.sort_by(|(a, x), (b, y)| y.wrong.cmp(&x.wrong).then(x.retrievals.cmp(&y.retrievals)).then(a.cmp(b)));
        let misleading = worst.len();
        worst.truncate(SHOWN);
        let ids: Vec<u64> = worst.iter().map(|(id, _)| *id).collect();
        // Ten neighbours, as many as the paper counts for soft pruning, tell what an exemplar looks like.
        let options = ClassifyOptions { k: 10, vote: Vote::RANK, ..Default::default() };
        let decisions = if ids.is_empty() { Vec::new() } else { memory.classify_exemplars(&ids, &options)? };
        let mut suspects = Vec::with_capacity(ids.len());
        let exemplars = memory.exemplars(&ids)?;
        for (((id, votes), decision), exemplar) in worst.into_iter().zip(decisions).zip(exemplars) {
            // Whoever was counted is in this snapshot.
            let Some(exemplar) = exemplar else { continue };
            let relabel = Correction::Relabel { id, to: decision.label() };
            let differs = exemplar.label != decision.label();
            let corrections = differs.then_some(relabel).into_iter().chain([Correction::Forget { id }]);
            suspects.push(Suspect {
                id,
                others_say: decision.label().to_owned(),
                others_share: decision.confidence(),
                wrong: votes.wrong,
                retrievals: votes.retrievals,
                hidden: pruned.pruning.standing(votes) == Standing::Hidden,
                picture: self.pictures.of_source(exemplar.source.as_ref(), NEIGHBOR_SIDE),
                commands: corrections.map(|correction| (self.in_words)(correction)).collect(),
                label: exemplar.label,
                source: exemplar.source.map_or_else(|| "-".into(), |source| source.to_string()),
            });
        }
        let page = Suspects {
            memory: memory.path().display().to_string(),
            exemplars: memory.len() as u64,
            misleading: misleading as u64,
            neighbors: pruned.reliability.neighbors() as u64,
            pruning: pruned.pruning.to_string(),
            hidden: pruned.hidden().len() as u64,
            suspects,
        };
        std::fs::write(self.file, suspects_to_html(&page)?).at("write", self.file)
    }
}
