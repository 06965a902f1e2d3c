use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use fontdb::{Database, FaceInfo, ID, Source, Style as FontStyle};

use crate::format;
use crate::text_layout::Line;

/// Open Sans in its two weights.
struct Bundled {
    db: Database,
    regular: ID,
    semibold: ID,
}

static BUNDLED: LazyLock<Bundled> = LazyLock::new(|| {
    let mut db = Database::new();
    let mut load = |file: &'static [u8]| db.load_font_source(Source::Binary(Arc::new(file)))[0];
    let regular = load(include_bytes!("../assets/fonts/OpenSans-Regular.ttf"));
    let semibold = load(include_bytes!("../assets/fonts/OpenSans-Semibold.ttf"));
    Bundled { db, regular, semibold }
});

/// The bundled fonts and those of the machine. Reading the machine's fonts is slow, so it happens once and only when asked.
static WITH_SYSTEM: OnceLock<Database> = OnceLock::new();

fn with_system() -> &'static Database {
    WITH_SYSTEM.get_or_init(|| {
        let mut system = Database::new();
        system.load_system_fonts();
        // The first face that knows a character draws it: put those first that look most like Open Sans.
        let mut faces: Vec<FaceInfo> = system.faces().cloned().collect();
        faces.sort_by_key(unlikeness);
        let mut db = BUNDLED.db.clone();
        for face in faces {
            db.push_face_info(face);
        }
        db
    })
}

/// Sorts faces by how little they look like an upright regular sans.
fn unlikeness(face: &FaceInfo) -> (u8, bool, u16) {
    let family = face.families.first().map_or("", |(name, _)| name.as_str());
    let kind = match family {
        // Knows every character, as a box with its number.
        f if f.contains("LastResort") => 3,
        f if f.contains("Serif") || f.contains("Mono") => 2,
        f if f.contains("Sans") => 0,
        _ => 1,
    };
    (kind, face.style != FontStyle::Normal, face.weight.0.abs_diff(400))
}

/// How heavy a text is: the two faces that are bundled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    Regular,
    Semibold,
}

impl Weight {
    fn face(self) -> ID {
        match self {
            Self::Regular => BUNDLED.regular,
            Self::Semibold => BUNDLED.semibold,
        }
    }
}

/// The fonts for one drawing, and the lines of text that were laid out in them.
pub struct Fonts {
    db: &'static Database,
    lines: Mutex<HashMap<(String, Weight), Arc<Line>>>,
}

impl Fonts {
    /// The bundled fonts if they have every character of `texts`, else the machine's fonts as well.
    pub fn for_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let bundled = Self::of(&BUNDLED.db);
        let all: String = texts.collect::<Vec<_>>().join(" ");
        if bundled.line(&all, Weight::Regular).incomplete { Self::of(with_system()) } else { bundled }
    }

    fn of(db: &'static Database) -> Self {
        Self { db, lines: Mutex::default() }
    }

    /// Where the faces of the glyphs are.
    pub fn db(&self) -> &Database {
        self.db
    }

    /// `text` in one line, without what no line of text can show.
    pub fn line(&self, text: &str, weight: Weight) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let new = || Arc::new(Line::new(&format::text(text, ""), weight.face(), self.db));
        Arc::clone(lines.entry((text.into(), weight)).or_insert_with(new))
    }

    /// The width in pixels of `text` in one line at `size` pixels, as it will be drawn.
    pub fn width(&self, text: &str, size: f64, weight: Weight) -> f64 {
        self.line(text, weight).width * size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_texts_measure_wider() {
        let fonts = Fonts::for_texts(std::iter::empty());
        let narrow = fonts.width("iiii", 20.0, Weight::Regular);
        let wide = fonts.width("WWWW", 20.0, Weight::Regular);
        assert!(narrow > 10.0 && wide > 2.0 * narrow, "{narrow} {wide}");
        assert!(fonts.width("WWWW", 20.0, Weight::Semibold) > wide);
        assert_eq!(fonts.width("", 20.0, Weight::Regular), 0.0);
    }

    #[test]
    fn the_machines_fonts_are_only_read_for_characters_that_the_bundled_ones_lack() {
        let latin = Fonts::for_texts(["Grün, née, Ωμέγα, Жук, 93 % …–“”·"].into_iter());
        assert!(std::ptr::eq(latin.db, &BUNDLED.db));
        let chinese = Fonts::for_texts(["向日葵"].into_iter());
        assert!(!std::ptr::eq(chinese.db, &BUNDLED.db));
    }
}
