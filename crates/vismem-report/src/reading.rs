//! What a decision says in everyday words. Page and picture tell the same story because both take it from here.

use std::collections::HashMap;

use image::RgbImage;

use crate::format::{count, counted, label, percent};
use crate::palette::Tone;
use crate::{Explanation, Picture, ShownNeighbor};

/// A lead over the runner-up smaller than this share of the vote is a close call.
const CLOSE: f64 = 0.1;

/// How much a remark should worry the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// All is as one would wish.
    Calm,
    /// Worth a second look.
    Wary,
    /// The answer may well be wrong.
    Alarmed,
    /// Nothing can be said.
    Unknown,
}

/// A headline and the sentence that explains it.
#[derive(Debug, Clone)]
pub struct Remark {
    pub mood: Mood,
    pub headline: String,
    pub sentence: String,
}

/// A decision, read.
pub struct Reading<'a> {
    explanation: &'a Explanation,
    places: HashMap<&'a str, usize>,
}

impl<'a> Reading<'a> {
    pub fn new(explanation: &'a Explanation) -> Self {
        let mut places = HashMap::new();
        for (place, share) in explanation.labels.iter().enumerate() {
            places.entry(share.label.as_str()).or_insert(place);
        }
        Self { explanation, places }
    }

    pub fn tone(&self, label: &str) -> Tone {
        Tone::of_place(self.places.get(label).copied())
    }

    pub fn agrees(&self, neighbor: &ShownNeighbor) -> bool {
        neighbor.label == self.explanation.decision
    }

    fn agreeing(&self) -> usize {
        self.explanation.neighbors.iter().filter(|n| self.agrees(n)).count()
    }

    /// The answer as a text, also when there is none.
    pub fn answer(&self) -> String {
        let is_nobody = self.explanation.neighbors.is_empty() && self.explanation.decision.is_empty();
        if is_nobody || self.is_weighted_away() { "No answer".into() } else { label(&self.explanation.decision) }
    }

    /// Whether there are neighbours, and none of their votes counts anything.
    fn is_weighted_away(&self) -> bool {
        self.explanation.neighbors.iter().all(|n| n.weight == 0.0) && !self.explanation.neighbors.is_empty()
    }

    /// Who was asked: "The memory looked at 9,146 stored examples; the 20 most similar ones voted."
    pub fn lead(&self) -> String {
        let stored = self.explanation.memory.exemplars;
        let s = if stored == 1 { "" } else { "s" };
        let voters = match self.explanation.neighbors.len() {
            0 => return "No stored example was there to compare this picture with.".into(),
            1 => "only the most similar one voted".into(),
            n => format!("the {} most similar ones voted", count(n as u64)),
        };
        let of_all = match self.explanation.compared {
            compared if compared < stored => format!("{} of ", count(compared)),
            _ => String::new(),
        };
        format!("The memory compared this picture with {of_all}its {} stored example{s}; {voters}.", count(stored))
    }

    /// How sure the answer is.
    pub fn confidence(&self) -> Remark {
        let (voters, agreeing, share) =
            (self.explanation.neighbors.len(), self.agreeing(), self.explanation.confidence);
        let remark = |mood, headline: String, sentence: String| Remark { mood, headline, sentence };
        if voters == 0 {
            return remark(Mood::Unknown, "Nobody voted".into(), "So there is no answer.".into());
        }
        if self.is_weighted_away() {
            let sentence = "Every vote that there is was given no weight, so there is no answer.";
            return remark(Mood::Unknown, "No vote counts".into(), sentence.into());
        }
        if voters == 1 {
            let sentence = "Only one example voted, so its share says nothing about how sure the answer is.";
            return remark(Mood::Wary, "One vote decided alone".into(), sentence.into());
        }
        let runner_up = self.explanation.labels.iter().find(|l| l.label != self.explanation.decision);
        let lead = share - runner_up.map_or(0.0, |l| l.share);
        let next =
            runner_up.map_or(String::new(), |l| format!(" Next: “{}” with {}.", label(&l.label), percent(l.share)));
        let sentence = match agreeing {
            a if a == voters => format!("All {voters} examples carry this label."),
            1 => {
                format!("1 of the {voters} examples carries this label; it holds {} of the vote.{next}", percent(share))
            }
            a => format!(
                "{a} of the {voters} examples carry this label; together they hold {} of the vote.{next}",
                percent(share)
            ),
        };
        let (mood, headline) = match share {
            _ if agreeing == voters => (Mood::Calm, "Everyone agrees"),
            s if s >= 0.9 => (Mood::Calm, "Nearly all of the vote"),
            s if s >= 0.7 => (Mood::Calm, "A clear majority of the vote"),
            s if !s.is_finite() => (Mood::Unknown, "Agreement not known"),
            _ if lead < CLOSE => (Mood::Alarmed, "A close call"),
            s if s >= 0.5 => (Mood::Wary, "More than half of the vote"),
            _ => (Mood::Alarmed, "No majority: a best guess"),
        };
        remark(mood, headline.into(), sentence)
    }

