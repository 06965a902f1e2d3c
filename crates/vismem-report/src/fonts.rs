use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use resvg::usvg::fontdb::{Database, FaceInfo, Source, Style as FontStyle};
use resvg::usvg::{FontResolver, Node, Options, Tree};

use crate::canvas::escape;

/// The name by which drawings ask for the bundled font.
pub const FAMILY: &str = "Open Sans";

static BUNDLED: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut db = Database::new();
    for file in [
        &include_bytes!("../assets/fonts/OpenSans-Regular.ttf")[..],
        include_bytes!("../assets/fonts/OpenSans-Semibold.ttf"),
    ] {
        db.load_font_source(Source::Binary(Arc::new(file)));
    }
    Arc::new(db)
});

/// The bundled fonts and those of the machine. Reading the machine's fonts is slow, so it happens once and only when asked.
static WITH_SYSTEM: OnceLock<Arc<Database>> = OnceLock::new();

fn with_system() -> Arc<Database> {
    Arc::clone(WITH_SYSTEM.get_or_init(|| {
        let mut system = Database::new();
        system.load_system_fonts();
        // The renderer takes the first face that knows a character: put those first that look most like Open Sans.
        let mut faces: Vec<FaceInfo> = system.faces().cloned().collect();
        faces.sort_by_key(unlikeness);
        let mut db = Database::clone(&BUNDLED);
        for face in faces {
            db.push_face_info(face);
        }
        Arc::new(db)
    }))
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
    pub fn css(self) -> u16 {
        match self {
            Self::Regular => 400,
            Self::Semibold => 600,
        }
    }
}

/// The fonts for one drawing, and the widths of texts in them.
pub struct Fonts {
    db: Arc<Database>,
    widths: Mutex<HashMap<(String, Weight), f64>>,
}

impl Fonts {
    /// The bundled fonts if they have every character of `texts`, else the machine's fonts as well.
    pub fn for_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let missing = Arc::new(AtomicBool::new(false));
        let mut options = Self::of(Arc::clone(&BUNDLED)).options();
        let fallback = FontResolver::default_fallback_selector();
        let seen = Arc::clone(&missing);
        options.font_resolver.select_fallback = Box::new(move |c, used, db| {
            let found = fallback(c, used, db);
            if found.is_none() {
                seen.store(true, Ordering::Relaxed);
            }
            found
        });
        let all: String = texts.collect::<Vec<_>>().join(" ");
        text_width(&all, Weight::Regular, &options);
        Self::of(if missing.load(Ordering::Relaxed) { with_system() } else { Arc::clone(&BUNDLED) })
    }

    fn of(db: Arc<Database>) -> Self {
        Self { db, widths: Mutex::default() }
    }

    /// Options to read an SVG drawing with these fonts.
    pub fn options(&self) -> Options<'static> {
        Options { fontdb: Arc::clone(&self.db), font_family: FAMILY.into(), ..Options::default() }
    }

    /// The width in pixels of `text` in one line at `size` pixels, as the renderer will draw it.
    pub fn width(&self, text: &str, size: f64, weight: Weight) -> f64 {
        let mut widths = self.widths.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at_reference =
            widths.entry((text.into(), weight)).or_insert_with(|| text_width(text, weight, &self.options()));
        *at_reference * size / REFERENCE_SIZE
    }
}

/// Texts are measured once at this size: widths grow in proportion.
const REFERENCE_SIZE: f64 = 100.0;

/// Lays the text out as the renderer does (shaping, fallback, direction) and takes its box.
fn text_width(text: &str, weight: Weight, options: &Options) -> f64 {
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text font-family="{FAMILY}" font-size="{REFERENCE_SIZE}" font-weight="{}" y="50">{}</text></svg>"#,
        weight.css(),
        escape(text)
    );
    match Tree::from_str(&svg, options).ok().and_then(|tree| tree.root().children().first().cloned()) {
        Some(Node::Text(node)) => f64::from(node.bounding_box().right()),
        _ => 0.0,
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
        assert!(Arc::ptr_eq(&latin.db, &BUNDLED));
        let chinese = Fonts::for_texts(["向日葵"].into_iter());
        assert!(!Arc::ptr_eq(&chinese.db, &BUNDLED));
    }
}
