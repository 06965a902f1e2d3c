//! The most confident mistakes, sorted by who is likely to blame, with the command that mends each (paper, figures 6 and
//! 16, appendix N).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use vismem::{ClassifyOptions, Memory, Vote};
use vismem_report::words::{NBSP, counted, shell};

use crate::ballot::Ballot;
use crate::gather::{Kind, QuerySet};
use crate::{Cell, Near, Neighborhoods, Query, Result, Rule, Share, Table};

/// From this confidence on, and with no more than [`LITTLE`] of the vote for its own label, a query's own label is in doubt.
const SURE: f64 = 0.9;
/// See [`SURE`].
const LITTLE: f64 = 0.05;
/// From this novelty on, in percent, a query is far from everything, where `vismem classify` warns as well.
pub const FAR: f64 = 95.0;
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
    /// How unlike everything in the memory it is, see [`vismem::Decision::novelty`].
    pub novelty: Option<f64>,
    /// Who is likely to blame.
    pub blame: Blame,
    /// Why no correction of a label is advised, where the answer alone would suggest one; `None` where nothing is withheld.
    pub no_advice: Option<String>,
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
    /// Nobody: the query is farther from the memory than nearly all exemplars are from each other.
    Far,
    /// Too few exemplars: with those that its label has, it can hardly be answered right.
    TooFew,
    /// The encoder, or labels that look alike: everything else.
    Model,
}

impl Blame {
    /// As it is written in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueryLabel => "query_label",
            Self::MemoryLabels => "memory_labels",
            Self::Far => "far",
            Self::TooFew => "too_few",
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
    ballot: Ballot,
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
        .filter_map(|(at, query)| Some(Wrong { query, at, ballot: Ballot::of(table, query, options.vote, options.k)? }))
        .filter(|wrong| !wrong.query.is_right(wrong.ballot.winner()))
        .collect();
    let all = Share::of(wrong.len() as u64, n).ok_or(crate::Error::NoQueries)?;
    wrong.sort_by(|a, b| b.ballot.confidence().total_cmp(&a.ballot.confidence()).then(a.at.cmp(&b.at)));
    wrong.truncate(options.shown);

    let judge = Judge::new(memory, queries, table, &wrong, options)?;
    let mut judged = wrong.iter().map(|wrong| judge.judge(wrong)).collect::<Result<Vec<_>>>()?;
    judge.spare_labels_in_question(&mut judged);
    let mistakes = wrong.iter().zip(judged).map(|(wrong, judged)| judge.describe(wrong, judged)).collect();
    Ok(Mistakes { rule: options.vote.into(), k: options.k, wrong: all, mistakes })
}

/// What is thought of a mistake.
struct Judged {
    blame: Blame,
    /// Exemplars that should have another label, with that label.
    relabel: Vec<(u64, String)>,
    no_advice: Option<String>,
    novelty: Option<f64>,
}

/// Finds who is to blame.
struct Judge<'a> {
    memory: &'a Memory,
    queries: &'a QuerySet,
    table: &'a Neighborhoods,
    options: &'a MistakesOptions,
    /// How many exemplars each label has.
    exemplars: Vec<usize>,
    /// What the others say of everyone who voted for a mistake.
    others_say: HashMap<u64, String>,
    /// So many of a label can outvote all others among the neighbours, if they are the nearest.
    needed: usize,
}

