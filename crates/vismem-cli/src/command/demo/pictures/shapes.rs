//! Motifs that stand once in the picture, of radius 1 about the origin.

use std::f32::consts::{PI, TAU};

use super::Ink;

pub fn target(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let rings = 3.0 + (whims[0] * 4.0).floor();
    let radius = x.hypot(y);
    let ring = (radius * rings).floor();
    // The gaps show the ground, or a second ink.
    let gap = (whims[1] < 0.5).then_some(Ink { tone: 1, shade: 1.2 });
    match radius {
        r if r >= 1.0 => None,
        _ if (rings - ring) % 2.0 == 1.0 => Some(Ink::plain(0)),
        _ => gap,
    }
}

/// Facets light and dark on either side of each ray, like a paper star.
pub fn star(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let rays = 5.0 + (whims[0] * 4.0).floor();
    let waist = 0.36 + 0.16 * whims[1];
    let (radius, angle) = (x.hypot(y), y.atan2(x));
    let half = PI / rays;
    let ray = (angle / (2.0 * half)).round() * 2.0 * half;
    let off = angle - ray;
    // The edge runs from the tip (1, 0) to the waist; a point is inside if it lies on the middle's side of it.
    let (px, py) = (radius * off.cos(), radius * off.abs().sin());
    let (wx, wy) = (waist * half.cos(), waist * half.sin());
    let inside = (1.0 - wx) * py < wy * (1.0 - px);
    let folded = whims[2] < 0.6;
    let shade = if folded && off < 0.0 { 0.72 } else { 1.08 };
    inside.then_some(Ink { tone: 0, shade })
}

pub fn spiral(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let turns = 2.5 + 3.0 * whims[0];
    let arms = if whims[1] < 0.7 { 1.0 } else { 2.0 };
    let hand = if whims[2] < 0.5 { 1.0 } else { -1.0 };
    let radius = x.hypot(y);
    let along = radius * turns - hand * arms * y.atan2(x) / TAU;
    let on = along - along.floor() < 0.42 + 0.16 * whims[3];
    (radius < 1.0 && on).then_some(Ink { tone: 0, shade: 1.15 - 0.3 * radius })
}

pub fn flower(x: f32, y: f32, whims: &[f32; 4]) -> Option<Ink> {
    let petals = 5.0 + (whims[0] * 5.0).floor();
    let (radius, angle) = (x.hypot(y), y.atan2(x));
    let heart = 0.2 + 0.08 * whims[1];
    if radius < heart {
        return Some(Ink { tone: 1, shade: 1.1 - 0.3 * radius / heart });
    }
    let petal = |size: f32, turn: f32| size * (0.45 + 0.55 * (petals / 2.0 * (angle + turn)).cos().abs().sqrt());
    // Half of them have a second, smaller row of petals, turned between those of the first.
    if whims[2] < 0.5 && radius < petal(0.62, PI / petals) {
        return Some(Ink { tone: 2, shade: 0.85 + 0.5 * radius });
    }
    (radius < petal(1.0, 0.0)).then_some(Ink { tone: 0, shade: 0.72 + 0.4 * radius })
}
