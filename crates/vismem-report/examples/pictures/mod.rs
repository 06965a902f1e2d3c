//! Pictures for the examples.

use image::{Rgb, RgbImage};

/// A disc with stripes; `kind` sets colours and direction, `seed` the details.
pub fn drawn(kind: u32, seed: u32) -> RgbImage {
    let (width, height) = (300 + seed * 37 % 120, 220 + seed * 53 % 160);
    let angle = f64::from(kind) * 0.9 + f64::from(seed) * 0.05;
    let (dx, dy) = (angle.cos() / 9.0, angle.sin() / 9.0);
    let radius = f64::from(width.min(height)) * (0.3 + f64::from(seed % 5) * 0.03);
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) - f64::from(width) / 2.0, f64::from(y) - f64::from(height) / 2.0);
        let wave = (u * dx + v * dy).sin() * 0.5 + 0.5;
        let shade = if u.hypot(v) < radius { 90.0 + 150.0 * wave } else { 190.0 + 20.0 * wave };
        let tint = |phase: f64| (shade * (0.75 + 0.25 * (f64::from(kind) * 2.1 + phase).sin())) as u8;
        Rgb([tint(0.0), tint(2.0), tint(4.0)])
    })
}
