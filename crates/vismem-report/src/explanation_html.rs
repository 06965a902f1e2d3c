use askama::Template;

use crate::format::{self, count, counted, label, percent};
use crate::reading::{Mood, Reading, Remark};
use crate::thumbnail::{NEIGHBOR_SIDE, QUERY_SIDE, Thumb, thumb};
use crate::{Error, Explanation, LabelShare, MemoryFacts, ShownNeighbor, WhatIf};

/// Bars that are always visible; further labels are folded.
const LABELS_SHOWN: usize = 8;
/// Cards that are always visible; further neighbours are folded.
const NEIGHBORS_SHOWN: usize = 24;

/// Labels and neighbours that are compared side by side, and how large the neighbours are.
const LABELS_COMPARED: usize = 4;
const SMALL_SHOWN: usize = 12;
const SMALL_SIDE: u32 = 160;

/// The decision as one self-contained HTML page: no script, nothing loaded, light and dark, for screens and paper.
///
/// Pictures are shrunk to [`QUERY_SIDE`] and [`NEIGHBOR_SIDE`] pixels and embedded as JPEG. All texts are escaped.
///
/// # Errors
/// [`Error::Encode`] or [`Error::Page`] when the machine runs out of memory; no content of `explanation` leads there.
pub fn to_html(explanation: &Explanation) -> Result<String, Error> {
    Ok(Page::new(explanation)?.render()?)
}

struct RemarkView {
    class: &'static str,
    icon: &'static str,
    headline: String,
    sentence: String,
}

struct Bar {
    label: String,
    tone: String,
    share: String,
    width: f64,
    first: bool,
}

struct Card {
    rank: usize,
    id: u64,
    label: String,
    source: String,
    source_tail: String,
    tone: String,
    agrees: bool,
    decisive: bool,
    share: String,
    /// What it adds to the decision, in words.
    part: String,
    /// Whether its weight is below zero.
    against: bool,
    /// Share of the whole vote in percent, for the ribbon.
    width: f64,
    /// Share in percent of the strongest vote, for the card's bar.
    strength: f64,
    distance: String,
    weight: String,
    picture: Thumb,
    alt: String,
}

struct Memory {
    name: String,
    size: String,
    encoder: String,
    vote: String,
    digest: String,
    digest_short: String,
    digest_rest: bool,
}

/// One side of a what-if: the decision as it is, or as it would be.
struct Side {
    title: &'static str,
    answer: String,
    tone: String,
    share: String,
    labels: Vec<Bar>,
    voters: Vec<Voter>,
    more: String,
}

/// A neighbour in small.
struct Voter {
    title: String,
    tone: String,
    picture: Thumb,
    alt: String,
    /// Whether the other side does without it.
    differs: bool,
}

struct Comparison {
    question: String,
    sides: [Side; 2],
}

#[derive(Template)]
#[template(path = "explanation.html")]
struct Page {
    answer: String,
    /// The winner's share; `None` when nobody voted.
    confidence: Option<String>,
    tone: String,
    lead: String,
    query: Thumb,
    query_name: String,
    query_tail: String,
    query_alt: String,
    remarks: [RemarkView; 2],
    notes: Vec<String>,
    what_if: Option<Comparison>,
    labels: Vec<Bar>,
    further: Vec<Bar>,
    further_title: String,
    any_against: bool,
    neighbors_heading: String,
    neighbors_lead: &'static str,
    no_pictures: Option<String>,
    shown: Vec<Card>,
    folded: Vec<Card>,
    folded_title: String,
    memory: Memory,
}

impl Page {
    fn new(e: &Explanation) -> Result<Self, Error> {
        let reading = Reading::new(e);
        let mut labels: Vec<Bar> = e.labels.iter().map(|l| Bar::new(&reading, l)).collect();
        if let Some(first) = labels.first_mut() {
            first.first = true;
        }
        let further = labels.split_off(labels.len().min(LABELS_SHOWN));
        let mut shown = e.neighbors.iter().map(|n| Card::new(&reading, n)).collect::<Result<Vec<_>, _>>()?;
        let folded = shown.split_off(shown.len().min(NEIGHBORS_SHOWN));
        let query_name = format::text(&e.query.name, "(no name)");
        Ok(Self {
            answer: reading.answer(),
            confidence: (!e.neighbors.is_empty()).then(|| percent(e.confidence)),
            tone: reading.tone(&e.decision).class(),
            lead: reading.lead(),
            query: thumb(&e.query.picture, QUERY_SIDE, &e.query.name)?,
            query_alt: format!("The picture in question, {query_name}"),
            query_tail: format::tail(&query_name, 120),
            query_name,
            remarks: [reading.confidence().into(), reading.novelty().into()],
            notes: e.notes.iter().map(|n| format::text(n, format::NOTHING)).collect(),
            what_if: e.what_if.as_ref().map(|what_if| Comparison::new(&reading, e, what_if)).transpose()?,
            further_title: format!("{} with fewer votes", counted(further.len(), "more label")),
            labels,
            further,
            any_against: reading.speaks_against(),
            neighbors_heading: reading.neighbors_heading(),
            neighbors_lead: reading.neighbors_lead(),
            no_pictures: reading.no_pictures().map(|r| format::text(r, "No pictures.")),
            folded_title: format!("Show {}", counted(folded.len(), "more neighbour")),
            shown,
            folded,
            memory: Memory::new(&e.memory, &e.vote),
        })
    }
}

