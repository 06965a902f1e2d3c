//! Quantised codes: what the first pass of an exact search reads instead of the vectors, at a quarter of the bytes, or
//! an eighth.
//!
//! # Codes of a vector
//!
//! A code of `x` is `r` with integer elements `rᵢ = round(xᵢ / s)`, cut to the range of its bits, and a scale `s`. Every
//! vector has two: a *fine* one in 8 bits, `|rᵢ| ≤ 127`, for batches of queries, where arithmetic is what takes time; and
//! a *coarse* one in 4 bits, `|rᵢ| ≤ 7`, for few queries, where reading from memory is. Both are functions of that one
//! vector alone: nothing is trained, so nothing of a vector lives on in the codes of others. Beside a code stand its
//! scale and the length of what it lost, `e = ‖x − s·r‖`, rounded up.
//!
//! The scale is not the step of rounding but a trifle more: `s = ‖x‖² / (x·r)`, so that `x − s·r` is at right angles to
//! `x` (up to the rounding of `s`). What is lost then does not make similar vectors look less similar.
//!
//! # Bound
//!
//! A query `q` is coded finely: `q = s'·c + e'`. Then
//!
//! `q·x = s·s'·(r·c) + q·(x − s·r) + (q − s'·c)·(s·r)`
//!
//! where `r·c` is computed exactly in integers. Of `q`, only what is at right angles to `x` counts in the second term; if
//! `q·x ≥ t ≥ 0` and `‖x‖ ≤ 1 + δ`, its length is at most `√(‖q‖² − t²/(1 + δ)²)`. So by Cauchy and Schwarz the second
//! term is at most `√(‖q‖² − t²/(1 + δ)²)·e`, and the third `‖e'‖·‖s·r‖ ≤ ‖e'‖·(1 + δ + e)`. Hence for every row
//! with `q·x ≥ t`
//!
//! `t ≤ q·x ≤ s·s'·(r·c) + (√(‖q‖² − t²/(1 + δ)²) + ‖e'‖)·e + ‖e'‖·(1 + δ)`
//!
//! and with `t` the dot product of the k-th best row so far, a row whose right-hand side is below `t` cannot be among the
//! best `k`. All other rows are compared exactly. A vector that is longer than `1 + δ` gets `e = ∞`: always compared
//! exactly. `SLACK` covers what f32 arithmetic in the kernels, the rounding of `s` and that of distances to f32 may lose.
//!
//! # Layout
//!
//! Rows are coded in groups of [`GROUP`]: first the coarse plane, then the fine one. The fine plane holds, for each step
//! of four dimensions, four bytes of every row, so that a register of 64 bytes is four dimensions of sixteen rows: what a
//! dot-product instruction wants. A byte is the code plus 128. The coarse plane is the same with two steps in each byte,
//! the earlier one in the lower half, each code plus 8. What lies beyond the last dimension is zero in the query, so it
//! does not matter here. After the codes of a plane come the scales and the errors of its rows, f32 each. A row that was
//! never coded, or was erased, is zeros.

mod kernel;
pub mod packed;
mod query;

use std::ops::Range;

use crate::Error;

pub(crate) use kernel::{Kernel, coarse, fine};
pub(crate) use query::{CodedQuery, Limit, PROVED, QueryTile};

/// Rows in a group.
pub const GROUP: usize = 32;
/// Dimensions that one dot-product instruction sums.
const STEP: usize = 4;
/// Bytes of a step in the fine plane, of two steps in the coarse one.
const STEP_BYTES: usize = GROUP * STEP;
/// Bytes of the scales of a plane, and of its errors.
const FLOATS: usize = GROUP * size_of::<f32>();

/// Queries that share one pass over fine codes: with two registers of rows, one of a query and two sums for each query
/// they fill the 32 registers of AVX-512.
pub(crate) const TILE: usize = 12;

/// Vectors this much longer than 1 have no bound.
const DELTA: f64 = 1e-3;

/// What rounding may take from a bound on dot products of vectors of length about 1. The kernels convert an integer of up
/// to 2²⁴ · (dimensions / 1,040) to f32 and do three more operations, each off by a factor of at most 1 ± 2⁻²⁴, on values
/// below 4; the scale of a row is off by such a factor as well; a distance is rounded once to f32, by at most 2⁻²⁴; the
/// f64 sums are off by less than 1e-11.
pub(crate) const SLACK: f64 = 2e-6;

