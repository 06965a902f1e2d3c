//! The most confident mistakes, sorted by who is likely to blame, with the command that mends each (paper, figures 6 and
//! 16, appendix N).

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use vismem::{ClassifyOptions, Memory, Vote};
use vismem_report::words::shell;

use crate::gather::QuerySet;
use crate::{Cell, Neighborhoods, Query, Result, Rule, Share, Table};

/// From this confidence on, and with no more than [`LITTLE`] of the vote for its own label, a query's own label is in doubt.
const SURE: f64 = 0.9;
/// See [`SURE`].
const LITTLE: f64 = 0.05;
/// The nearest neighbours that are listed.
const LISTED: usize = 5;

/// What to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct MistakesOptions {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// How many mistakes to show.
    pub shown: usize,
    /// How commands begin, such as `vismem -m pets.vismem`.
    pub program: String,
}

/// Mistakes, the most confident first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistakes {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours vote.
    pub k: usize,
    /// Share of all queries that was decided wrong.
    pub wrong: Share,
    /// The most confident ones.
    pub mistakes: Vec<Mistake>,
}

/// A query that was decided wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// What the query is called.
    pub query: String,
    /// Its id, where it is an exemplar of the memory that was asked without itself.
    pub id: Option<u64>,
    /// Its right labels.
    pub truth: Vec<String>,
    /// What it was taken for.
    pub decision: String,
    /// That label's share of the vote, 0..=1.
    pub confidence: f64,
    /// The right labels' share of the vote, 0..=1.
    pub truth_share: f64,
    /// Who is likely to blame.
    pub blame: Blame,
    /// Its nearest neighbours, up to five.
    pub neighbors: Vec<Voted>,
    /// Commands that mend it, or show more.
    pub commands: Vec<String>,
}

/// Who is likely to blame for a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The query's own label: the neighbours are at one about another, and next to none of them is of its own.
    QueryLabel,
    /// Labels in the memory: half of the winner's votes or more come from exemplars that the others, each asked without
    /// itself, would give the query's label.
    MemoryLabels,
    /// The encoder, or too few exemplars: everything else.
    Model,
}

impl Blame {
    /// As it is written in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueryLabel => "query_label",
            Self::MemoryLabels => "memory_labels",
            Self::Model => "model",
        }
    }
}

/// A neighbour that voted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voted {
    /// Id of the exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: String,
    /// Cosine distance to the query, 0..=2.
    pub distance: f64,
    /// Its share of the vote, 0..=1.
    pub share: f64,
    /// What the others would call it, asked without itself, where that is another label.
    pub others_say: Option<String>,
}

/// A mistake on its way.
struct Wrong<'t> {
    query: &'t Query,
    at: usize,
    decision: u32,
    confidence: f64,
    truth_share: f64,
    /// Share of the vote of each neighbour, nearest first.
    shares: Vec<f64>,
}

/// Computes it. `table` holds the neighbours of `queries`.
///
/// # Errors
/// When no query has a known label, or the memory refuses.
pub fn mistakes(
    memory: &Memory,
    queries: &QuerySet,
    table: &Neighborhoods,
    options: &MistakesOptions,
) -> Result<Mistakes> {
    let n = table.judged_or_refuse()?.len() as u64;
    let mut wrong: Vec<Wrong<'_>> = (table.queries.iter().enumerate())
        .filter(|(_, query)| !query.truth.is_empty())
        .filter_map(|(at, query)| decide(table, query, at, options).filter(|wrong| !query.is_right(wrong.decision)))
        .collect();
    let all = Share::of(wrong.len() as u64, n).ok_or(crate::Error::NoQueries)?;
    wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.at.cmp(&b.at)));
    wrong.truncate(options.shown);

    // What the others say of everyone who voted for a mistake.
    let voters = wrong.iter().flat_map(|wrong| {
        let for_it = wrong.query.neighbors.iter().take(options.k);
        for_it
            .filter(|near| table.label_of(near) == wrong.decision)
            .filter_map(|near| table.exemplars[near.exemplar as usize].id)
    });
    let voters: Vec<u64> = voters.collect::<BTreeSet<u64>>().into_iter().collect();
    let asked = ClassifyOptions { k: options.k, vote: options.vote, ..ClassifyOptions::default() };
    let decisions = if voters.is_empty() { Vec::new() } else { memory.classify_exemplars(&voters, &asked)? };
    let others_say: HashMap<u64, String> =
        voters.into_iter().zip(decisions.iter().map(|decision| decision.label().to_owned())).collect();

    let own = queries.own_ids();
    let mistake = |wrong| describe(table, wrong, own, &others_say, options);
    Ok(Mistakes {
        rule: options.vote.into(),
        k: options.k,
        wrong: all,
        mistakes: wrong.into_iter().map(mistake).collect(),
    })
}

