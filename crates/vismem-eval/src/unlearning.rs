//! Unlearning, by the paper's three criteria (section 3.4): efficiency, against building the memory again; utility, what
//! becomes of decisions; and forgetting quality, whether anybody could tell what was there.
//!
//! All of it happens to a copy of the memory.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use vismem::{
    Added, Attributes, ClassifyOptions, Decision, Editor, Memory, NeighborOptions, NewExemplar, Progress, Selector,
    Source, Vote, content_of,
};

use crate::boxes::{detection, quantile};
use crate::gather::{QuerySet, Roster};
use crate::interval::Estimate;
use crate::random::Random;
use crate::{Cell, Error, Result, Rule, Share, Table};

/// Queries that utility is judged by, at most.
const JUDGED: usize = 1_000;
/// Exemplars that one transaction adds when the memory is built again.
const TOGETHER: usize = 16_384;

/// How much to forget.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlearningOptions {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// How many exemplars are forgotten, one at a time; at most a quarter of all.
    pub count: usize,
    /// Seed of which they are.
    pub seed: u64,
    /// An empty directory of the caller's, on the disk that is to be measured. Holds copies of the memory until the caller
    /// removes it.
    pub scratch: PathBuf,
}

/// What unlearning costs and what it leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unlearning {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours vote.
    pub k: usize,
    /// How many exemplars the memory held.
    pub exemplars: usize,
    /// How many were forgotten, one at a time, each durably before the next.
    pub forgotten: usize,
    /// Milliseconds that one takes.
    pub forget_ms: Times,
    /// Milliseconds that the disk takes to make 4 KiB durable: what no durable forgetting can be faster than.
    pub sync_ms: Times,
    /// Milliseconds to build the memory again from the embeddings of those that stay. Encoding their pictures again, which
    /// retraining would amount to, is not in it.
    pub rebuild_ms: f64,
    /// Queries whose decision after forgetting is to the last bit that of the memory that was built again: label,
    /// confidence, and every neighbour's label and distance.
    pub as_rebuilt: Share,
    /// Accuracy before, on queries whose label keeps exemplars.
    pub accuracy_before: Share,
    /// Accuracy after, on the same.
    pub accuracy_after: Share,
    /// The chance to tell a member from a non-member by its distance to the nearest exemplar, while the members are there.
    pub membership_before: Estimate,
    /// The same once they are forgotten: 0.5 is no better than a guess.
    pub membership_after: Estimate,
    /// How many exemplars never were members of the copy, for comparison.
    pub non_members: usize,
}

/// Repeated times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub n: usize,
    /// Half take less.
    pub median: f64,
    /// 99 of 100 take less.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let max = *times.last()?;
        Some(Self { n: times.len(), median: quantile(&times, 0.5), p99: quantile(&times, 0.99), max })
    }
}

/// Computes it.
///
/// # Errors
/// When the memory holds fewer than eight exemplars, no query has a label that keeps exemplars, or the disk refuses.
pub fn unlearning(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    options: &UnlearningOptions,
    progress: &mut dyn Progress,
) -> Result<Unlearning> {
    let count = options.count.min(memory.len() / 4);
    if count < 2 {
        let what = "too few exemplars to forget some of them; this needs at least eight";
        return Err(Error::NotApplicable(what.into()));
    }
    let ids: Vec<u64> = roster.exemplars.iter().filter_map(|exemplar| exemplar.id).collect();
    let drawn: Vec<u64> =
        Random::new(options.seed).some_of(ids.len(), 2 * count).into_iter().map(|at| ids[at]).collect();
    let (members, others) = drawn.split_at(count);
    let vectors = (memory.embeddings(members)?, memory.embeddings(others)?);

    let copy = options.scratch.join("copy.vismem");
    copy_memory(memory.path(), &copy)?;
    Editor::open(&copy)?.forget(&by_id(others))?;
    let before = membership(&copy, &vectors, options.seed)?;

    let mut times = Vec::with_capacity(count);
    let mut editor = Editor::open(&copy)?;
    for (done, id) in members.iter().enumerate() {
        let started = Instant::now();
        editor.forget(&by_id(&[*id]))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        progress.advance("exemplars", done + 1, count)?;
    }
    drop(editor);
    let after = membership(&copy, &vectors, options.seed)?;
    let sync = sync_times(&options.scratch, count)?;

    let copy = Memory::open(&copy)?;
    let again = options.scratch.join("again.vismem");
    let (rebuild_ms, new_ids) = rebuild(memory, roster, &drawn, &again)?;
    let again = Memory::open(&again)?;
    let utility = Utility::of(memory, &copy, &again, &new_ids, roster, queries, options)?;
    let none = || Error::NotApplicable("nothing was measured".into());
    Ok(Unlearning {
        rule: options.vote.into(),
        k: options.k,
        exemplars: memory.len(),
        forgotten: count,
        forget_ms: Times::of(times).ok_or_else(none)?,
        sync_ms: Times::of(sync).ok_or_else(none)?,
        rebuild_ms,
        as_rebuilt: utility.as_rebuilt,
        accuracy_before: utility.before,
        accuracy_after: utility.after,
        membership_before: before,
        membership_after: after,
        non_members: others.len(),
    })
}

