//! The exemplars that mislead others most, as one page to go through by eye.

use askama::Template;

use crate::format::{self, count, counted, label, percent};
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
    /// The place of the first that is shown, from 1.
    pub first: usize,
    /// How many are shown on all pages.
    pub of: usize,
    /// Those of this page, the worst first.
    pub suspects: Vec<Suspect>,
    /// The files of all pages, to be linked.
    pub pages: Vec<String>,
    /// Which of them this is, from 0.
    pub page: usize,
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
    /// Why no other label is advised, if that is withheld.
    pub no_advice: Option<String>,
    /// Commands that correct or remove it, shown to be copied.
    pub commands: Vec<String>,
}

/// The page: self-contained, no script, nothing loaded. All texts are escaped.
///
/// # Errors
/// [`Error::Encode`] or [`Error::Page`] when the machine runs out of memory; no content leads there.
pub fn suspects_to_html(suspects: &Suspects) -> Result<String, Error> {
    let cards = (suspects.first..).zip(&suspects.suspects).map(|(rank, suspect)| Card::new(rank, suspect));
    let cards: Vec<Card> = cards.collect::<Result<_, _>>()?;
    let misleading = counted(suspects.misleading, "exemplar");
    let lead = match cards.len() {
        0 => "No exemplar was a wrong neighbour of another one.".into(),
        _ => format!(
            "{misleading} gave one at least once. First come those that their own neighbours take for another label, the \
             surest first, then those that were wrong most often."
        ),
    };
    let place = match suspects.pages.len() {
        0 | 1 => String::new(),
        _ => format!(
            "{} to {} of {}",
            count(suspects.first as u64),
            count((suspects.first + cards.len()).saturating_sub(1) as u64),
            count(suspects.of as u64)
        ),
    };
    let link =
        |(at, file): (usize, &String)| Link { number: at + 1, address: address(file), is_this: at == suspects.page };
    let links =
        if suspects.pages.len() > 1 { suspects.pages.iter().enumerate().map(link).collect() } else { Vec::new() };
    let page = Page {
        memory: format::text(&suspects.memory, format::NOTHING),
        exemplars: count(suspects.exemplars),
        neighbors: count(suspects.neighbors),
        pruning: format::text(&suspects.pruning, format::NOTHING),
        hidden: count(suspects.hidden),
        lead,
        place,
        links,
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
    /// Which of all are on this page; empty where there is one page.
    place: String,
    links: Vec<Link>,
    cards: Vec<Card>,
}

/// A link to a page of these.
struct Link {
    number: usize,
    address: String,
    is_this: bool,
}

/// A file beside the page as an address.
fn address(file: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encoded =
        file.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    encoded.collect()
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
    no_advice: String,
    commands: Vec<String>,
}

impl Card {
    fn new(rank: usize, suspect: &Suspect) -> Result<Self, Error> {
        let source = format::text(&suspect.source, "(no source)");
        let share = f64::from(suspect.wrong) / f64::from(suspect.retrievals.max(1));
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
            no_advice: suspect.no_advice.as_ref().map_or_else(String::new, |why| format::text(why, "")),
            commands: suspect.commands.iter().map(|command| format::text(command, format::NOTHING)).collect(),
        })
    }
}