fn decide<'t>(table: &Neighborhoods, query: &'t Query, at: usize, options: &MistakesOptions) -> Option<Wrong<'t>> {
    let mut tally = vismem::Tally::default();
    let voters = || query.neighbors.iter().take(options.k).enumerate();
    let weights: Vec<f64> = voters().map(|(rank, near)| options.vote.weight(rank, near.distance)).collect();
    voters().zip(&weights).for_each(|((_, near), weight)| tally.add(table.label_of(near), *weight));
    let ranked = tally.ranked();
    let (decision, score) = *ranked.first()?;
    let total = tally.total();
    // The sum of no numbers is −0.
    let truth = ranked.iter().filter(|(label, _)| query.is_right(*label)).fold(0.0, |sum, (_, score)| sum + score);
    let shares = weights.into_iter().map(|weight| weight / total).collect();
    Some(Wrong { query, at, decision, confidence: (score / total).min(1.0), truth_share: truth / total, shares })
}

fn describe(
    table: &Neighborhoods,
    wrong: Wrong<'_>,
    own: Option<&[u64]>,
    others_say: &HashMap<u64, String>,
    options: &MistakesOptions,
) -> Mistake {
    let name = |label: u32| table.labels[label as usize].clone();
    let truth: Vec<String> = wrong.query.truth.iter().map(|label| name(*label)).collect();
    let near = wrong.query.neighbors.iter().zip(&wrong.shares).filter_map(|(near, share)| {
        let exemplar = &table.exemplars[near.exemplar as usize];
        let (id, label) = (exemplar.id?, name(exemplar.label));
        let others_say = others_say.get(&id).filter(|said| **said != label).cloned();
        Some(Voted { id, source: exemplar.name.clone(), distance: near.distance, share: *share, others_say, label })
    });
    let voted: Vec<Voted> = near.collect();
    let decision = name(wrong.decision);
    let doubtful: Vec<&Voted> = voted
        .iter()
        .filter(|voted| voted.label == decision && voted.others_say.as_ref().is_some_and(|said| truth.contains(said)))
        .collect();
    let in_doubt = doubtful.iter().fold(0.0, |sum, voted| sum + voted.share);
    let id = own.map(|ids| ids[wrong.at]);
    let (program, query) = (&options.program, shell(&wrong.query.name));
    let without = id.map_or_else(String::new, |id| format!(" --without id={id}"));
    let relabel = |ids: &[u64], to: &str| {
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        format!("{program} relabel --id {} --to {}", ids.join(","), shell(to))
    };
    let (blame, command) = if in_doubt >= wrong.confidence / 2.0 {
        let ids: Vec<u64> = doubtful.iter().map(|voted| voted.id).collect();
        (Blame::MemoryLabels, Some(relabel(&ids, &truth[0])))
    } else if wrong.confidence >= SURE && wrong.truth_share <= LITTLE {
        (Blame::QueryLabel, id.map(|id| relabel(&[id], &decision)))
    } else {
        // One more exemplar of its kind; an exemplar is one already.
        (Blame::Model, id.is_none().then(|| format!("{program} add {query} --label {}", shell(&truth[0]))))
    };
    let mut neighbors = voted;
    neighbors.truncate(LISTED);
    Mistake {
        commands: command.into_iter().chain([format!("{program} explain {query}{without}")]).collect(),
        query: wrong.query.name.clone(),
        id,
        truth,
        decision,
        confidence: wrong.confidence,
        truth_share: wrong.truth_share,
        blame,
        neighbors,
    }
}

impl Mistakes {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let Share { value, n, .. } = self.wrong;
        let count = |blame: Blame| self.mistakes.iter().filter(|mistake| mistake.blame == blame).count();
        let caption = format!(
            "The {} most confident of {} mistakes ({:.1} % of {}); likely to blame: the query's label {}, labels in the \
             memory {}, the model {}",
            self.mistakes.len(),
            self.wrong.count(),
            100.0 * value,
            crate::report::count(n),
            count(Blame::QueryLabel),
            count(Blame::MemoryLabels),
            count(Blame::Model),
        );
        let columns = ["query", "truth", "decision", "confidence", "truth_share", "blame", "command"];
        let mut table = Table::new("errors", caption, columns);
        let columns = ["query", "rank", "id", "label", "distance", "share", "others_say", "source"];
        let mut neighbors = Table::long("errors-neighbors", "Their nearest neighbours", columns);
        for mistake in &self.mistakes {
            let shares = [mistake.confidence, mistake.truth_share].map(Cell::Share);
            let name = [
                Cell::from(&mistake.query),
                Cell::from(mistake.truth.join(" | ").as_str()),
                (&mistake.decision).into(),
            ];
            let rest = [mistake.blame.name().into(), mistake.commands.first().map_or(Cell::Empty, Cell::from)];
            table.row(name.into_iter().chain(shares).chain(rest));
            for (rank, voted) in mistake.neighbors.iter().enumerate() {
                let others_say = voted.others_say.as_ref().map_or(Cell::Empty, Cell::from);
                neighbors.row([
                    (&mistake.query).into(),
                    rank.into(),
                    Cell::Count(voted.id),
                    (&voted.label).into(),
                    Cell::Number(voted.distance),
                    Cell::Share(voted.share),
                    others_say,
                    (&voted.source).into(),
                ]);
            }
        }
        vec![table, neighbors]
    }
}
