//! The exemplars that mislead others most, as one page to go through by eye.

use askama::Template;

use crate::format::{self, count, label, percent};
use crate::thumbnail::{NEIGHBOR_SIDE, Thumb, thumb};
use crate::{Error, Picture};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Suspects {
    /// Name or path of the memory.
    pub memory: String,
    /// How many exemplars it holds.
    pub exemplars: u64,
    /// How many of them were a wrong neighbour at least once.
    pub misleading: u64,
    /// How many neighbours each exemplar asked.
    pub neighbors: u64,
    /// The pruning in words, e.g. `hard (from 128 wrong votes, 100 neighbours)`.
    pub pruning: String,
    /// How many exemplars it hides.
    pub hidden: u64,
    /// The worst first.
    pub suspects: Vec<Suspect>,
}

/// An exemplar that was a wrong neighbour of others.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// Its id in the memory.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// What its own neighbours take it for.
    pub others_say: String,
    /// Their part of the vote, 0..=1.
    pub others_share: f64,
    /// How many exemplars of another label had it among their neighbours.
    pub wrong: u32,
    /// How many exemplars had it among their neighbours.
    pub retrievals: u32,
    /// Whether the pruning hides it.
    pub hidden: bool,
    /// Where it comes from, shown as it is.
    pub source: String,
    /// Its picture, or why there is none.
    pub picture: Picture,
    /// Commands that correct or remove it, shown to be copied.
    pub commands: Vec<String>,
}

/// The page: self-contained, no script, nothing loaded. All texts are escaped.
///
/// # Errors
/// [`Error::Encode`] or [`Error::Page`] when the machine runs out of memory; no content leads there.
pub fn suspects_to_html(suspects: &Suspects) -> Result<String, Error> {
    let cards = (1..).zip(&suspects.suspects).map(|(rank, suspect)| Card::new(rank, suspect));
    let cards: Vec<Card> = cards.collect::<Result<_, _>>()?;
    let (shown, misleading) = (count(cards.len() as u64), count(suspects.misleading));
    let lead = match cards.len() as u64 {
        0 => "No exemplar was a wrong neighbour of another one.".into(),
        all if all == suspects.misleading => {
            format!("These {shown} were a wrong neighbour at least once, the worst first.")
        }
        _ => format!("The {shown} worst of {misleading} that were a wrong neighbour at least once."),
    };
    let page = Page {
        memory: format::text(&suspects.memory, format::NOTHING),
        exemplars: count(suspects.exemplars),
        neighbors: count(suspects.neighbors),
        pruning: format::text(&suspects.pruning, format::NOTHING),
        hidden: count(suspects.hidden),
        lead,
        cards,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "suspects.html")]
struct Page {
    memory: String,
    exemplars: String,
    neighbors: String,
    pruning: String,
    hidden: String,
    lead: String,
    cards: Vec<Card>,
}

struct Card {
    rank: usize,
    id: u64,
    label: String,
    others_say: String,
    others_share: String,
    agree: bool,
    wrong: String,
    retrievals: String,
    share: String,
    /// Share in percent, for the bar.
    width: f64,
    hidden: bool,
    source: String,
    source_tail: String,
    picture: Thumb,
    alt: String,
    commands: Vec<String>,
}

impl Card {
    fn new(rank: usize, suspect: &Suspect) -> Result<Self, Error> {
        let source = format::text(&suspect.source, "(no source)");
        let share = f64::from(suspect.wrong) / f64::from(suspect.retrievals);
        Ok(Self {
            rank,
            id: suspect.id,
            label: label(&suspect.label),
            others_say: label(&suspect.others_say),
            others_share: percent(suspect.others_share),
            agree: suspect.label == suspect.others_say,
            wrong: count(suspect.wrong),
            retrievals: count(suspect.retrievals),
            share: percent(share),
            width: format::width(share),
            hidden: suspect.hidden,
            source_tail: format::tail(&source, 60),
            source,
            picture: thumb(&suspect.picture, NEIGHBOR_SIDE, &suspect.source)?,
            alt: format!("Exemplar {}, labelled {}", suspect.id, label(&suspect.label)),
            commands: suspect.commands.iter().map(|command| format::text(command, format::NOTHING)).collect(),
        })
    }
}