/// The codes of rows, in groups.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    bytes: &'a [u8],
    dim: usize,
}

impl<'a> Codes<'a> {
    /// Bytes that the codes of `rows` vectors of `dim` dimensions take.
    pub fn bytes_for(rows: usize, dim: usize) -> usize {
        rows.div_ceil(GROUP) * group_bytes(dim)
    }

    /// Codes that [`encode`] wrote.
    ///
    /// # Errors
    /// When `bytes` is not a whole number of groups.
    pub fn new(bytes: &'a [u8], dim: usize) -> Result<Self, Error> {
        if dim == 0 || !bytes.len().is_multiple_of(group_bytes(dim)) {
            return Err(Error::Codes { bytes: bytes.len(), dim });
        }
        Ok(Self { bytes, dim })
    }

    /// How many rows there is room for.
    pub fn rows(&self) -> usize {
        self.bytes.len() / group_bytes(self.dim) * GROUP
    }

    /// Dimension of the vectors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn coarse(&self, group: usize) -> Plane<'a> {
        Plane::new(&self.bytes[group * group_bytes(self.dim)..][..coarse_bytes(self.dim)])
    }

    pub(crate) fn fine(&self, group: usize) -> Plane<'a> {
        let group = &self.bytes[group * group_bytes(self.dim)..][..group_bytes(self.dim)];
        Plane::new(&group[coarse_bytes(self.dim)..])
    }
}

/// Codes of one width of a group. Floats are little-endian bytes, since a group need not be aligned.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    /// Steps of 128 bytes.
    pub codes: &'a [u8],
    /// 32 × f32.
    pub scales: &'a [u8],
    /// 32 × f32.
    pub errors: &'a [u8],
}

impl<'a> Plane<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let (codes, floats) = bytes.split_at(bytes.len() - 2 * FLOATS);
        let (scales, errors) = floats.split_at(FLOATS);
        Self { codes, scales, errors }
    }

    pub(crate) fn error(&self, row: usize) -> f32 {
        f32::from_le_bytes(self.errors.as_chunks().0[row])
    }
}

fn coarse_bytes(dim: usize) -> usize {
    dim.div_ceil(2 * STEP) * STEP_BYTES + 2 * FLOATS
}

fn fine_bytes(dim: usize) -> usize {
    dim.div_ceil(STEP) * STEP_BYTES + 2 * FLOATS
}

fn group_bytes(dim: usize) -> usize {
    coarse_bytes(dim) + fine_bytes(dim)
}

/// The bytes of the group that holds the codes of row `row`.
pub fn group_range(row: usize, dim: usize) -> Range<usize> {
    let start = row / GROUP * group_bytes(dim);
    start..start + group_bytes(dim)
}

/// Writes the codes of a vector into its group, see [`group_range`].
///
/// # Panics
/// When `group` is not as long as a group of this dimension.
pub fn encode(group: &mut [u8], row: usize, vector: &[f32]) {
    let (coarse, fine) = planes(group, vector.len());
    write_coarse(coarse, row, vector);
    let code = Quantised::fine(vector);
    for (i, value) in code.code.iter().enumerate() {
        fine[place(i / STEP, row, i % STEP)] = value.cast_unsigned() ^ 0x80;
    }
    write_floats(fine, row, code.scale, bounded(vector, code.error));
}

fn write_coarse(plane: &mut [u8], row: usize, vector: &[f32]) {
    let code = Quantised::coarse(vector);
    for (step, values) in code.code.chunks(2 * STEP).enumerate() {
        let (low, high) = values.split_at(values.len().min(STEP));
        for (i, low) in low.iter().enumerate() {
            let high = high.get(i).map_or(0, |high| high + 8);
            plane[place(step, row, i)] = ((low + 8) | high << 4).cast_unsigned();
        }
    }
    write_floats(plane, row, code.scale, bounded(vector, code.error));
}

/// The error of a code; none is large enough for a vector that is too long.
fn bounded(vector: &[f32], error: f64) -> f32 {
    if norm(vector) <= 1.0 + DELTA { round_up(error) } else { f32::INFINITY }
}

