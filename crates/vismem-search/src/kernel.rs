//! Dot products whose result is the same on every processor.
//!
//! Each product of two f32 values is exact in f64 (24 + 24 significant bits fit into 53), so a fused multiply-add and
//! a multiplication followed by an addition give the same sum. With the eight partial sums and their order fixed, the
//! vector kernels below are the plain loop compiled for wider registers, bit for bit.

/// Partial sums: one AVX-512 register, two AVX2 registers, four SSE2 or NEON registers of f64.
const LANES: usize = 8;

/// Cosine distance of two unit vectors of the same length: `1 − Σ aᵢ·bᵢ` in f64, rounded once to f32; 0..=2 up to
/// rounding. This is the definition that every search of this crate reproduces.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of different length have no distance");
    let mut lanes = [0.0; LANES];
    for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
        lanes[i % LANES] += f64::from(a) * f64::from(b);
    }
    to_distance(total(lanes))
}

/// Dot products of all pairs of vectors of the same length, each with itself too, in f64: for the i-th vector those with
/// the vectors 0..=i, one such row after the other (`n · (n + 1) / 2` values).
pub fn dot_products(vectors: &[&[f32]]) -> Vec<f64> {
    const TILE: usize = 4;
    let dim = vectors.first().map_or(0, |vector| vector.len());
    assert!(vectors.iter().all(|vector| vector.len() == dim), "vectors of different length have no dot product");
    let kernel = best::<TILE>();
    let mut products = vec![0.0; vectors.len() * (vectors.len() + 1) / 2];
    for (tile, first) in vectors.chunks(TILE).zip((0..).step_by(TILE)) {
        let columns = Tile::new(tile);
        for (i, vector) in vectors.iter().enumerate().skip(first) {
            let count = tile.len().min(i + 1 - first);
            let at = i * (i + 1) / 2 + first;
            products[at..at + count].copy_from_slice(&kernel(&columns, vector)[..count]);
        }
    }
    products
}

fn total(l: [f64; LANES]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// The distance that a dot product stands for.
pub(crate) fn to_distance(dot: f64) -> f32 {
    (1.0 - dot) as f32
}

/// Up to `Q` queries, widened to f64 and padded with zeros to whole lanes. They share one pass over a row, which is
/// loaded and widened once for all of them.
#[derive(Clone)]
pub(crate) struct Tile<const Q: usize> {
    values: Vec<[[f64; LANES]; Q]>,
}

impl<const Q: usize> Tile<Q> {
    pub(crate) fn new(queries: &[&[f32]]) -> Self {
        let dim = queries.first().map_or(0, |query| query.len());
        let mut values = vec![[[0.0; LANES]; Q]; dim.div_ceil(LANES)];
        for (q, query) in queries.iter().enumerate() {
            for (i, &value) in query.iter().enumerate() {
                values[i / LANES][q][i % LANES] = f64::from(value);
            }
        }
        Self { values }
    }
}

/// Dot products of one row with the queries of a tile.
pub(crate) type Kernel<const Q: usize> = fn(&Tile<Q>, &[f32]) -> [f64; Q];

/// The fastest kernel that this processor runs.
pub(crate) fn best<const Q: usize>() -> Kernel<Q> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return x86_64::avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return x86_64::avx2;
        }
    }
    portable
}

