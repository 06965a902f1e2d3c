//! Motifs that repeat over the whole picture. One unit is one repeat, or nearly so.

use std::f32::consts::TAU;

use super::Ink;
use super::random::of_cell;

/// The position within a cell, 0..1.
fn part(v: f32) -> f32 {
    v - v.floor()
}

/// An ink for the cell: its shade and, in `tones` of them, its tone depend on where it lies.
fn cell_ink(column: f32, row: f32, tones: usize) -> Ink {
    let tone = (of_cell(row + 57.0, column) * tones as f32) as usize;
    Ink { tone: tone.min(2), shade: 0.8 + 0.35 * of_cell(column, row) }
}

pub fn stripes(x: f32, _: f32, whims: &[f32; 4]) -> Option<Ink> {
    let wide = 0.35 + 0.3 * whims[0];
    // Half of them have a second, thinner stripe between the others.
    let thin = if whims[1] < 0.5 { 0.12 } else { 0.0 };
    let middle = (1.0 + wide) / 2.0;
    match part(x) {
        p if p < wide => Some(Ink::plain(0)),
        p if (p - middle).abs() < thin / 2.0 => Some(Ink::plain(1)),
        _ => None,
    }
}

pub fn checks(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let (across, along) = (part(x / 2.0) < 0.5, part(y / 2.0) < 0.5);
    if whims[0] < 0.6 {
        return (across != along).then_some(Ink::plain(0));
    }
    // Woven: where both bands meet the colour is deep, where one lies alone it is light.
    match (across, along) {
        (true, true) => Some(Ink { tone: 0, shade: 0.75 }),
        (false, false) => None,
        _ => Some(Ink { tone: 0, shade: 1.35 }),
    }
}

pub fn dots(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let radius = 0.22 + 0.18 * whims[0];
    let row = y.floor();
    // Half of them lie in shifted rows.
    let x = if whims[1] < 0.5 { x + row * 0.5 } else { x };
    let tones = 1 + (whims[2] * 3.0) as usize;
    let inside = (part(x) - 0.5).hypot(part(y) - 0.5) < radius;
    inside.then(|| cell_ink(x.floor(), row, tones))
}

pub fn triangles(x: f32, y: f32, _: &[f32; 4]) -> Option<Ink> {
    let row = y / 0.866;
    let slanted = x - row * 0.5;
    let upper = part(slanted) + part(row) > 1.0;
    let column = slanted.floor() * 2.0 + f32::from(u8::from(upper));
    let ink = cell_ink(column, row.floor(), 3);
    Some(Ink { shade: 0.45 + (ink.shade - 0.8) * 2.6, ..ink })
}

pub fn waves(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let length = 2.0 + 3.0 * whims[0];
    let height = 0.35 + 0.45 * whims[1];
    let level = y + height * (x / length * TAU).sin();
    let tones = if whims[2] < 0.5 { 1.0 } else { 2.0 };
    (part(level) < 0.4 + 0.2 * whims[3]).then(|| Ink::plain(level.floor().rem_euclid(tones) as usize))
}

pub fn bricks(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let length = 2.0 + 0.8 * whims[0];
    let joint = 0.07 + 0.08 * whims[1];
    let row = y.floor();
    let along = x / length + row.rem_euclid(2.0) * 0.5;
    let mortar = part(y) < joint || part(along) * length < joint;
    (!mortar).then(|| cell_ink(along.floor(), row, 1))
}

pub fn honeycomb(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let high = 3.0_f32.sqrt();
    // Two grids of rectangles, shifted by half a cell: the nearer centre is the one of the hexagon.
    let center = |shift: f32| ((x - shift).round() + shift, ((y / high - shift).round() + shift) * high);
    let (a, b) = (center(0.0), center(0.5));
    let distance = |c: (f32, f32)| (x - c.0).hypot(y - c.1);
    let c = if distance(a) < distance(b) { a } else { b };
    let (dx, dy) = ((x - c.0).abs(), (y - c.1).abs());
    let edge = 0.5 - dx.max(dx * 0.5 + dy * high / 2.0);
    let wall = 0.04 + 0.06 * whims[0];
    let tones = 1 + (whims[1] * 2.0) as usize;
    (edge > wall).then(|| cell_ink(c.0 * 2.0, (c.1 / high * 2.0).round(), tones))
}

pub fn hearts(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let row = y.floor();
    let x = x + row.rem_euclid(2.0) * 0.5;
    let size = 0.27 + 0.06 * whims[0];
    let (u, v) = ((part(x) - 0.5) / size, (0.46 - part(y)) / size);
    let inside = (u * u + v * v - 1.0).powi(3) < u * u * v * v * v;
    inside.then(|| cell_ink(x.floor(), row, 1 + (whims[1] * 3.0) as usize))
}

/// Quarter rings that join at the sides of square tiles, each tile turned at random: endless loops.
pub fn tangle(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let width = 0.1 + 0.1 * whims[0];
    let u = if of_cell(x.floor(), y.floor()) < 0.5 { part(x) } else { 1.0 - part(x) };
    let v = part(y);
    let off = (u.hypot(v) - 0.5).abs().min(((1.0 - u).hypot(1.0 - v) - 0.5).abs());
    // Half of them are tubes: lighter along the middle.
    let shade = if whims[1] < 0.5 { 1.25 - 0.6 * off / width } else { 1.0 };
    (off < width).then_some(Ink { tone: 0, shade })
}
