//! The demo's pictures: thirteen kinds of patterns and shapes, drawn by formula, no two alike.
//!
//! Each instance varies colours, size, turn, place, ground, light and grain, so a class must be recognised by its
//! pattern, as in a real collection.

mod color;
mod patterns;
mod random;
mod shapes;

use image::{Rgb, RgbImage};

use color::Color;
use random::Random;

/// Names of the classes, the labels of the demo. The last one joins the memory later, as something new.
pub const CLASSES: [&str; 13] = [
    "stripes",
    "checks",
    "dots",
    "target",
    "star",
    "triangles",
    "waves",
    "bricks",
    "spiral",
    "flower",
    "honeycomb",
    "hearts",
    "tangle",
];

/// Width and height of a picture in pixels.
const SIDE: u32 = 256;

/// Places of the samples within a pixel: a turned square, which smooths upright and level edges best for four samples.
const SAMPLES: [(f32, f32); 4] = [(0.375, 0.125), (0.875, 0.375), (0.625, 0.875), (0.125, 0.625)];

/// What a motif shows at a point: one of the three inks, made lighter (> 1) or darker (< 1).
#[derive(Debug, Clone, Copy)]
struct Ink {
    tone: usize,
    shade: f32,
}

impl Ink {
    const fn plain(tone: usize) -> Self {
        Self { tone, shade: 1.0 }
    }
}

