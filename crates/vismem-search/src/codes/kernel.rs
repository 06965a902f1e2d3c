//! Which rows of a group may be near enough.
//!
//! For each query of a tile a kernel gives one bit for each row of the group: whether `product + weight · error` reaches
//! the threshold, where `product = scale · (code of the row · code of the query)`. Where it does for any row, the
//! products of the group are written out as well.
//!
//! The integers are exact in every kernel, and the f32 operations after them are the same in the same order (no fused
//! multiply-add), so that every kernel gives the same bits.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use super::query::{Limit, QueryTile};
use super::{GROUP, Plane, STEP, STEP_BYTES};

/// Products of a group's rows, for each query of a tile.
pub(crate) type Products<const Q: usize> = [[f32; GROUP]; Q];

/// Takes queries and a plane of the width that the kernel is for.
pub(crate) type Kernel<const Q: usize> = fn(&QueryTile<Q>, Plane<'_>, &mut Products<Q>) -> [u32; Q];

/// What is added to codes to make them positive, in the fine plane and in the coarse one.
const FINE_OFFSET: i32 = 128;
const COARSE_OFFSET: i32 = 8;

/// A kernel for each kind of codes, of one set of instructions.
struct Kernels<const Q: usize> {
    #[cfg_attr(not(test), expect(dead_code, reason = "tests say which kernel failed"))]
    name: &'static str,
    fine: Kernel<Q>,
    coarse: Kernel<Q>,
}

/// What this processor runs, the fastest first, the portable ones last.
fn available<const Q: usize>() -> impl Iterator<Item = Kernels<Q>> {
    let portable = Kernels { name: "portable", fine: portable_fine, coarse: portable_coarse };
    #[cfg(target_arch = "x86_64")]
    return x86_64::available().chain([portable]);
    #[cfg(target_arch = "aarch64")]
    return aarch64::available().chain([portable]);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return std::iter::once(portable);
}

/// The fastest kernel for fine codes that this processor runs.
pub(crate) fn fine<const Q: usize>() -> Kernel<Q> {
    available().next().map_or(portable_fine, |kernels| kernels.fine)
}

/// The fastest kernel for coarse codes that this processor runs.
pub(crate) fn coarse<const Q: usize>() -> Kernel<Q> {
    available().next().map_or(portable_coarse, |kernels| kernels.coarse)
}

/// The plain twin: always there, and what the tests compare the others with.
fn portable_fine<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    masks(tile, plane, &fine_dots(tile, plane), products)
}

/// The plain twin for coarse codes.
fn portable_coarse<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    masks(tile, plane, &coarse_dots(tile, plane), products)
}

fn fine_dots<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>) -> [[i32; GROUP]; Q] {
    let mut dots = without_offset(tile, FINE_OFFSET);
    for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks::<STEP_BYTES>().0) {
        add_step(&mut dots, queries, rows, i32::from);
    }
    dots
}

fn coarse_dots<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>) -> [[i32; GROUP]; Q] {
    let mut dots = without_offset(tile, COARSE_OFFSET);
    for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks::<STEP_BYTES>().0) {
        add_step(&mut dots, &queries[0], rows, |byte| i32::from(byte & 15));
        add_step(&mut dots, &queries[1], rows, |byte| i32::from(byte >> 4));
    }
    dots
}

/// Where dot products begin, so that they come out as if codes had no offset.
fn without_offset<const Q: usize>(tile: &QueryTile<Q>, offset: i32) -> [[i32; GROUP]; Q] {
    tile.sums.map(|sum| [-offset * sum; GROUP])
}

fn add_step<const Q: usize>(
    dots: &mut [[i32; GROUP]; Q],
    queries: &[[i8; STEP]; Q],
    rows: &[u8; STEP_BYTES],
    code: impl Fn(u8) -> i32,
) {
    for (dots, query) in dots.iter_mut().zip(queries) {
        for (dot, row) in dots.iter_mut().zip(rows.as_chunks::<STEP>().0) {
            *dot += row.iter().zip(query).map(|(&row, &query)| code(row) * i32::from(query)).sum::<i32>();
        }
    }
}

