//! The exemplars that mislead most, as pages to go through by eye and as a list.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::{ClassifyOptions, Exemplar, Memory, Pruned, Search, Standing, Tuning, Votes};
use vismem_eval::gather::{QuerySet, Roster, neighborhoods};
use vismem_eval::{Mistake, MistakesOptions, mistakes};
use vismem_report::{NEIGHBOR_SIDE, Picture, Suspects, suspects_to_html};

use crate::observer::Steps;
use crate::picture::Pictures;
use crate::{IoContext, Observer, Result};

/// How many exemplars a page shows.
const SHOWN: usize = 60;
/// How many pages there are at most: nobody looks at more.
const PAGES: usize = 20;

/// Pages of the exemplars that mislead most.
pub struct Page<'a> {
    /// The first file, .html; those that follow have a number before the dot.
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
    /// It is looked at, with its neighbours.
    Explain {
        /// The exemplar.
        id: u64,
    },
    /// It is forgotten.
    Forget {
        /// The exemplar.
        id: u64,
    },
}

/// An exemplar that may be labelled wrong, or was a wrong neighbour of others.
#[derive(Debug, Clone, Serialize)]
pub struct Suspect {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: Option<String>,
    /// What its neighbours take it for, without itself.
    pub others_say: String,
    /// Their part of the vote, 0..=1.
    pub others_share: f64,
    /// How many exemplars of another label had it among their neighbours.
    pub wrong: u32,
    /// How many exemplars had it among their neighbours.
    pub retrievals: u32,
    /// Whether the pruning hides it.
    pub hidden: bool,
    /// Why no other label is advised; `None` where nothing is withheld.
    pub no_advice: Option<String>,
    /// Commands that correct it, those that can be taken back first.
    pub commands: Vec<String>,
}

