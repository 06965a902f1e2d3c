//! A line of text as glyphs: the order of its directions, the shapes that letters take beside each other, and other
//! fonts for what the first one lacks.

use std::collections::BTreeSet;
use std::ops::Range;

use fontdb::{Database, ID};
use harfrust::{Direction, FontRef, ShapeOptions, ShaperData, UnicodeBuffer};
use skrifa::MetadataProvider;
use unicode_bidi::{BidiInfo, Level};

/// A line of text. Lengths are in ems: those of a text of size 1.
#[derive(Debug, Default)]
pub struct Line {
    /// From left to right.
    pub glyphs: Vec<Glyph>,
    /// From the first glyph to the end of the last.
    pub width: f64,
    /// Whether no font knows some character, which then is an empty box.
    pub incomplete: bool,
}

/// A glyph and where its origin is, from the start of the line on the base line; `y` goes up.
#[derive(Debug, Clone, Copy)]
pub struct Glyph {
    pub face: ID,
    pub id: u32,
    pub x: f64,
    pub y: f64,
}

/// What a shaper says of a glyph.
struct Shaped {
    id: u32,
    /// The byte of the text where the glyph's characters start.
    cluster: usize,
    offset: (f64, f64),
    advance: f64,
}

impl Line {
    /// Lays `text` out in the face `first`, and in further ones of `db` where that lacks a character.
    pub fn new(text: &str, first: ID, db: &Database) -> Self {
        let mut line = Self::default();
        let bidi = BidiInfo::new(text, Some(Level::ltr()));
        for paragraph in &bidi.paragraphs {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                let ltr = levels[run.start].is_ltr();
                let direction = if ltr { Direction::LeftToRight } else { Direction::RightToLeft };
                line.push(text, run, direction, &[first], db);
            }
        }
        line
    }

    /// Adds a part of the text that has one direction, in the last of the `faces`; the others were tried before.
    fn push(&mut self, text: &str, part: Range<usize>, direction: Direction, faces: &[ID], db: &Database) {
        let Some(&face) = faces.last() else { return };
        let shaped = shape(&text[part.clone()], direction, face, db);
        let all: BTreeSet<usize> = shaped.iter().map(|glyph| glyph.cluster).collect();
        let unknown: BTreeSet<usize> = shaped.iter().filter(|glyph| glyph.id == 0).map(|glyph| glyph.cluster).collect();
        let is_unknown = |glyph: &Shaped| unknown.contains(&glyph.cluster);
        for glyphs in shaped.chunk_by(|a, b| is_unknown(a) == is_unknown(b)) {
            let clusters = || glyphs.iter().map(|glyph| glyph.cluster);
            let start = clusters().min().unwrap_or_default();
            if is_unknown(&glyphs[0])
                && let Some(next) = text[part.start + start..].chars().next().and_then(|c| another(c, faces, db))
            {
                let last = clusters().max().unwrap_or_default();
                let end = all.range(last + 1..).next().map_or(part.end, |end| part.start + end);
                self.push(text, part.start + start..end, direction, &[faces, &[next]].concat(), db);
                continue;
            }
            for glyph in glyphs {
                let (x, y) = (self.width + glyph.offset.0, glyph.offset.1);
                self.glyphs.push(Glyph { face, id: glyph.id, x, y });
                self.width += glyph.advance;
                self.incomplete |= glyph.id == 0;
            }
        }
    }
}

/// The glyphs of a text of one direction from left to right; glyph 0 stands for what the face lacks.
fn shape(text: &str, direction: Direction, face: ID, db: &Database) -> Vec<Shaped> {
    let shaped = db.with_face_data(face, |data, index| {
        let font = FontRef::from_index(data, index).ok()?;
        let data = ShaperData::new(&font);
        let shaper = data.shaper(&font).build();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(direction);
        buffer.guess_segment_properties();
        let em = f64::from(shaper.units_per_em());
        let output = shaper.shape(buffer, ShapeOptions::new());
        let glyphs = output.glyph_infos().iter().zip(output.glyph_positions()).map(|(info, position)| Shaped {
            id: info.glyph_id,
            cluster: info.cluster as usize,
            offset: (f64::from(position.x_offset) / em, f64::from(position.y_offset) / em),
            advance: f64::from(position.x_advance) / em,
        });
        Some(glyphs.collect())
    });
    // A file that cannot be read as a font knows no character.
    let none = || text.char_indices().map(|(cluster, _)| Shaped { id: 0, cluster, offset: (0.0, 0.0), advance: 0.0 });
    shaped.flatten().unwrap_or_else(|| none().collect())
}

/// The first face that knows the character and was not tried.
fn another(c: char, tried: &[ID], db: &Database) -> Option<ID> {
    let knows = |face: ID| {
        db.with_face_data(face, |data, index| FontRef::from_index(data, index).ok()?.charmap().map(c))
            .flatten()
            .is_some()
    };
    db.faces().map(|face| face.id).find(|face| !tried.contains(face) && knows(*face))
}

#[cfg(test)]
mod tests {
    use fontdb::Source;

    use super::*;

    fn line(text: &str) -> Line {
        let mut db = Database::new();
        let font = include_bytes!("../assets/fonts/OpenSans-Regular.ttf");
        let face = db.load_font_source(Source::Binary(std::sync::Arc::new(font)))[0];
        Line::new(text, face, &db)
    }

    #[test]
    fn letters_are_kerned_and_stand_from_left_to_right() {
        let [a, v, both] = ["A", "V", "AV"].map(line);
        assert!(both.width < a.width + v.width && both.width > a.width);
        assert!(both.glyphs[1].x > both.glyphs[0].x && !both.incomplete);
        assert_eq!(line("").width, 0.0);
    }

    #[test]
    fn an_accent_after_its_letter_makes_one_glyph() {
        let [composed, decomposed] = ["é", "e\u{301}"].map(line);
        assert_eq!(composed.glyphs[0].id, decomposed.glyphs[0].id);
        assert_eq!(decomposed.glyphs.len(), 1);
    }

    #[test]
    fn a_character_that_no_font_knows_is_a_box_in_its_place() {
        let line = line("a向b");
        let known: Vec<bool> = line.glyphs.iter().map(|glyph| glyph.id != 0).collect();
        assert_eq!((known, line.incomplete), (vec![true, false, true], true));
    }

    #[test]
    fn text_that_runs_to_the_left_is_laid_out_that_way() {
        // No font is needed for the order: unknown letters are boxes at the left of what comes before them.
        let line = line("ab אב1");
        assert_eq!(
            line.glyphs.iter().map(|glyph| glyph.id != 0).collect::<Vec<_>>(),
            [true, true, true, true, false, false]
        );
    }
}