/// Products, and which rows reach their threshold, from dot products in memory.
fn masks<const Q: usize>(
    tile: &QueryTile<Q>,
    plane: Plane<'_>,
    dots: &[[i32; GROUP]; Q],
    products: &mut Products<Q>,
) -> [u32; Q] {
    let floats = |bytes: &[u8]| -> [f32; GROUP] {
        let (bytes, _) = bytes.as_chunks::<4>();
        std::array::from_fn(|row| f32::from_le_bytes(bytes[row]))
    };
    let (scales, errors) = (floats(plane.scales), floats(plane.errors));
    std::array::from_fn(|q| {
        products[q] = std::array::from_fn(|row| dots[q][row] as f32 * scales[row]);
        let limit = Limit { weight: tile.weights[q], threshold: tile.thresholds[q] };
        let reached = products[q].iter().zip(errors).map(|(product, error)| limit.is_reached(*product, error));
        reached.zip(0..).fold(0, |mask, (reached, row)| mask | u32::from(reached) << row)
    })
}

/// The four codes of a query in a step, as instructions broadcast them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn word(query: [i8; STEP]) -> i32 {
    i32::from_le_bytes(query.map(i8::cast_unsigned))
}

/// The first query and the part of the group of each pass of `P` queries, whose sums stay in registers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn passes<const Q: usize, const P: usize>(parts: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..Q).step_by(P).flat_map(move |first| (0..parts).map(move |part| (first, part)))
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn together<const P: usize>(queries: &[[i8; STEP]], first: usize) -> &[[i8; STEP]; P] {
    queries[first..].first_chunk().expect("the queries of a tile are a multiple of those of a pass")
}

/// Calls a kernel that is made for so many queries and so many of them in each pass.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! in_passes {
    ($compiled:ident($($argument:expr),*)) => {
        match Q {
            _ if Q.is_multiple_of(6) => $compiled::<Q, 6>($($argument),*),
            _ if Q.is_multiple_of(4) => $compiled::<Q, 4>($($argument),*),
            _ => $compiled::<Q, 1>($($argument),*),
        }
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use in_passes;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codes::PROVED;
    use crate::codes::{CodedQuery, Codes, TILE, encode, erase};

    fn unit(vector: &[f32]) -> Vec<f32> {
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.iter().map(|v| v / norm).collect()
    }

    fn compare<const Q: usize>(queries: &[CodedQuery], codes: Codes<'_>, far: f64) -> Result<(), TestCaseError> {
        let mut tile = QueryTile::<Q>::new(queries[..Q].iter(), codes.dim());
        for (q, query) in queries[..Q].iter().enumerate() {
            tile.set_limit(q, query.limit(far));
        }
        let run = |kernel: Kernel<Q>, plane| {
            let mut products = [[f32::NAN; GROUP]; Q];
            let reached = kernel(&tile, plane, &mut products);
            // Where no row reaches its threshold, products are not worth writing.
            let written = (0..Q).filter(|&q| reached[q] != 0).map(|q| products[q].map(f32::to_bits));
            (reached, written.collect::<Vec<_>>())
        };
        let fine = run(portable_fine, codes.fine(0));
        let coarse = run(portable_coarse, codes.coarse(0));
        for kernels in available::<Q>() {
            prop_assert_eq!(&run(kernels.fine, codes.fine(0)), &fine, "fine {} for {} queries", kernels.name, Q);
            prop_assert_eq!(
                &run(kernels.coarse, codes.coarse(0)),
                &coarse,
                "coarse {} for {} queries",
                kernels.name,
                Q
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_kernel_gives_the_bits_of_the_portable_one(
            values in prop::collection::vec(-1.0f32..1.0, 8 * 44..300 * 44), erased in 0..GROUP, far in -1.0..1.0f64,
        ) {
            let dim = values.len() / 44;
            let vectors: Vec<Vec<f32>> = values.chunks_exact(dim).take(44).map(unit).collect();
            let (rows, queries) = vectors.split_at(GROUP);
            let mut bytes = vec![0; Codes::bytes_for(GROUP, dim)];
            for (row, vector) in rows.iter().enumerate() {
                encode(&mut bytes, row, vector);
            }
            erase(&mut bytes, erased, dim);
            let codes = Codes::new(&bytes, dim).unwrap();
            let queries: Vec<CodedQuery> =
                queries.iter().map(|query| CodedQuery::new(query, PROVED).unwrap()).collect();
            compare::<TILE>(&queries, codes, far)?;
            compare::<4>(&queries, codes, far)?;
            compare::<1>(&queries, codes, far)?;
        }
    }
}