/// Asks memory for values that will be read soon.
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((64 / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about an address, and this one is a reference's; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// The plain twin: always there, and what the tests compare the others with.
fn portable<const Q: usize>(tile: &Tile<Q>, row: &[f32]) -> [f64; Q] {
    accumulate(tile, row, |sum, a, b| sum + a * b)
}

#[inline(always)]
fn accumulate<const Q: usize>(tile: &Tile<Q>, row: &[f32], multiply_add: impl Fn(f64, f64, f64) -> f64) -> [f64; Q] {
    let mut sums = [[0.0; LANES]; Q];
    let (whole, rest) = row.as_chunks::<LANES>();
    let mut step = |queries: &[[f64; LANES]; Q], row: &[f32; LANES]| {
        for (sums, query) in sums.iter_mut().zip(queries) {
            for lane in 0..LANES {
                sums[lane] = multiply_add(sums[lane], query[lane], f64::from(row[lane]));
            }
        }
    };
    for (queries, row) in tile.values.iter().zip(whole) {
        step(queries, row);
    }
    if !rest.is_empty() {
        let mut padded = [0.0; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        step(&tile.values[whole.len()], &padded);
    }
    sums.map(total)
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{Tile, accumulate};

    pub(super) fn avx512<const Q: usize>(tile: &Tile<Q>, row: &[f32]) -> [f64; Q] {
        #[target_feature(enable = "avx512f")]
        fn compiled<const Q: usize>(tile: &Tile<Q>, row: &[f32]) -> [f64; Q] {
            accumulate(tile, row, |sum, a, b| a.mul_add(b, sum))
        }
        // SAFETY: `best` hands this kernel out only where AVX-512F was detected; so do the tests.
        unsafe { compiled(tile, row) }
    }

    pub(super) fn avx2<const Q: usize>(tile: &Tile<Q>, row: &[f32]) -> [f64; Q] {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<const Q: usize>(tile: &Tile<Q>, row: &[f32]) -> [f64; Q] {
            accumulate(tile, row, |sum, a, b| a.mul_add(b, sum))
        }
        // SAFETY: `best` hands this kernel out only where AVX2 and FMA were detected; so do the tests.
        unsafe { compiled(tile, row) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kernels<const Q: usize>() -> Vec<(&'static str, Kernel<Q>)> {
        #[cfg(target_arch = "x86_64")]
        let faster: [(_, _, Kernel<Q>); 2] = [
            (is_x86_feature_detected!("avx512f"), "avx512", x86_64::avx512),
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"), "avx2", x86_64::avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let faster: [(bool, _, Kernel<Q>); 0] = [];
        let faster = faster.into_iter().filter_map(|(runs, name, kernel)| runs.then_some((name, kernel)));
        [("portable", portable as Kernel<Q>)].into_iter().chain(faster).collect()
    }

    proptest! {
        #[test]
        fn every_kernel_gives_the_bits_of_the_definition(
            values in prop::collection::vec(-1.0f32..1.0, 4..200),
            scale in -30i32..4,
        ) {
            let dim = values.len() / 4;
            let scaled: Vec<f32> = values.iter().map(|v| v * 2f32.powi(scale)).collect();
            let vectors: Vec<&[f32]> = scaled.chunks_exact(dim).take(4).collect();
            let (queries, row) = vectors.split_at(3);
            let expected: Vec<u32> = queries.iter().map(|q| distance(q, row[0]).to_bits()).collect();
            for (name, kernel) in kernels::<3>() {
                let got: Vec<u32> = kernel(&Tile::new(queries), row[0]).iter().map(|dot| to_distance(*dot).to_bits()).collect();
                prop_assert_eq!(&got, &expected, "kernel {}", name);
            }
            for (name, kernel) in kernels::<1>() {
                let one = kernel(&Tile::new(&queries[..1]), row[0]);
                prop_assert_eq!(to_distance(one[0]).to_bits(), expected[0], "kernel {}", name);
            }
        }

        #[test]
        fn dot_products_of_all_pairs_are_those_of_each(
            values in prop::collection::vec(-1.0f32..1.0, 0..300), dim in 1usize..20,
        ) {
            let vectors: Vec<&[f32]> = values.chunks_exact(dim).collect();
            let mut expected = Vec::new();
            for (i, a) in vectors.iter().enumerate() {
                for b in &vectors[..=i] {
                    expected.push(portable(&Tile::<1>::new(&[b]), a)[0].to_bits());
                }
            }
            let products: Vec<u64> = dot_products(&vectors).iter().map(|dot| dot.to_bits()).collect();
            prop_assert_eq!(products, expected);
        }
    }
}
