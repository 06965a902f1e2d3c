use crate::canvas::{Anchor, Area, Icon};
use crate::fonts::{Fonts, Weight};
use crate::format::{self, count, label, percent};
use crate::picture_text::shorten_start;
use crate::reading::{Mood, Reading, Remark, pixels};
use crate::sheet::{CARD, GROUND, INK, LINE, SOFT, Sheet, style};
use crate::{Error, Explanation, ShownNeighbor};

/// Width of the picture in pixels.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 48.0;
const INNER: f64 = WIDTH - 2.0 * MARGIN;
const QUERY: f64 = 400.0;
/// Left edge and width of the answer beside the query.
const ANSWER_X: f64 = MARGIN + QUERY + 44.0;
const ANSWER_WIDTH: f64 = WIDTH - MARGIN - ANSWER_X;
const BARS: usize = 4;
const CARDS: usize = 10;
const CARDS_PER_ROW: usize = 5;
const GAP: f64 = 16.0;
const CARD_WIDTH: f64 = (INNER - GAP * (CARDS_PER_ROW as f64 - 1.0)) / CARDS_PER_ROW as f64;
const CARD_PICTURE: f64 = CARD_WIDTH * 0.75;

/// The colour of those without which the answer would be another one.
const DECISIVE: &str = "#8a5a00";

const CHECK: Icon = &[&[(3.0, 8.5), (6.4, 11.9), (13.0, 4.8)]];
const UNEQUAL: Icon = &[&[(3.0, 5.8), (13.0, 5.8)], &[(3.0, 10.2), (13.0, 10.2)], &[(10.6, 2.6), (5.4, 13.4)]];

/// The decision as one PNG picture, 1200 pixels wide: the query, the answer, the labels with most votes and the first
/// ten neighbours. Texts too long for their place end in an ellipsis.
///
/// The font is bundled; the machine's fonts are only read when a text has characters that it lacks. Letters are drawn as
/// their outlines in the text's color: what a font has as a colored picture alone, as most emoji, leaves a gap.
///
/// # Errors
/// [`Error::Encode`] or [`Error::Canvas`] when the machine runs out of memory; no content of
/// `explanation` leads there.
pub fn to_png(explanation: &Explanation) -> Result<Vec<u8>, Error> {
    let fonts = Fonts::for_texts(texts(explanation));
    let mut drawing = Drawing { sheet: Sheet::new(&fonts), reading: Reading::new(explanation), explanation };
    let below = drawing.head();
    let below = drawing.neighbors(below);
    let height = drawing.foot(below);
    drawing.sheet.canvas.render(WIDTH as u32, height.ceil() as u32, GROUND)
}

/// All user texts that the picture shows.
fn texts(e: &Explanation) -> impl Iterator<Item = &str> {
    let own = [&e.query.name, &e.decision, &e.vote, &e.memory.name, &e.memory.encoder].map(String::as_str);
    own.into_iter()
        .chain(pixels(&e.query.picture).err())
        .chain(e.notes.iter().map(String::as_str))
        .chain(e.labels.iter().take(BARS).map(|l| l.label.as_str()))
        .chain(
            e.neighbors.iter().take(CARDS).flat_map(|n| [Some(n.label.as_str()), pixels(&n.picture).err()]).flatten(),
        )
}

struct Drawing<'a> {
    sheet: Sheet<'a>,
    reading: Reading<'a>,
    explanation: &'a Explanation,
}