    /// How familiar the query is to the memory.
    pub fn novelty(&self) -> Remark {
        let known = self.explanation.novelty.filter(|p| p.is_finite()).map(|p| p.clamp(0.0, 100.0));
        let Some(percentile) = known else {
            let sentence =
                "How far this picture lies from the memory compared with the memory’s own pictures is not known.";
            return Remark { mood: Mood::Unknown, headline: "Familiarity not known".into(), sentence: sentence.into() };
        };
        // Nearly all is not all, and "than >99 %" is no sentence.
        let share = if percentile >= 99.5 { "nearly all".into() } else { percent(percentile / 100.0) };
        let (mood, headline, sentence) = match percentile {
            p if p >= 100.0 => (
                Mood::Alarmed,
                "Unlike anything in memory",
                "Farther from everything in memory than any of the memory’s own pictures is from the others: \
                 treat this answer with care."
                    .into(),
            ),
            p if p >= 95.0 => (
                Mood::Alarmed,
                "Unfamiliar",
                format!(
                    "Farther from everything in memory than {share} of the memory’s own pictures are from each other: \
                     treat this answer with care."
                ),
            ),
            p if p >= 80.0 => (
                Mood::Wary,
                "A little unusual",
                format!(
                    "Farther from everything in memory than {share} of the memory’s own pictures are from each other: \
                     unusual, but not alarming."
                ),
            ),
            p if p > 0.0 => (
                Mood::Calm,
                "Familiar",
                format!(
                    "As near to its neighbours as the memory’s own pictures usually are to each other \
                     (farther than {share} of them)."
                ),
            ),
            _ => (
                Mood::Calm,
                "Very familiar",
                "Closer to a picture in memory than the memory’s own pictures are to each other.".into(),
            ),
        };
        Remark { mood, headline: headline.into(), sentence }
    }

    /// What the neighbours are, as a heading.
    pub fn neighbors_heading(&self) -> String {
        match self.explanation.neighbors.len() {
            0 => "No similar examples".into(),
            1 => "The most similar example in memory".into(),
            n => format!("The {} in memory", counted(n, "most similar example")),
        }
    }

    /// What the neighbours have to do with the answer, in a sentence.
    pub fn neighbors_lead(&self) -> &'static str {
        match self.explanation.neighbors.len() {
            0 => "The memory is empty, or everything in it was left out of this search.",
            1 => "Its vote, and nothing else, made the decision.",
            _ if self.speaks_against() => {
                "The most similar comes first. Each one votes for its own label, or against it: where others like it have \
                 their say already, it takes back what they say too much. These votes, and nothing else, made the decision."
            }
            _ => {
                "The most similar comes first. Each one votes for its own label; \
                 these votes, and nothing else, made the decision."
            }
        }
    }

    /// Whether some neighbour's weight is below zero.
    pub fn speaks_against(&self) -> bool {
        self.explanation.neighbors.iter().any(|n| n.weight < 0.0)
    }

    /// What a neighbour adds to the decision: "12 % of the decision", or "speaks against bird: −3 %".
    pub fn part(&self, neighbor: &ShownNeighbor) -> String {
        match neighbor.weight < 0.0 {
            true => format!("speaks against {}: −{}", label(&neighbor.label), percent(-neighbor.share)),
            false => format!("{} of the decision", percent(neighbor.share)),
        }
    }

    /// The strongest single vote, for or against, as a share: the full length of the bars on the cards.
    pub fn strongest(&self) -> f64 {
        self.explanation.neighbors.iter().map(|n| n.share.abs()).filter(|s| s.is_finite()).fold(0.0, f64::max)
    }

    /// When no neighbour has a picture and all for the same reason: that reason, to be said once.
    pub fn no_pictures(&self) -> Option<&'a str> {
        let mut reasons = self.explanation.neighbors.iter().map(|n| pixels(&n.picture).err());
        let first = reasons.next()??;
        reasons.all(|r| r == Some(first)).then_some(first)
    }
}

/// The pixels to show, or the reason why there are none.
pub fn pixels(picture: &Picture) -> Result<&RgbImage, &str> {
    match picture {
        Picture::Shown(image) if image.width() > 0 && image.height() > 0 => Ok(image),
        Picture::Shown(_) => Err("The picture has no pixels."),
        Picture::Missing(reason) if reason.trim().is_empty() => Err("No picture."),
        Picture::Missing(reason) => Err(reason),
    }
}