fn by_id(ids: &[u64]) -> Selector {
    Selector { ids: ids.to_vec(), ..Selector::default() }
}

/// Copies every file of a memory but its lock and the index of the log, which belong to whoever has it open.
fn copy_memory(from: &Path, to: &Path) -> Result<()> {
    let copy = || {
        std::fs::create_dir(to)?;
        for file in std::fs::read_dir(from)? {
            let file = file?;
            let name = file.file_name();
            if file.file_type()?.is_file() && name != "lock" && name != "catalog.sqlite-shm" {
                std::fs::copy(file.path(), to.join(name))?;
            }
        }
        Ok(())
    };
    copy().map_err(|source| Error::Io { path: to.into(), action: "copy the memory to", source })
}

/// How well the nearest distance tells members, which are or were there, from others of the same kind.
fn membership(memory: &Path, (members, others): &(Vec<f32>, Vec<f32>), seed: u64) -> Result<Estimate> {
    let memory = Memory::open(memory)?;
    let nearest = |vectors: &[f32]| -> Result<Vec<f64>> {
        let found = memory.nearest(vectors, &NeighborOptions { k: 1, ..Default::default() })?;
        Ok(found.iter().flatten().map(|near| f64::from(near.distance)).collect())
    };
    let (members, others) = (nearest(members)?, nearest(others)?);
    let [auroc, _] = detection(&members, &others, seed);
    Ok(auroc)
}

/// Milliseconds to write 4 KiB to a file and have them on the disk.
fn sync_times(directory: &Path, count: usize) -> Result<Vec<f64>> {
    let path = directory.join("sync");
    let measure = || {
        let mut file = std::fs::File::create(&path)?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let started = Instant::now();
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    };
    measure().map_err(|source| Error::Io { path: path.clone(), action: "write", source })
}