impl Page<'_> {
    /// Writes the pages, and returns who is on them and the files.
    pub(super) fn write(
        &self,
        memory: &Memory,
        pruned: &Pruned,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Suspect>, Vec<PathBuf>)> {
        let suspects = self.suspects(memory, pruned, observer)?;
        let misleading = pruned.reliability.iter().filter(|(_, votes)| votes.wrong > 0).count();
        let pages = suspects.len().div_ceil(SHOWN).max(1);
        let files: Vec<PathBuf> = (1..=pages).map(|page| self.file_of(page)).collect();
        for (at, file) in files.iter().enumerate() {
            let shown = suspects.iter().skip(at * SHOWN).take(SHOWN).map(|suspect| self.card(suspect)).collect();
            let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let page = Suspects {
                memory: memory.path().display().to_string(),
                exemplars: memory.len() as u64,
                misleading: misleading as u64,
                neighbors: pruned.reliability.neighbors() as u64,
                pruning: pruned.pruning.to_string(),
                hidden: pruned.hidden().len() as u64,
                first: at * SHOWN + 1,
                of: suspects.len(),
                suspects: shown,
                pages: files.iter().map(name).collect(),
                page: at,
            };
            std::fs::write(file, suspects_to_html(&page)?).at("write", file)?;
        }
        Ok((suspects, files))
    }

    fn file_of(&self, page: usize) -> PathBuf {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        if page == 1 { self.file.into() } else { self.file.with_file_name(format!("{stem}-{page}.html")) }
    }

    fn card(&self, suspect: &Suspect) -> vismem_report::Suspect {
        let source = suspect.source.as_deref();
        let picture = match source {
            Some(source) => self.pictures.of_file(Path::new(source), NEIGHBOR_SIDE),
            None => Picture::Missing("No picture is known for this exemplar.".into()),
        };
        vismem_report::Suspect {
            id: suspect.id,
            label: suspect.label.clone(),
            others_say: suspect.others_say.clone(),
            others_share: suspect.others_share,
            wrong: suspect.wrong,
            retrievals: suspect.retrievals,
            hidden: suspect.hidden,
            source: source.unwrap_or("-").to_owned(),
            picture,
            no_advice: suspect.no_advice.clone(),
            commands: suspect.commands.clone(),
        }
    }

    /// First those that their neighbours take for another label, the surest first, as the mistakes of an evaluation are; then
    /// those of which the neighbours say the same, by how often they were wrong.
    fn suspects(&self, memory: &Memory, pruned: &Pruned, observer: &mut dyn Observer) -> Result<Vec<Suspect>> {
        let votes: HashMap<u64, Votes> = pruned.reliability.iter().collect();
        let taken_for_others =
            if memory.len() < 2 { BTreeMap::new() } else { taken_for_others(memory, SHOWN * PAGES, observer)? };
        let mut ids: Vec<u64> = taken_for_others.values().filter_map(|mistake| mistake.id).collect();
        let listed: std::collections::HashSet<u64> = ids.iter().copied().collect();
        let mut others: Vec<(u64, Votes)> = pruned.reliability.iter().filter(|(id, _)| !listed.contains(id)).collect();
        others.retain(|(_, votes)| votes.wrong > 0);
        others.sort_by(|(a, x), (b, y)| y.wrong.cmp(&x.wrong).then(x.retrievals.cmp(&y.retrievals)).then(a.cmp(b)));
        others.truncate((SHOWN * PAGES).saturating_sub(ids.len()));
        let others: Vec<u64> = others.into_iter().map(|(id, _)| id).collect();
        let decisions = match others.is_empty() {
            true => Vec::new(),
            false => memory.classify_exemplars(&others, &decided_by(memory)?)?,
        };
        let own_say: HashMap<u64, f64> =
            others.iter().copied().zip(decisions.iter().map(vismem::Decision::confidence)).collect();
        ids.extend(others);
        let mistakes: HashMap<u64, &Mistake> =
            taken_for_others.values().filter_map(|mistake| Some((mistake.id?, mistake))).collect();
        // As `eval errors` has it, whoever's mistake it is.
        let relabelled: HashMap<u64, &str> = taken_for_others
            .values()
            .flat_map(|mistake| &mistake.relabel)
            .map(|(id, label)| (*id, label.as_str()))
            .collect();
        let held: HashMap<&str, usize> =
            memory.labels().iter().map(|label| (label.name.as_str(), label.exemplars)).collect();
        let suspect = |exemplar: Exemplar| {
            let (mistake, id) = (mistakes.get(&exemplar.id).copied(), exemplar.id);
            let votes = votes.get(&id).copied().unwrap_or_default();
            let others_say = mistake.map_or(&exemplar.label, |mistake| &mistake.decision).clone();
            let relabel = relabelled.get(&id).map(|to| Correction::Relabel { id, to });
            // What is forgotten does not come back, and the last of a label would take the label with it.
            let is_last = held.get(exemplar.label.as_str()).is_none_or(|held| *held < 2);
            let forget = relabel.filter(|_| !is_last).map(|_| Correction::Forget { id });
            let corrections = relabel.into_iter().chain([Correction::Explain { id }]).chain(forget);
            let commands = corrections.map(|correction| (self.in_words)(correction)).collect();
            Suspect {
                id,
                others_share: mistake
                    .map_or_else(|| own_say.get(&id).copied().unwrap_or(1.0), |mistake| mistake.confidence),
                wrong: votes.wrong,
                retrievals: votes.retrievals,
                hidden: pruned.pruning.standing(votes) == Standing::Hidden,
                no_advice: mistake.and_then(|mistake| mistake.no_advice.clone()),
                commands,
                others_say,
                label: exemplar.label,
                source: exemplar.source.map(|source| source.to_string()),
            }
        };
        // Whoever was counted is in this snapshot.
        Ok(memory.exemplars(&ids)?.into_iter().flatten().map(suspect).collect())
    }
}

/// What exemplars are decided by: as the memory decides where nobody says otherwise.
fn decided_by(memory: &Memory) -> Result<ClassifyOptions> {
    let Tuning { vote, k } = memory.decides_by()?;
    Ok(ClassifyOptions { vote, k, ..ClassifyOptions::default() })
}

/// The exemplars that are decided wrong without themselves, by their place.
fn taken_for_others(memory: &Memory, shown: usize, observer: &mut dyn Observer) -> Result<BTreeMap<usize, Mistake>> {
    let progress = &mut Steps(observer);
    let ClassifyOptions { vote, k, .. } = decided_by(memory)?;
    let roster = Roster::of(memory, progress)?;
    let own = QuerySet::of_memory(memory, &roster)?;
    let table = neighborhoods(memory, &roster, &own, k, Search::Exact, progress)?;
    let options = MistakesOptions { vote, k, shown, program: String::new() };
    Ok(mistakes(memory, &own, &table, &options)?.mistakes.into_iter().enumerate().collect())
}
