//! The most confident mistakes, sorted by who is likely to blame, with the command that mends each (paper, figures 6 and
//! 16, appendix N).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use vismem::{ClassifyOptions, Decision, Memory, Tuning, Vote};
use vismem_report::words::{NBSP, counted, option, path};

use crate::ballot::Ballot;
use crate::gather::{Kind, QuerySet};
use crate::{Cell, Near, Neighborhoods, Query, Result, Rule, Share, Table, parallel};

/// From this part on of what a label usually has of the vote where it is the right answer, and with no more than [`LITTLE`] of
/// the vote for its own label, a query's own label is in doubt. A label of few exemplars, or among many wrong ones, never has
/// all of the vote.
const SURE: f64 = 0.9;
/// What a label usually has may be as little as this part of what it can have: below that it is overlap, not wrong labels.
const LEAST: f64 = 0.8;
/// See [`SURE`].
const LITTLE: f64 = 0.1;
/// Where a larger share of the answers is wrong, the labels do not follow the embeddings, and neighbours say nothing of them.
const MANY: f64 = 0.5;
/// Up to this distance a query is most likely an exemplar itself.
const SAME: f64 = 1e-6;
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
    /// The exemplars that should have another label, with that label; the first of the commands give it.
    #[serde(skip)]
    pub relabel: Vec<(u64, String)>,
}

/// Who is likely to blame for a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The query's own label: the neighbours are at one about another, and next to none of them is of its own.
    QueryLabel,
    /// Labels in the memory: half of the winner's votes or more come from exemplars of which the others, each asked without
    /// itself, are at one that they are of the query's label.
    MemoryLabels,
    /// The pruning that is set: without it the answer would be right.
    Pruning,
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
            Self::Pruning => "pruning",
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
struct Wrong<'q> {
    query: &'q Query,
    at: usize,
    ballot: &'q Ballot,
    /// What the neighbours say of labels, see [`opinions`].
    opinion: &'q Ballot,
}

/// How the neighbours of each query vote.
fn ballots(table: &Neighborhoods, Tuning { vote, k }: Tuning) -> Result<Vec<Option<Ballot>>> {
    parallel::map(&table.queries, |query| Ballot::of(table, query, vote, k)).into_iter().collect()
}

/// By what neighbours are asked whether a label is right: the vote that decides, if in it many outvote few. In kernel voting a
/// single one can have its way, so that being at one means nothing; rank voting of 20 is asked then.
fn opinions(options: &MistakesOptions) -> Tuning {
    match options.vote {
        Vote::Kernel { .. } => Tuning::usual(Vote::RANK),
        vote => Tuning { vote, k: options.k },
    }
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
    let decided = ballots(table, Tuning { vote: options.vote, k: options.k })?;
    let opinions = ballots(table, opinions(options))?;
    let mut wrong: Vec<Wrong<'_>> = (table.queries.iter().zip(decided.iter().zip(&opinions)).enumerate())
        .filter(|(_, (query, _))| !query.truth.is_empty())
        .filter_map(|(at, (query, (ballot, opinion)))| {
            Some(Wrong { query, at, ballot: ballot.as_ref()?, opinion: opinion.as_ref()? })
        })
        .filter(|wrong| !wrong.query.is_right(wrong.ballot.winner()))
        .collect();
    let all = Share::of(wrong.len() as u64, n).ok_or(crate::Error::NoQueries)?;
    wrong.sort_by(|a, b| b.ballot.confidence().total_cmp(&a.ballot.confidence()).then(a.at.cmp(&b.at)));
    wrong.truncate(options.shown);

    let judge = Judge::new(memory, queries, table, &opinions, &wrong, options)?;
    let mut judged = wrong.iter().map(|wrong| judge.judge(wrong)).collect::<Result<Vec<_>>>()?;
    if all.value > MANY {
        spare_all(&mut judged, all.value);
    }
    judge.spare_labels_in_question(&mut judged);
    judge.spare_queries_of_labels_in_question(&wrong, &mut judged);
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

/// What others say of an exemplar that is asked without itself.
struct Opinion {
    says: u32,
    /// Whether they are as sure as can be.
    are_at_one: bool,
}

/// Finds who is to blame.
struct Judge<'a> {
    memory: &'a Memory,
    queries: &'a QuerySet,
    table: &'a Neighborhoods,
    /// What the neighbours of each query say of labels.
    ballots: &'a [Option<Ballot>],
    options: &'a MistakesOptions,
    /// How many exemplars each label has.
    exemplars: Vec<usize>,
    /// What the others say of everyone who voted for a mistake.
    others_say: HashMap<u64, Opinion>,
    /// The most that a label of so many exemplars can have of the vote, 0..=1.
    reach: Vec<f64>,
    /// What each label has of the vote on average where it is the right answer, 0..=1; `None` where it never is.
    usual: Vec<Option<f64>>,
    /// So many of a label can outvote all others among the neighbours, if they are the nearest.
    needed: usize,
}

