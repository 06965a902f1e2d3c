//! The page of the exemplars that mislead most.

use std::path::Path;

use anyhow::{Context, Result};
use vismem::{ClassifyOptions, Memory, Pruned, Standing, Vote, Votes};
use vismem_encode::decode::Limits;
use vismem_report::{NEIGHBOR_SIDE, Suspect, Suspects, suspects_to_html};

use crate::args::DEFAULT_MEMORY;
use crate::picture;

/// How many exemplars the page shows.
const SHOWN: usize = 60;

pub fn write(page: &Path, memory: &Memory, pruned: &Pruned) -> Result<()> {
    let mut worst: Vec<(u64, Votes)> = pruned.reliability.iter().filter(|(_, votes)| votes.wrong > 0).collect();
    worst.sort_by(|(a, x), (b, y)| y.wrong.cmp(&x.wrong).then(x.retrievals.cmp(&y.retrievals)).then(a.cmp(b)));
    let misleading = worst.len();
    worst.truncate(SHOWN);
    let ids: Vec<u64> = worst.iter().map(|(id, _)| *id).collect();
    // Ten neighbours, as many as the paper counts for soft pruning, tell what an exemplar looks like.
    let options = ClassifyOptions { k: 10, vote: Vote::RANK, ..Default::default() };
    let decisions = if ids.is_empty() { Vec::new() } else { memory.classify_exemplars(&ids, &options)? };
    let vismem = match memory.path().to_string_lossy() {
        path if path == DEFAULT_MEMORY => "vismem".into(),
        path => format!("vismem -m {}", quoted(&path)),
    };
    let mut suspects = Vec::with_capacity(ids.len());
    for ((id, votes), decision) in worst.into_iter().zip(decisions) {
        let exemplar = memory.exemplar(id)?.context("an exemplar that was counted is gone")?;
        let relabel = format!("{vismem} relabel --id {id} --to {}", quoted(decision.label()));
        let differs = exemplar.label != decision.label();
        suspects.push(Suspect {
            id,
            label: exemplar.label,
            others_say: decision.label().to_owned(),
            others_share: decision.confidence(),
            wrong: votes.wrong,
            retrievals: votes.retrievals,
            hidden: pruned.pruning.standing(votes) == Standing::Hidden,
            picture: picture::of_source(exemplar.source.as_ref(), NEIGHBOR_SIDE, &Limits::default()),
            source: exemplar.source.map_or_else(|| "-".into(), |source| source.to_string()),
            commands: differs.then_some(relabel).into_iter().chain([format!("{vismem} forget --id {id}")]).collect(),
        });
    }
    let page_of = Suspects {
        memory: memory.path().display().to_string(),
        exemplars: memory.len() as u64,
        misleading: misleading as u64,
        neighbors: pruned.reliability.neighbors() as u64,
        pruning: pruned.pruning.to_string(),
        hidden: pruned.hidden().len() as u64,
        suspects,
    };
    std::fs::write(page, suspects_to_html(&page_of)?).with_context(|| format!("cannot write {}", page.display()))
}

/// As a word for the shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let bare = !text.is_empty() && !text.starts_with('-') && text.chars().all(plain);
    if bare { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