impl<'a> Judge<'a> {
    fn new(
        memory: &'a Memory,
        queries: &'a QuerySet,
        table: &'a Neighborhoods,
        wrong: &[Wrong<'_>],
        options: &'a MistakesOptions,
    ) -> Result<Self> {
        let voters = wrong.iter().flat_map(|wrong| {
            let for_it = wrong.query.neighbors.iter().take(options.k);
            for_it
                .filter(|near| table.label_of(near) == wrong.ballot.winner())
                .filter_map(|near| table.exemplars[near.exemplar as usize].id)
        });
        let voters: Vec<u64> = voters.collect::<BTreeSet<u64>>().into_iter().collect();
        let others_say = others_say(memory, queries, table, voters, options)?;
        let mut exemplars = vec![0; table.labels.len()];
        table.exemplars.iter().for_each(|exemplar| exemplars[exemplar.label as usize] += 1);
        let needed = majority(options.vote, options.k.min(memory.len().saturating_sub(1)));
        Ok(Self { memory, queries, table, options, exemplars, others_say, needed })
    }

    fn name(&self, label: u32) -> &str {
        &self.table.labels[label as usize]
    }

    /// Why votes for a label say nothing of one of its own: it has too few exemplars, apart from one that is asked.
    fn too_few(&self, label: u32, is_asked: bool) -> Option<String> {
        let there = self.exemplars[label as usize];
        let needed = self.needed + usize::from(is_asked);
        (there < needed).then(|| {
            let (name, needed) = (self.name(label), exemplars(needed));
            format!("{name} has {there} of the {needed} that it takes to outvote others, so a wrong answer says nothing of its label")
        })
    }

    fn judge(&self, wrong: &Wrong<'_>) -> Result<Judged> {
        let nearest = wrong.query.neighbors.first();
        let novelty = nearest.map(|nearest| self.memory.novelty(nearest.distance as f32)).transpose()?.flatten();
        let judged = |blame, no_advice| Judged { blame, relabel: Vec::new(), no_advice, novelty };
        let is_own = self.queries.kinds[wrong.at] == Kind::Exemplar;
        if let Some(novelty) = novelty.filter(|novelty| *novelty >= FAR) {
            let why = format!(
                "{novelty:.0} % of the exemplars have a nearer neighbour: the memory knows nothing like it, so the answer says \
                 nothing of labels"
            );
            return Ok(judged(Blame::Far, Some(why)));
        }
        let truth = wrong.query.truth.iter().max_by_key(|label| self.exemplars[**label as usize]);
        if let Some(why) = truth.and_then(|label| self.too_few(*label, is_own)) {
            return Ok(judged(Blame::TooFew, Some(why)));
        }

        let (decision, confidence) = (wrong.ballot.winner(), wrong.ballot.confidence());
        let doubtful = |(near, share): (&Near, &Option<f64>)| {
            let id = self.table.exemplars[near.exemplar as usize].id?;
            let said = self.others_say.get(&id).filter(|_| self.table.label_of(near) == decision)?;
            let is_truth = wrong.query.truth.iter().any(|label| self.name(*label) == said);
            is_truth.then(|| ((id, said.clone()), share.unwrap_or(0.0)))
        };
        let doubtful = wrong.query.neighbors.iter().zip(&wrong.ballot.shares).filter_map(doubtful);
        let (relabel, shares): (Vec<_>, Vec<_>) = doubtful.unzip();
        let no_advice = if shares.iter().sum::<f64>() >= confidence / 2.0 && !shares.is_empty() {
            match self.too_few(decision, true) {
                None => return Ok(Judged { relabel, ..judged(Blame::MemoryLabels, None) }),
                why => why,
            }
        } else {
            None
        };
        if confidence >= SURE && wrong.ballot.share_of_truth(wrong.query) <= LITTLE {
            let own = self.queries.own_ids().map(|ids| (ids[wrong.at], self.name(decision).to_owned()));
            return Ok(Judged { relabel: own.into_iter().collect(), ..judged(Blame::QueryLabel, no_advice) });
        }
        Ok(judged(Blame::Model, no_advice))
    }

    /// Where half of a label's exemplars or more would get another one, it is the label that is in question, not they: it is
    /// not advised to take them away.
    fn spare_labels_in_question(&self, judged: &mut [Judged]) {
        let label_of: HashMap<u64, u32> =
            self.table.exemplars.iter().filter_map(|exemplar| Some((exemplar.id?, exemplar.label))).collect();
        let mut leaving: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for (id, _) in judged.iter().flat_map(|judged| &judged.relabel) {
            leaving.entry(label_of[id]).or_default().insert(*id);
        }
        leaving.retain(|label, ids| 2 * ids.len() >= self.exemplars[*label as usize]);
        for judged in judged {
            let Some(label) =
                judged.relabel.iter().map(|(id, _)| label_of[id]).find(|label| leaving.contains_key(label))
            else {
                continue;
            };
            judged.relabel.clear();
            judged.blame = Blame::Model;
            judged.no_advice = Some(format!(
                "{} of the {} of {} would get another label: the labels look alike, or this one is not meant",
                leaving[&label].len(),
                exemplars(self.exemplars[label as usize]),
                self.name(label)
            ));
        }
    }

    fn describe(&self, wrong: &Wrong<'_>, judged: Judged) -> Mistake {
        let (query, name) = (wrong.query, |label: &u32| self.name(*label).to_owned());
        let truth: Vec<String> = query.truth.iter().map(name).collect();
        let near = query.neighbors.iter().zip(&wrong.ballot.shares).filter_map(|(near, share)| {
            let exemplar = &self.table.exemplars[near.exemplar as usize];
            let (id, label) = (exemplar.id?, name(&exemplar.label));
            let others_say = self.others_say.get(&id).filter(|said| **said != label).cloned();
            let (source, share) = (exemplar.name.clone(), (*share)?);
            Some(Voted { id, source, distance: near.distance, share, others_say, label })
        });
        let Judged { blame, relabel, no_advice, novelty } = judged;
        let id = self.queries.own_ids().map(|ids| ids[wrong.at]);
        Mistake {
            query: query.name.clone(),
            id,
            decision: name(&wrong.ballot.winner()),
            confidence: wrong.ballot.confidence(),
            truth_share: wrong.ballot.share_of_truth(query),
            novelty,
            blame,
            neighbors: near.take(LISTED).collect(),
            commands: self.commands(wrong, blame, &relabel, &truth),
            no_advice,
            truth,
        }
    }

    /// What mends it first, and what shows more; all of them can be taken back.
    fn commands(&self, wrong: &Wrong<'_>, blame: Blame, relabel: &[(u64, String)], truth: &[String]) -> Vec<String> {
        let program = &self.options.program;
        let mut by_label: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (id, to) in relabel {
            by_label.entry(to).or_default().push(id.to_string());
        }
        let relabel =
            |(to, ids): (&str, Vec<String>)| format!("{program} relabel --id {} --to {}", ids.join(","), shell(to));
        let mut commands: Vec<String> = by_label.into_iter().map(relabel).collect();
        let (kind, name) = (self.queries.kinds[wrong.at], shell(&wrong.query.name));
        // One more exemplar of its kind.
        if kind == Kind::File && matches!(blame, Blame::Model | Blame::TooFew | Blame::Far) {
            commands.push(format!("{program} add {name} --label {}", shell(&truth[0])));
        }
        let voters = if self.options.k == ClassifyOptions::default().k {
            String::new()
        } else {
            format!(" -k {}", self.options.k)
        };
        commands.push(match self.queries.own_ids() {
            Some(ids) => format!("{program} explain --id {}{voters}", ids[wrong.at]),
            None => format!("{program} explain {name}{voters}"),
        });
        commands
    }
}

/// What the others say of these exemplars, each asked without itself.
fn others_say(
    memory: &Memory,
    queries: &QuerySet,
    table: &Neighborhoods,
    exemplars: Vec<u64>,
    options: &MistakesOptions,
) -> Result<HashMap<u64, String>> {
    // They are asked already, or else each alone would have to be searched for.
    if let Some(ids) = queries.own_ids() {
        let wanted: BTreeSet<u64> = exemplars.into_iter().collect();
        let of = ids.iter().zip(&table.queries).filter(|(id, _)| wanted.contains(id));
        let said =
            of.filter_map(|(id, query)| Some((*id, Ballot::of(table, query, options.vote, options.k)?.winner())));
        return Ok(said.map(|(id, label)| (id, table.labels[label as usize].clone())).collect());
    }
    // Of a single exemplar there is nobody else to ask.
    if exemplars.is_empty() || memory.len() < 2 {
        return Ok(HashMap::new());
    }
    let asked = ClassifyOptions { k: options.k, vote: options.vote, ..ClassifyOptions::default() };
    let decisions = memory.classify_exemplars(&exemplars, &asked)?;
    Ok(exemplars.into_iter().zip(decisions.iter().map(|decision| decision.label().to_owned())).collect())
}

fn exemplars(number: usize) -> String {
    counted(number, "exemplar").replace(NBSP, " ")
}

/// How many of `k` voters, the nearest ones, have half of the vote where distances are equal.
fn majority(vote: Vote, k: usize) -> usize {
    let weights: Vec<f64> = (0..k).map(|rank| vote.weight(rank, 0.0)).collect();
    let half = weights.iter().sum::<f64>() / 2.0;
    let sums = weights.iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    sums.take_while(|sum| *sum < half).count() + 1
}

impl Mistakes {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let Share { value, n, .. } = self.wrong;
        let count = |blame: Blame| self.mistakes.iter().filter(|mistake| mistake.blame == blame).count();
        let caption = format!(
            "The {} most confident of {} mistakes ({:.1} % of {}); likely to blame: the query's label {}, labels in the \
             memory {}, too few exemplars {}, too far from them {}, the model {}",
            self.mistakes.len(),
            self.wrong.count(),
            100.0 * value,
            crate::report::count(n),
            count(Blame::QueryLabel),
            count(Blame::MemoryLabels),
            count(Blame::TooFew),
            count(Blame::Far),
            count(Blame::Model),
        );
        let columns = ["query", "truth", "decision", "confidence", "truth_share", "blame", "command", "no_advice"];
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
            let command = mistake.commands.first().map_or(Cell::Empty, Cell::from);
            let rest =
                [mistake.blame.name().into(), command, mistake.no_advice.as_ref().map_or(Cell::Empty, Cell::from)];
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