impl<'a> Judge<'a> {
    fn new(
        memory: &'a Memory,
        queries: &'a QuerySet,
        table: &'a Neighborhoods,
        ballots: &'a [Option<Ballot>],
        wrong: &[Wrong<'_>],
        options: &'a MistakesOptions,
    ) -> Result<Self> {
        let voters = wrong.iter().flat_map(|wrong| {
            let for_it = wrong.query.neighbors.iter().take(opinions(options).k);
            for_it
                .filter(|near| table.label_of(near) == wrong.ballot.winner())
                .filter_map(|near| table.exemplars[near.exemplar as usize].id)
        });
        let voters: Vec<u64> = voters.collect::<BTreeSet<u64>>().into_iter().collect();
        let mut exemplars = vec![0; table.labels.len()];
        table.exemplars.iter().for_each(|exemplar| exemplars[exemplar.label as usize] += 1);
        let Tuning { vote, k } = opinions(options);
        let voting = k.min(memory.len().saturating_sub(1));
        let (reach, needed) = (reach(vote, voting), majority(vote, voting));
        let usual = usual(table, ballots);
        let others_say = HashMap::new();
        let mut judge = Self { memory, queries, table, ballots, options, exemplars, others_say, reach, usual, needed };
        judge.others_say = judge.opinions(voters)?;
        Ok(judge)
    }

    /// Whether neighbours are at one about a label, with this share of the vote, where the own label has that one.
    fn are_at_one(&self, label: u32, share: f64, own: u32, own_share: f64) -> bool {
        let voting = self.reach.len() - 1;
        let reach = self.reach[self.exemplars[label as usize].min(voting)];
        let most = self.usual[label as usize].map_or(reach, |usual| usual.clamp(LEAST * reach, reach));
        // Where all others do not fill the vote, exemplars of the own label are among the voters, if as the last of them.
        let others = self.table.exemplars.len() - self.exemplars[own as usize];
        let least = 1.0 - self.reach[others.min(voting)];
        share >= SURE * most && own_share <= LITTLE + least
    }

    /// What the others say of these exemplars, each asked without itself.
    fn opinions(&self, exemplars: Vec<u64>) -> Result<HashMap<u64, Opinion>> {
        let Self { memory, queries, table, options, .. } = self;
        // They are asked already, or else each alone would have to be searched for.
        if let Some(ids) = queries.own_ids() {
            let wanted: BTreeSet<u64> = exemplars.into_iter().collect();
            let of = ids.iter().zip(table.queries.iter().zip(self.ballots)).filter(|(id, _)| wanted.contains(id));
            let opinion = |(query, ballot): (&Query, &Option<Ballot>)| self.opinion_on(query, ballot.as_ref()?);
            return Ok(of.filter_map(|(id, asked)| Some((*id, opinion(asked)?))).collect());
        }
        // Of a single exemplar there is nobody else to ask.
        if exemplars.is_empty() || memory.len() < 2 {
            return Ok(HashMap::new());
        }
        let labels: HashMap<&str, u32> = table.labels.iter().map(String::as_str).zip(0..).collect();
        let own: HashMap<u64, u32> =
            table.exemplars.iter().filter_map(|exemplar| Some((exemplar.id?, exemplar.label))).collect();
        let Tuning { vote, k } = opinions(options);
        let asked = ClassifyOptions { k, vote, ..ClassifyOptions::default() };
        let decisions = memory.classify_exemplars(&exemplars, &asked)?;
        let opinion = |(id, decision): (u64, &Decision)| {
            let (says, own) = (*labels.get(decision.label())?, *own.get(&id)?);
            let of_own = decision.labels.iter().find(|score| score.label == self.name(own));
            let own_share = of_own.map_or(0.0, |score| score.score);
            Some((id, Opinion { says, are_at_one: self.are_at_one(says, decision.confidence(), own, own_share) }))
        };
        Ok(exemplars.into_iter().zip(&decisions).filter_map(opinion).collect())
    }

    fn opinion_on(&self, query: &Query, ballot: &Ballot) -> Option<Opinion> {
        let (says, own) = (ballot.winner(), self.truth(query)?);
        let are_at_one = self.are_at_one(says, ballot.confidence(), own, ballot.share_of_truth(query));
        Some(Opinion { says, are_at_one })
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
        let decision = wrong.ballot.winner();
        let confidence = wrong.opinion.share_of(decision);
        if self.is_right_without_pruning(wrong.query)? {
            return Ok(judged(Blame::Pruning, None));
        }
        if let Some(why) = self.same_picture(wrong.query) {
            return Ok(judged(Blame::Model, Some(why)));
        }
        let truth = self.truth(wrong.query);
        if let Some(why) = truth.and_then(|label| self.too_few(label, is_own)) {
            return Ok(judged(Blame::TooFew, Some(why)));
        }
        if let Some(novelty) = novelty.filter(|novelty| *novelty >= FAR) {
            let why = format!(
                "{novelty:.0} % of the exemplars have a nearer neighbour: the memory knows nothing like it, so the answer says \
                 nothing of labels"
            );
            return Ok(judged(Blame::Far, Some(why)));
        }

        let doubtful = |(near, share): (&Near, &Option<f64>)| {
            let id = self.table.exemplars[near.exemplar as usize].id?;
            let opinion = self.others_say.get(&id).filter(|_| self.table.label_of(near) == decision)?;
            let is_truth = opinion.are_at_one && wrong.query.is_right(opinion.says);
            is_truth.then(|| ((id, self.name(opinion.says).to_owned()), share.unwrap_or(0.0)))
        };
        let doubtful = wrong.query.neighbors.iter().zip(&wrong.opinion.shares).filter_map(doubtful);
        let (relabel, shares): (Vec<_>, Vec<_>) = doubtful.unzip();
        let no_advice = if shares.iter().sum::<f64>() >= confidence / 2.0 && !shares.is_empty() {
            match self.too_few(decision, true) {
                None => return Ok(Judged { relabel, ..judged(Blame::MemoryLabels, None) }),
                why => why,
            }
        } else {
            None
        };
        let share = wrong.opinion.share_of_truth(wrong.query);
        if truth.is_some_and(|truth| self.are_at_one(decision, confidence, truth, share)) {
            let own = self.queries.own_ids().map(|ids| (ids[wrong.at], self.name(decision).to_owned()));
            return Ok(Judged { relabel: own.into_iter().collect(), ..judged(Blame::QueryLabel, no_advice) });
        }
        Ok(judged(Blame::Model, no_advice))
    }

    /// The label of a query; of several the one of most exemplars.
    fn truth(&self, query: &Query) -> Option<u32> {
        query.truth.iter().copied().max_by_key(|label| self.exemplars[*label as usize])
    }

    fn is_right_without_pruning(&self, query: &Query) -> Result<bool> {
        if self.table.as_set().is_none() {
            return Ok(false);
        }
        let unpruned = Ballot::without_pruning(self.table, query, self.options.vote, self.options.k)?;
        Ok(unpruned.is_some_and(|ballot| query.is_right(ballot.winner())))
    }

    /// That the memory has this very picture under another label.
    fn same_picture(&self, query: &Query) -> Option<String> {
        let same = query.neighbors.iter().take_while(|near| near.distance <= SAME);
        let other = same.into_iter().find(|near| !query.is_right(self.table.label_of(near)))?;
        let (id, label) = (self.table.exemplars[other.exemplar as usize].id?, self.name(self.table.label_of(other)));
        Some(format!("exemplar {id} has the same embedding and the label {label}: one of both labels is wrong"))
    }

    /// Whether the memory has this very picture under its own label.
    fn is_known(&self, query: &Query) -> bool {
        let mut same = query.neighbors.iter().take_while(|near| near.distance <= SAME);
        same.any(|near| query.is_right(self.table.label_of(near)))
    }

    /// Where half of a label's queries or more are taken for one other label, the neighbours being at one, it is the labels
    /// that are in question, not the queries: their names may be exchanged.
    fn spare_queries_of_labels_in_question(&self, wrong: &[Wrong<'_>], judged: &mut [Judged]) {
        let mut asked: HashMap<u32, usize> = HashMap::new();
        self.table
            .queries
            .iter()
            .flat_map(|query| &query.truth)
            .for_each(|label| *asked.entry(*label).or_default() += 1);
        let mut taken: HashMap<(u32, u32), usize> = HashMap::new();
        let pairs = |wrong: &Wrong<'_>| {
            let decision = wrong.ballot.winner();
            wrong.query.truth.iter().map(move |label| (*label, decision)).collect::<Vec<_>>()
        };
        for (wrong, _) in wrong.iter().zip(&*judged).filter(|(_, judged)| judged.blame == Blame::QueryLabel) {
            pairs(wrong).into_iter().for_each(|pair| *taken.entry(pair).or_default() += 1);
        }
        taken.retain(|(label, _), count| *count > 1 && 2 * *count >= asked[label]);
        for (wrong, judged) in wrong.iter().zip(judged).filter(|(_, judged)| judged.blame == Blame::QueryLabel) {
            let Some(pair) = pairs(wrong).into_iter().find(|pair| taken.contains_key(pair)) else { continue };
            let (label, decision) = (self.name(pair.0), self.name(pair.1));
            let (count, all) = (taken[&pair], asked[&pair.0]);
            judged.relabel.clear();
            judged.blame = Blame::Model;
            judged.no_advice = Some(format!(
                "{count} of the {all} queries of {label} are taken for {decision}, without a doubt: the names of both may be \
                 exchanged, here or in the memory"
            ));
        }
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
            let others_say = self.others_say.get(&id).map(|opinion| name(&opinion.says)).filter(|said| *said != label);
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
            relabel,
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
            |(to, ids): (&str, Vec<String>)| format!("{program} relabel --id {} {}", ids.join(","), option("--to", to));
        let mut commands: Vec<String> = by_label.into_iter().map(relabel).collect();
        if blame == Blame::Pruning {
            commands.push(format!("{program} prune off"));
        }
        let (kind, name) = (self.queries.kinds[wrong.at], path(&wrong.query.name));
        // One more exemplar of its kind.
        let is_unknown = !self.is_known(wrong.query) && self.same_picture(wrong.query).is_none();
        if kind == Kind::File && is_unknown && matches!(blame, Blame::Model | Blame::TooFew | Blame::Far) {
            commands.push(format!("{program} add {name} {}", option("--label", &truth[0])));
        }
        let Tuning { vote, k } = self.table.decides_by();
        let MistakesOptions { vote: asked, k: voters, .. } = *self.options;
        let voters = match (asked == vote, voters == k) {
            (true, true) => String::new(),
            (true, false) => format!(" -k {voters}"),
            (false, _) => format!(" -k {voters} {}", Rule::from(asked).options()),
        };
        commands.push(match self.queries.own_ids() {
            Some(ids) => format!("{program} explain --id {}{voters}", ids[wrong.at]),
            None => format!("{program} explain {name}{voters}"),
        });
        commands
    }
}

fn exemplars(number: usize) -> String {
    counted(number, "exemplar").replace(NBSP, " ")
}

/// Advises no label where most answers are wrong.
fn spare_all(judged: &mut [Judged], wrong: f64) {
    for judged in judged.iter_mut().filter(|judged| matches!(judged.blame, Blame::QueryLabel | Blame::MemoryLabels)) {
        judged.relabel.clear();
        judged.blame = Blame::Model;
        judged.no_advice = Some(format!(
            "{:.0} % of the answers are wrong: the labels hardly follow the embeddings, so neighbours say nothing of a label",
            100.0 * wrong
        ));
    }
}

/// What each label has of the vote on average where it is the right answer.
fn usual(table: &Neighborhoods, ballots: &[Option<Ballot>]) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_usize); table.labels.len()];
    for (query, ballot) in table.queries.iter().zip(ballots) {
        if let Some(ballot) = ballot
            && query.is_right(ballot.winner())
        {
            let (sum, count) = &mut sums[ballot.winner() as usize];
            *sum += ballot.confidence();
            *count += 1;
        }
    }
    sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / count as f64)).collect()
}

