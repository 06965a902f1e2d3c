//! The report of an evaluation as plain data; [`crate::report_html`] makes a page of it.

use crate::figure::Figure;
use crate::{Picture, Pictured, Table};

/// What experiments on a memory have shown.
#[derive(Debug, Clone)]
pub struct Report {
    /// The headline, e.g. `How well animals.vismem knows its labels`.
    pub title: String,
    /// What was measured on what, a sentence or two.
    pub lead: String,
    /// What to take away, the most important first.
    pub findings: Vec<Finding>,
    /// What to do next.
    pub steps: Vec<Step>,
    /// What the numbers belong to: memory, digest, encoder, versions, seeds, command. Name and value.
    pub facts: Vec<(String, String)>,
    /// The experiments.
    pub sections: Vec<Section>,
    /// Experiments that were not done, and why. Name and reason.
    pub left_out: Vec<(String, String)>,
}

/// A result in plain words.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The number that it is about, e.g. `91.7 %`; may be empty.
    pub number: String,
    /// How sure the number is, e.g. `89.8 % to 93.3 %`; may be empty.
    pub interval: String,
    /// What it means, in words that need no knowledge of the field.
    pub sentence: String,
    /// Whether it is as one would wish.
    pub tenor: Tenor,
    /// The section that shows it: [`Section::name`].
    pub section: String,
}

/// How a result is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenor {
    /// It is what it is.
    Neutral,
    /// As one would wish.
    Good,
    /// Worth a second look.
    Wary,
}

/// Something to do.
#[derive(Debug, Clone)]
pub struct Step {
    /// What, and why.
    pub sentence: String,
    /// The command that does it; may be empty.
    pub command: String,
}

/// An experiment.
#[derive(Debug, Clone)]
pub struct Section {
    /// What it is called in links: ASCII letters, digits and hyphens.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// The question that it answers.
    pub question: String,
    /// The answer, a paragraph each.
    pub answer: Vec<String>,
    /// Its plots.
    pub figures: Vec<Figure>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// The pictures behind its numbers.
    pub galleries: Vec<Gallery>,
    /// Where the paper has it, e.g. `Tables 3 to 9, figure 2`; may be empty.
    pub in_paper: String,
    /// The command that does it again.
    pub command: String,
}

/// Pictures behind numbers.
#[derive(Debug, Clone)]
pub struct Gallery {
    /// What they have in common.
    pub title: String,
    /// What to look for.
    pub lead: String,
    /// The pictures.
    pub cases: Vec<Case>,
}

/// A query with its neighbours.
#[derive(Debug, Clone)]
pub struct Case {
    /// The query.
    pub query: Pictured,
    /// What it is and what it was taken for, e.g. `labelled cup, taken for mug (93 % of the vote)`.
    pub verdict: String,
    /// Whether the memory was right, where somebody knows.
    pub right: Option<bool>,
    /// Rows of neighbours.
    pub rows: Vec<CaseRow>,
    /// What has to be known before anything is done about it; empty for nothing.
    pub note: String,
    /// Commands that mend it, shown to be copied.
    pub commands: Vec<String>,
}

/// Neighbours, nearest first.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// What they are neighbours of; may be empty where that is plain.
    pub title: String,
    /// The neighbours.
    pub neighbors: Vec<CaseNeighbor>,
}

/// A neighbour.
#[derive(Debug, Clone)]
pub struct CaseNeighbor {
    /// Its id in the memory, where it has one.
    pub id: Option<u64>,
    /// Its label.
    pub label: String,
    /// What else there is to say of it; may be empty.
    pub remark: String,
    /// Cosine distance, 0..=2.
    pub distance: f64,
    /// Whether it has a right label of the query, where somebody knows.
    pub right: Option<bool>,
    /// Its picture, or why there is none.
    pub picture: Picture,
}