/// Builds a memory of all exemplars but those that were drawn, in the order of their ids. Milliseconds that it took, and
/// the new ids in that order.
fn rebuild(memory: &Memory, roster: &Roster, drawn: &[u64], path: &Path) -> Result<(f64, Vec<(u64, u64)>)> {
    let mut ids = Vec::new();
    let started = Instant::now();
    let mut editor = Editor::open_or_create(path, memory.encoder())?;
    let mut batch = editor.batch();
    let dim = memory.encoder().dim;
    let gone: std::collections::HashSet<u64> = drawn.iter().copied().collect();
    let stays = roster.exemplars.iter().filter_map(|exemplar| Some((exemplar.id?, exemplar)));
    let stays: Vec<_> = stays.filter(|(id, _)| !gone.contains(id)).collect();
    for part in stays.chunks(TOGETHER) {
        let embeddings = memory.embeddings(&part.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        let exemplars: Vec<NewExemplar<'_>> = part
            .iter()
            .zip(embeddings.chunks_exact(dim))
            .map(|((id, exemplar), embedding)| NewExemplar {
                embedding,
                label: &roster.labels[exemplar.label as usize],
                source: Some(Source::from(&exemplar.name)),
                content: content_of(embedding, &id.to_le_bytes()),
                attributes: Attributes::new(),
            })
            .collect();
        let added = batch.add(&exemplars)?;
        ids.extend(part.iter().zip(added).filter_map(|((old, _), added)| match added {
            Added::New(new) => Some((*old, new)),
            _ => None,
        }));
    }
    drop(editor);
    Ok((started.elapsed().as_secs_f64() * 1e3, ids))
}

struct Utility {
    as_rebuilt: Share,
    before: Share,
    after: Share,
}

impl Utility {
    fn of(
        memory: &Memory,
        copy: &Memory,
        again: &Memory,
        new_ids: &[(u64, u64)],
        roster: &Roster,
        queries: &QuerySet,
        options: &UnlearningOptions,
    ) -> Result<Self> {
        let how = ClassifyOptions { k: options.k, vote: options.vote, ..ClassifyOptions::default() };
        let keeps = |label: &String| copy.labels().iter().any(|known| known.name == *label && known.exemplars > 0);
        let spread = |n: usize| (0..n.min(JUDGED)).map(move |at| at * n / n.min(JUDGED));
        let (truth, before, after, rebuilt) = if queries.is_own() {
            // Exemplars that stay, each asked without itself.
            let some: Vec<(u64, u64)> = spread(new_ids.len()).map(|at| new_ids[at]).collect();
            let (old, new): (Vec<u64>, Vec<u64>) = some.into_iter().unzip();
            let label =
                |id: &u64| roster.labels[roster.exemplars[roster.position(*id) as usize].label as usize].clone();
            let truth: Vec<Vec<String>> = old.iter().map(|id| vec![label(id)]).collect();
            let after = copy.classify_exemplars(&old, &how)?;
            (truth, memory.classify_exemplars(&old, &how)?, after, again.classify_exemplars(&new, &how)?)
        } else {
            let judged: Vec<usize> = (0..queries.len()).filter(|at| queries.truth[*at].iter().any(keeps)).collect();
            let some: Vec<usize> = spread(judged.len()).map(|at| judged[at]).collect();
            let asked = queries.select(&some, memory);
            let vectors = asked.embeddings(memory)?;
            let decide = |memory: &Memory| memory.classify(&vectors, &how);
            (asked.truth.clone(), decide(memory)?, decide(copy)?, decide(again)?)
        };
        let n = truth.len() as u64;
        let right = |decisions: &[Decision]| {
            let right =
                truth.iter().zip(decisions).filter(|(truth, decision)| truth.iter().any(|t| t == decision.label()));
            Share::of(right.count() as u64, n).ok_or(Error::NoQueries)
        };
        let same = after.iter().zip(&rebuilt).filter(|(a, b)| as_it_is(a) == as_it_is(b)).count() as u64;
        Ok(Self {
            as_rebuilt: Share::of(same, n).ok_or(Error::NoQueries)?,
            before: right(&before)?,
            after: right(&after)?,
        })
    }
}

/// All of a decision that does not depend on ids.
fn as_it_is(decision: &Decision) -> (&str, u64, Vec<(&str, u32)>) {
    let neighbors = decision.neighbors.iter().map(|voter| (voter.label.as_str(), voter.distance.to_bits()));
    (decision.label(), decision.confidence().to_bits(), neighbors.collect())
}

impl Unlearning {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let caption = format!(
            "Forgetting {} of {} exemplars one at a time, durably; milliseconds",
            crate::report::count(self.forgotten as u64),
            crate::report::count(self.exemplars as u64)
        );
        let mut times = Table::new("unlearning-times", caption, ["what", "n", "median", "p99", "max"]);
        for (what, of) in [("forget one", &self.forget_ms), ("the disk's own sync", &self.sync_ms)] {
            times.row([what.into(), of.n.into()].into_iter().chain([of.median, of.p99, of.max].map(Cell::Number)));
        }
        let once = [Cell::Number(self.rebuild_ms), Cell::Empty, Cell::Empty];
        times.row(["build again from embeddings".into(), 1.into()].into_iter().chain(once));
        let columns = ["what", "value", "low", "high", "n"];
        let rule = self.rule.of(self.k);
        let mut quality = Table::new("unlearning-quality", format!("What forgetting leaves, {rule}"), columns);
        for (what, share) in [
            ("decisions as if built again", &self.as_rebuilt),
            ("accuracy before", &self.accuracy_before),
            ("accuracy after", &self.accuracy_after),
        ] {
            let shares = [share.value, share.low, share.high].map(Cell::Share);
            quality.row([what.into()].into_iter().chain(shares).chain([Cell::Count(share.n)]));
        }
        for (what, of) in [
            ("members told from others (AUROC) before", &self.membership_before),
            ("members told from others (AUROC) after", &self.membership_after),
        ] {
            let numbers = [of.value, of.low, of.high].map(Cell::Number);
            quality.row([what.into()].into_iter().chain(numbers).chain([(self.forgotten + self.non_members).into()]));
        }
        vec![times, quality]
    }
}