/// The motif of a class: the ink at a point in its own coordinates, `None` where the ground shows.
/// The numbers 0..1 are the instance's own whims (how many petals, how wide the stripes, ...).
type Motif = fn(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink>;

/// A motif and how it may be placed.
struct Class {
    motif: Motif,
    /// Smallest and largest unit of the motif; half the picture is 1.
    size: (f32, f32),
    /// Largest turn to either side in radians.
    turn: f32,
    /// Largest shift from the middle; half the picture is 1.
    shift: f32,
}

fn class(name: &str) -> Class {
    let any = std::f32::consts::PI;
    let pattern = |motif, size, turn| Class { motif, size, turn, shift: 2.0 };
    let shape = |motif, size, turn| Class { motif, size, turn, shift: 0.22 };
    match name {
        "stripes" => pattern(patterns::stripes, (0.14, 0.4), any),
        "checks" => pattern(patterns::checks, (0.16, 0.42), any),
        "dots" => pattern(patterns::dots, (0.2, 0.5), any),
        "triangles" => pattern(patterns::triangles, (0.22, 0.5), any),
        "waves" => pattern(patterns::waves, (0.14, 0.32), 0.9),
        "bricks" => pattern(patterns::bricks, (0.16, 0.34), 0.3),
        "honeycomb" => pattern(patterns::honeycomb, (0.16, 0.36), any),
        "hearts" => pattern(patterns::hearts, (0.34, 0.75), 0.35),
        "tangle" => pattern(patterns::tangle, (0.24, 0.5), any),
        "target" => shape(shapes::target, (0.6, 1.05), any),
        "star" => shape(shapes::star, (0.6, 1.0), any),
        "spiral" => shape(shapes::spiral, (0.7, 1.15), any),
        "flower" => shape(shapes::flower, (0.65, 1.0), any),
        name => unreachable!("class {name} has no motif"),
    }
}

/// How one instance looks.
struct Look {
    ground: [Color; 2],
    inks: [Color; 3],
    /// Direction in which the ground changes and the light falls.
    light: (f32, f32),
    /// How much lighter the lit side is.
    glow: f32,
    shadow: f32,
    grain: f32,
}

impl Look {
    /// Colours that go together: inks of related hues, clearly lighter or darker than the ground.
    fn new(random: &mut Random) -> Self {
        let hue = random.within(0.0, 360.0);
        let dark = random.chance(0.35);
        let step = [35.0, 75.0, 150.0][random.below(3)] * if random.chance(0.5) { 1.0 } else { -1.0 };
        let (ground, ink) = if dark { ((0.2, 0.36), (0.68, 0.86)) } else { ((0.86, 0.97), (0.42, 0.68)) };
        let ground_hue = hue + random.within(90.0, 270.0);
        let mut ground_color = |drift: f32| {
            Color::from_lch(random.within(ground.0, ground.1), random.within(0.01, 0.07), ground_hue + drift)
        };
        let ground = [ground_color(0.0), ground_color(40.0)];
        let inks = [0.0, step, -step]
            .map(|offset| Color::from_lch(random.within(ink.0, ink.1), random.within(0.1, 0.19), hue + offset));
        let angle = random.within(0.0, std::f32::consts::TAU);
        Self {
            ground,
            inks,
            light: (angle.cos(), angle.sin()),
            glow: random.within(0.0, 0.16),
            shadow: if random.chance(0.6) { random.within(0.1, 0.3) } else { 0.0 },
            grain: random.within(0.0, 0.045),
        }
    }
}

/// Where a motif lies: from picture coordinates (-1..1) to its own.
struct Placement {
    turn: (f32, f32),
    center: (f32, f32),
    size: f32,
}

impl Placement {
    fn new(class: &Class, random: &mut Random) -> Self {
        let angle = random.within(-class.turn, class.turn);
        Self {
            turn: (angle.cos(), angle.sin()),
            center: (random.within(-class.shift, class.shift), random.within(-class.shift, class.shift)),
            size: random.within(class.size.0, class.size.1),
        }
    }

    fn local(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = ((x - self.center.0) / self.size, (y - self.center.1) / self.size);
        (x * self.turn.0 + y * self.turn.1, y * self.turn.0 - x * self.turn.1)
    }
}

/// Draws a picture of 256 × 256 pixels of a class. The same class and seed give the same pixels.
///
/// # Panics
/// If `class` is not one of [`CLASSES`].
pub fn draw(class: &str, seed: u64) -> RgbImage {
    let index = CLASSES.iter().position(|known| *known == class).expect("a class of the demo");
    let mut random = Random::new(seed.wrapping_mul(CLASSES.len() as u64).wrapping_add(index as u64));
    let class = self::class(class);
    let placement = Placement::new(&class, &mut random);
    let whims = std::array::from_fn(|_| random.within(0.0, 1.0));
    let look = Look::new(&mut random);
    let ink_at = |x: f32, y: f32| {
        let (x, y) = placement.local(x, y);
        (class.motif)(x, y, &whims)
    };
    RgbImage::from_fn(SIDE, SIDE, |column, row| {
        let mut sum = Color::BLACK;
        for (dx, dy) in SAMPLES {
            let x = (column as f32 + dx) * 2.0 / SIDE as f32 - 1.0;
            let y = (row as f32 + dy) * 2.0 / SIDE as f32 - 1.0;
            let lit = (x * look.light.0 + y * look.light.1) * 0.7;
            let color = match ink_at(x, y) {
                Some(ink) => look.inks[ink.tone].scaled(ink.shade * (1.0 + look.glow * lit)),
                None => {
                    let ground = look.ground[0].mixed(look.ground[1], 0.5 + 0.5 * lit);
                    // The motif lies a little above the ground: it throws a shadow away from the light.
                    let shaded =
                        look.shadow > 0.0 && ink_at(x + 0.035 * look.light.0, y + 0.035 * look.light.1).is_some();
                    ground.scaled(if shaded { 1.0 - look.shadow } else { 1.0 })
                }
            };
            sum = sum.plus(color);
        }
        let grain = 1.0 + look.grain * random.within(-1.0, 1.0);
        Rgb(sum.scaled(grain / SAMPLES.len() as f32).to_srgb())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_picture_and_another_seed_another() {
        for class in CLASSES {
            assert_eq!(draw(class, 5), draw(class, 5), "{class}");
            assert_ne!(draw(class, 5), draw(class, 6), "{class}");
        }
    }

    #[test]
    fn every_class_has_a_motif_that_stands_out() {
        for class in CLASSES {
            for seed in 0..4 {
                let picture = draw(class, seed);
                assert_eq!(picture.dimensions(), (SIDE, SIDE));
                let levels: Vec<f64> =
                    picture.pixels().map(|p| p.0.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0).collect();
                let mean = levels.iter().sum::<f64>() / levels.len() as f64;
                let spread = (levels.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / levels.len() as f64).sqrt();
                assert!(spread > 10.0, "{class} {seed}: {spread}");
            }
        }
    }
}