impl Bar {
    fn new(reading: &Reading, l: &LabelShare) -> Self {
        Self {
            label: label(&l.label),
            tone: reading.tone(&l.label).class(),
            share: percent(l.share),
            width: format::width(l.share),
            first: false,
        }
    }
}

impl Comparison {
    fn new(reading: &Reading, e: &Explanation, before: &WhatIf) -> Result<Self, Error> {
        let as_it_is = Side::new(
            reading,
            "As it is",
            (&before.decision, before.confidence, &before.labels),
            (&before.neighbors, &e.neighbors),
        )?;
        let what_if =
            Side::new(reading, "What if", (&e.decision, e.confidence, &e.labels), (&e.neighbors, &before.neighbors))?;
        Ok(Self { question: format::text(&before.question, format::NOTHING), sides: [as_it_is, what_if] })
    }
}

impl Side {
    /// `neighbors` are this side's and the other side's.
    fn new(
        reading: &Reading,
        title: &'static str,
        (decision, confidence, labels): (&str, f64, &[LabelShare]),
        (own, others): (&[ShownNeighbor], &[ShownNeighbor]),
    ) -> Result<Self, Error> {
        let voter = |n: &ShownNeighbor| {
            Ok(Voter {
                title: format!("{}: {}, {}", n.rank, label(&n.label), reading.part(n)),
                tone: reading.tone(&n.label).class(),
                picture: thumb(&n.picture, SMALL_SIDE, &n.source)?,
                alt: format!("Example {}, labelled {}", n.id, label(&n.label)),
                differs: others.iter().all(|other| other.id != n.id),
            })
        };
        let shown = own.len().min(SMALL_SHOWN);
        Ok(Self {
            title,
            answer: label(decision),
            tone: reading.tone(decision).class(),
            share: percent(confidence),
            labels: labels.iter().take(LABELS_COMPARED).map(|share| Bar::new(reading, share)).collect(),
            voters: own[..shown].iter().map(voter).collect::<Result<_, Error>>()?,
            more: if own.len() > shown {
                format!("and {} more", count((own.len() - shown) as u64))
            } else {
                String::new()
            },
        })
    }
}

impl Card {
    fn new(reading: &Reading, n: &ShownNeighbor) -> Result<Self, Error> {
        let source = format::text(&n.source, "(no source)");
        Ok(Self {
            rank: n.rank,
            id: n.id,
            label: label(&n.label),
            source_tail: format::tail(&source, 60),
            source,
            tone: reading.tone(&n.label).class(),
            agrees: reading.agrees(n),
            decisive: n.decisive,
            share: percent(n.share),
            part: reading.part(n),
            against: n.weight < 0.0,
            width: format::width(n.share),
            strength: format::width(n.share.abs() / reading.strongest()),
            distance: format::distance(n.distance),
            weight: format::weight(n.weight),
            picture: thumb(&n.picture, NEIGHBOR_SIDE, &n.source)?,
            alt: format!("Example {} of the memory, labelled {}", n.id, label(&n.label)),
        })
    }
}

impl Memory {
    fn new(facts: &MemoryFacts, vote: &str) -> Self {
        let digest = format::text(&facts.digest, format::NOTHING);
        let digest_short: String = digest.chars().take(12).collect();
        let examples = if facts.exemplars == 1 { "example" } else { "examples" };
        let labels = if facts.labels == 1 { "label" } else { "labels" };
        Self {
            name: format::text(&facts.name, format::NOTHING),
            size: format!("{} {examples} of {} {labels}", count(facts.exemplars), count(facts.labels)),
            encoder: format::text(&facts.encoder, format::NOTHING),
            vote: format::text(vote, format::NOTHING),
            digest_rest: digest_short.len() < digest.len(),
            digest_short,
            digest,
        }
    }
}

impl From<Remark> for RemarkView {
    fn from(remark: Remark) -> Self {
        let (class, icon) = match remark.mood {
            Mood::Calm => ("calm", "check"),
            Mood::Wary => ("wary", "warning"),
            Mood::Alarmed => ("alarmed", "warning"),
            Mood::Unknown => ("unknown", "question"),
        };
        Self { class, icon, headline: remark.headline, sentence: remark.sentence }
    }
}