/// Overwrites the codes of a row of `dim` dimensions with zeros.
///
/// # Panics
/// When `group` is not as long as a group of this dimension.
pub fn erase(group: &mut [u8], row: usize, dim: usize) {
    let (coarse, fine) = planes(group, dim);
    for plane in [coarse, fine] {
        // Scales and errors are four bytes of each row too.
        for step in 0..plane.len() / STEP_BYTES {
            plane[place(step, row, 0)..][..STEP].fill(0);
        }
    }
}

fn planes(group: &mut [u8], dim: usize) -> (&mut [u8], &mut [u8]) {
    assert_eq!(group.len(), group_bytes(dim), "a group of another dimension");
    group.split_at_mut(coarse_bytes(dim))
}

/// Where a row's byte of a step stands.
fn place(step: usize, row: usize, byte: usize) -> usize {
    step * STEP_BYTES + row % GROUP * STEP + byte
}

fn write_floats(plane: &mut [u8], row: usize, scale: f32, error: f32) {
    let scales = plane.len() - 2 * FLOATS + row % GROUP * size_of::<f32>();
    plane[scales..][..4].copy_from_slice(&scale.to_le_bytes());
    plane[scales + FLOATS..][..4].copy_from_slice(&error.to_le_bytes());
}

/// A vector as `scale · code`, and how far that is from it.
struct Quantised {
    code: Vec<i8>,
    scale: f32,
    /// Length of what is lost.
    error: f64,
}

impl Quantised {
    fn fine(vector: &[f32]) -> Self {
        Self::new(vector, largest(vector) / 127.0, 127.0)
    }

    /// With so few steps it pays to cut off the largest values, if the others are met better in exchange: the best of
    /// some scales.
    fn coarse(vector: &[f32]) -> Self {
        let whole = largest(vector) / 7.0;
        let scales = [1.0, 0.85, 0.7, 0.55].map(|part| whole * part);
        let loss =
            |scale: &f32| vector.iter().map(|value| (value - scale * round(value / scale, 7.0)).powi(2)).sum::<f32>();
        let best = scales.into_iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or(whole);
        Self::new(vector, best, 7.0)
    }

    fn new(vector: &[f32], scale: f32, most: f32) -> Self {
        // A scale that is zero or subnormal would make the division meaningless.
        if !scale.is_normal() {
            return Self { code: vec![0; vector.len()], scale: 0.0, error: norm(vector) };
        }
        let code: Vec<i8> = vector.iter().map(|value| round(value / scale, most) as i8).collect();
        let product = |(value, code): (&f32, &i8)| f64::from(*value) * f64::from(*code);
        let along: f64 = vector.iter().zip(&code).map(product).sum();
        let scale = (norm(vector).powi(2) / along) as f32;
        let lost = |(value, code): (&f32, &i8)| (f64::from(*value) - f64::from(scale) * f64::from(*code)).powi(2);
        let error = vector.iter().zip(&code).map(lost).sum::<f64>().sqrt();
        Self { code, scale, error }
    }
}

fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()))
}

/// To the nearest whole number within ±`most`. Adding and taking away 1.5 · 2²³ leaves no room for a fraction, and unlike
/// a call to round it is two vector instructions on every processor.
fn round(value: f32, most: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (value.clamp(-most, most) + NO_FRACTION) - NO_FRACTION
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// The error as f32, not smaller; a trifle larger to make up for the rounding of its own sum.
fn round_up(error: f64) -> f32 {
    ((error * (1.0 + 1e-9)) as f32).next_up()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn erasing_a_row_leaves_the_group_as_if_it_had_never_been_there(
            values in prop::collection::vec(-1.0f32..1.0, 2..80), row in 0..GROUP,
        ) {
            let (first, second) = values.split_at(values.len() / 2);
            let (first, second) = (&first[..first.len().min(second.len())], &second[..first.len().min(second.len())]);
            let mut alone = vec![0; Codes::bytes_for(GROUP, first.len())];
            encode(&mut alone, (row + 1) % GROUP, first);
            let mut both = alone.clone();
            encode(&mut both, row, second);
            prop_assert_ne!(&both, &alone);
            erase(&mut both, row, second.len());
            prop_assert_eq!(both, alone);
        }
    }
}