/// For each number of exemplars from 0 to `k` the most that they can have of the vote, 0..=1, where distances are equal.
fn reach(vote: Vote, k: usize) -> Vec<f64> {
    let weights: Vec<f64> = (0..k).filter_map(|rank| vote.weight(rank, 0.0)).collect();
    let total = weights.iter().sum::<f64>();
    let sums = weights.iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum / total)
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// How many of `k` voters, the nearest ones, have half of the vote where distances are equal.
fn majority(vote: Vote, k: usize) -> usize {
    reach(vote, k).into_iter().skip(1).take_while(|share| *share < 0.5).count() + 1
}

impl Mistakes {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let Share { value, n, .. } = self.wrong;
        let count = |blame: Blame| self.mistakes.iter().filter(|mistake| mistake.blame == blame).count();
        let (shown, all) = (self.mistakes.len(), self.wrong.count());
        let which = match (shown as u64, all) {
            (0, 0) => format!("No mistakes in {}", crate::report::count(n)),
            (1, 1) => format!("The only mistake in {}", crate::report::count(n)),
            (shown, all) if shown == all => {
                format!("All {all} mistakes ({:.1} % of {})", 100.0 * value, crate::report::count(n))
            }
            (shown, all) => {
                format!(
                    "The {shown} most confident of {all} mistakes ({:.1} % of {})",
                    100.0 * value,
                    crate::report::count(n)
                )
            }
        };
        let blames = [
            ("the query's label", Blame::QueryLabel),
            ("labels in the memory", Blame::MemoryLabels),
            ("the pruning", Blame::Pruning),
            ("too few exemplars", Blame::TooFew),
            ("too far from them", Blame::Far),
            ("the model", Blame::Model),
        ];
        let blamed = blames.into_iter().map(|(name, blame)| (name, count(blame))).filter(|(_, count)| *count > 0);
        let blamed: Vec<String> = blamed.map(|(name, count)| format!("{name} {count}")).collect();
        let caption = match blamed.is_empty() {
            true => which,
            false => format!("{which}; likely to blame: {}", blamed.join(", ")),
        };
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