impl Drawing<'_> {
    /// The query beside the answer; returns where it ends.
    fn head(&mut self) -> f64 {
        let e = self.explanation;
        let top = MARGIN;
        // The frame takes the picture's proportions, within limits.
        let shape = pixels(&e.query.picture).map_or(0.75, |p| f64::from(p.height()) / f64::from(p.width()));
        let query = Area { x: MARGIN, y: top, width: QUERY, height: QUERY * shape.clamp(0.6, 1.25) };
        self.sheet.framed(&e.query.picture, query, 16.0);
        let name_style = style(15.0, Weight::Regular, SOFT);
        let name = format::text(&e.query.name, "(no name)");
        let name = shorten_start(&name, QUERY, name_style.size, name_style.weight, self.sheet.fonts);
        self.sheet.canvas.text(&name, MARGIN, top + query.height + 26.0, name_style, Anchor::Start);

        let tone = self.reading.tone(&e.decision).light();
        self.sheet.line("The memory’s answer", ANSWER_X, top + 18.0, ANSWER_WIDTH, style(17.0, Weight::Regular, SOFT));
        let answer = self.reading.answer();
        // Long answers are set smaller before they are shortened.
        let size = [56.0, 46.0, 38.0]
            .into_iter()
            .find(|&s| self.sheet.fonts.width(&answer, s, Weight::Semibold) <= ANSWER_WIDTH)
            .unwrap_or(34.0);
        self.sheet.line(&answer, ANSWER_X, top + 74.0, ANSWER_WIDTH, style(size, Weight::Semibold, tone));
        let mut y = top + 104.0;
        if !e.neighbors.is_empty() {
            let portion = format!("with {} of the vote", percent(e.confidence));
            self.sheet.line(&portion, ANSWER_X, y + 4.0, ANSWER_WIDTH, style(20.0, Weight::Regular, INK));
            y += 30.0;
        }
        for l in e.labels.iter().take(BARS) {
            let tone = self.reading.tone(&l.label).light();
            self.sheet.line(&label(&l.label), ANSWER_X, y + 17.0, 200.0, style(16.0, Weight::Regular, INK));
            let bar = Area { x: ANSWER_X + 216.0, y: y + 4.0, width: ANSWER_WIDTH - 216.0 - 74.0, height: 14.0 };
            self.sheet.bar(l.share, bar, tone);
            let number = style(16.0, Weight::Semibold, INK);
            self.sheet.canvas.text(&percent(l.share), WIDTH - MARGIN, y + 17.0, number, Anchor::End);
            y += 31.0;
        }
        if e.labels.len() > BARS {
            let more = format!("+ {}", format::counted(e.labels.len() - BARS, "more label"));
            self.sheet.line(&more, ANSWER_X, y + 14.0, ANSWER_WIDTH, style(14.0, Weight::Regular, SOFT));
            y += 24.0;
        }
        y += 14.0;
        for remark in [self.reading.confidence(), self.reading.novelty()] {
            y = self.remark(&remark, y);
        }
        for note in e.notes.iter().take(2) {
            y = self.sheet.lines(note, ANSWER_X, y + 18.0, ANSWER_WIDTH, 2, style(15.0, Weight::Regular, SOFT)) - 8.0;
        }
        y.max(top + query.height + 40.0)
    }

    /// A remark with its top at `y`; returns the top of the next one.
    fn remark(&mut self, remark: &Remark, y: f64) -> f64 {
        let color = match remark.mood {
            Mood::Calm => "#00734f",
            Mood::Wary => "#8a5a00",
            Mood::Alarmed => "#b3261e",
            Mood::Unknown => SOFT,
        };
        let (x, width) = (ANSWER_X + 18.0, ANSWER_WIDTH - 18.0);
        self.sheet.line(&remark.headline, x, y + 16.0, width, style(17.0, Weight::Semibold, color));
        let end = self.sheet.lines(&remark.sentence, x, y + 38.0, width, 3, style(15.0, Weight::Regular, INK));
        self.sheet.canvas.fill(Area { x: ANSWER_X, y, width: 4.0, height: end - y - 14.0 }, 2.0, color);
        end + 4.0
    }

    /// The first neighbours as cards; returns where they end.
    fn neighbors(&mut self, top: f64) -> f64 {
        let e = self.explanation;
        let mut y = top + 40.0;
        let heading = self.reading.neighbors_heading();
        self.sheet.line(&heading, MARGIN, y, INNER, style(22.0, Weight::Semibold, INK));
        let without = self.reading.no_pictures();
        if let Some(reason) = without {
            y += 26.0;
            self.sheet.line(
                &format::text(reason, "No pictures."),
                MARGIN,
                y,
                INNER,
                style(15.0, Weight::Regular, SOFT),
            );
        }
        y += 22.0;
        let picture = if without.is_some() { 0.0 } else { CARD_PICTURE };
        let height = picture + 124.0;
        for (i, row) in e.neighbors.iter().take(CARDS).collect::<Vec<_>>().chunks(CARDS_PER_ROW).enumerate() {
            let y = y + i as f64 * (height + GAP);
            for (column, neighbor) in row.iter().enumerate() {
                let x = MARGIN + column as f64 * (CARD_WIDTH + GAP);
                self.card(neighbor, Area { x, y, width: CARD_WIDTH, height }, picture);
            }
        }
        let rows = e.neighbors.len().min(CARDS).div_ceil(CARDS_PER_ROW) as f64;
        y += rows * (height + GAP);
        if e.neighbors.len() > CARDS {
            let more = format!("+ {} more", count((e.neighbors.len() - CARDS) as u64));
            self.sheet.line(&more, MARGIN, y + 12.0, INNER, style(16.0, Weight::Regular, SOFT));
            y += 26.0;
        }
        y
    }

    fn card(&mut self, n: &ShownNeighbor, area: Area, picture: f64) {
        let (agrees, tone) = (self.reading.agrees(n), self.reading.tone(&n.label).light());
        let (x, y, width) = (area.x + 12.0, area.y + picture, area.width - 24.0);
        self.sheet.clipped(area, 10.0, |sheet| {
            sheet.canvas.fill(area, 0.0, CARD);
            if picture > 0.0 {
                sheet.framed(&n.picture, Area { height: picture, ..area }, 0.0);
            }
            sheet.canvas.fill(Area { y, height: 4.0, ..area }, 0.0, tone);
        });
        self.sheet.line(&label(&n.label), x, y + 30.0, width, style(16.0, Weight::Semibold, INK));
        let (icon, word, color) = if agrees { (CHECK, "agrees", "#00734f") } else { (UNEQUAL, "differs", "#8a5a00") };
        self.sheet.canvas.icon(icon, x, y + 39.0, 14.0, color);
        self.sheet.line(word, x + 19.0, y + 51.0, width, style(13.5, Weight::Regular, color));
        let rank = format!("#{}", n.rank);
        self.sheet.canvas.text(&rank, x + width, y + 51.0, style(13.5, Weight::Regular, SOFT), Anchor::End);
        self.sheet.bar(n.share.abs() / self.reading.strongest(), Area { x, y: y + 62.0, width, height: 7.0 }, tone);
        let small = style(13.0, Weight::Regular, SOFT);
        let part = match n.weight < 0.0 {
            true => format!("against: −{}", percent(-n.share)),
            false => format!("{} of vote", percent(n.share)),
        };
        self.sheet.canvas.text(&part, x, y + 89.0, small, Anchor::Start);
        let distance = format!("dist. {}", format::distance(n.distance));
        self.sheet.canvas.text(&distance, x + width, y + 89.0, small, Anchor::End);
        self.sheet.canvas.text(&format!("id {}", n.id), x, y + 109.0, small, Anchor::Start);
        if n.decisive {
            let decides = style(13.0, Weight::Semibold, DECISIVE);
            self.sheet.canvas.text("decisive", x + width, y + 109.0, decides, Anchor::End);
        }
        self.sheet.canvas.outline(area, 10.0, if n.decisive { DECISIVE } else { LINE });
    }

    /// What the memory is; returns the height of the whole picture.
    fn foot(&mut self, top: f64) -> f64 {
        let e = self.explanation;
        let y = top + 20.0;
        self.sheet.canvas.fill(Area { x: MARGIN, y: y - 8.0, width: INNER, height: 1.0 }, 0.0, LINE);
        let facts = [
            format!("Memory {}", e.memory.name),
            format!(
                "{} of {}",
                format::counted(e.memory.exemplars, "example"),
                format::counted(e.memory.labels, "label")
            ),
            format!("encoder {}", e.memory.encoder),
            format!("vote {}", e.vote),
        ];
        self.sheet.line(&facts.join("  ·  "), MARGIN, y + 20.0, INNER, style(14.0, Weight::Regular, SOFT));
        y + 44.0
    }
}
