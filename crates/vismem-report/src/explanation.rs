use image::RgbImage;

/// One decision with everything that led to it, ready to be shown.
///
/// Numbers that are not finite are shown as "–" and shares are clamped to their range, so that a page never says `NaN`.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The picture that was asked about.
    pub query: Pictured,
    /// The winning label. When there is no neighbour, an empty string.
    pub decision: String,
    /// The winner's share of the vote, 0..=1.
    pub confidence: f64,
    /// All labels that got votes, the winner first, then by share. The page shows every one of them.
    pub labels: Vec<LabelShare>,
    /// The neighbours that voted, in order of rank.
    pub neighbors: Vec<ShownNeighbor>,
    /// How far the query lies from the memory, as a percentile 0..=100 of the memory's own leave-one-out distances:
    /// 97 = farther from its nearest neighbour than 97 % of the exemplars are from theirs. `None`: not known.
    pub novelty: Option<f64>,
    /// The rule of the vote as it is to be named, e.g. `rank (α = 2)`.
    pub vote: String,
    /// What had been set for this decision and must be said beside it, one sentence each,
    /// e.g. "Without the exemplars of label cat (--without)." Often empty.
    pub notes: Vec<String>,
    /// How many of the memory's exemplars it was compared with: fewer than there are where some were left out.
    pub compared: u64,
    /// What was changed in thought for this decision, and what it is without that. `None`: nothing.
    pub what_if: Option<WhatIf>,
    /// The memory that answered.
    pub memory: MemoryFacts,
}

/// A what-if question, and the decision as it is without it.
#[derive(Debug, Clone)]
pub struct WhatIf {
    /// The question in words, e.g. `without label=cat`.
    pub question: String,
    /// The winning label as things are.
    pub decision: String,
    /// Its share of the vote, 0..=1.
    pub confidence: f64,
    /// All labels that get votes as things are, the winner first.
    pub labels: Vec<LabelShare>,
    /// The neighbours that vote as things are, in order of rank.
    pub neighbors: Vec<ShownNeighbor>,
}

/// A name with its picture.
#[derive(Debug, Clone)]
pub struct Pictured {
    /// File name or path, shown as it is.
    pub name: String,
    /// The picture, or why there is none.
    pub picture: Picture,
}

/// A picture to show, or the reason that stands in its place.
#[derive(Debug, Clone)]
pub enum Picture {
    /// Pixels of any size; [`crate::shrink`] saves memory when they come from large files.
    Shown(RgbImage),
    /// Why there is no picture, in a few words, e.g. `file not found: photos/cat.jpg`.
    Missing(String),
}

/// How much of the vote a label got.
#[derive(Debug, Clone)]
pub struct LabelShare {
    /// The label.
    pub label: String,
    /// Its share of the vote, 0..=1.
    pub share: f64,
}

/// One exemplar that voted.
#[derive(Debug, Clone)]
pub struct ShownNeighbor {
    /// Rank from 1 = most similar.
    pub rank: usize,
    /// The exemplar's id in the memory.
    pub id: u64,
    /// The label it voted for. It agrees with the decision if it equals [`Explanation::decision`].
    pub label: String,
    /// Where it comes from (path, archive member, row of a file), shown as it is.
    pub source: String,
    /// Cosine distance to the query, 0..=2.
    pub distance: f64,
    /// The weight of its vote, in the units of the vote's rule; below zero where it speaks against its label.
    pub weight: f64,
    /// Its part of the whole vote: weight divided by the sum of all scores above zero.
    pub share: f64,
    /// Whether it is one of the fewest without which the answer would be another one.
    pub decisive: bool,
    /// Its picture, or why there is none.
    pub picture: Picture,
}

/// What the memory is, in short.
#[derive(Debug, Clone)]
pub struct MemoryFacts {
    /// Name or path.
    pub name: String,
    /// How many exemplars it holds.
    pub exemplars: u64,
    /// How many different labels.
    pub labels: u64,
    /// The encoder's name.
    pub encoder: String,
    /// The memory's digest in hexadecimal; the page shows the first 12 digits and keeps the rest one click away.
    pub digest: String,
}
