//! Which rows of a group may be near enough.
//!
//! For each query of a tile a kernel gives one bit for each row of the group: whether `product + weight · error` reaches
//! the threshold, where `product = scale · (code of the row · code of the query)`. Where it does for any row, the
//! products of the group are written out as well.
//!
//! The integers are exact in every kernel, and the f32 operations after them are the same in the same order (no fused
//! multiply-add), so that every kernel gives the same bits.

use super::query::{Limit, QueryTile};
use super::{GROUP, Plane, STEP, STEP_BYTES};

/// Products of a group's rows, for each query of a tile.
pub(crate) type Products<const Q: usize> = [[f32; GROUP]; Q];

/// Takes queries and a plane of the width that the kernel is for.
pub(crate) type Kernel<const Q: usize> = fn(&QueryTile<Q>, Plane<'_>, &mut Products<Q>) -> [u32; Q];

/// What is added to codes to make them positive, in the fine plane and in the coarse one.
const FINE_OFFSET: i32 = 128;
const COARSE_OFFSET: i32 = 8;

/// The fastest kernel for fine codes that this processor runs.
pub(crate) fn fine<const Q: usize>() -> Kernel<Q> {
    #[cfg(target_arch = "x86_64")]
    {
        if x86_64::has_avx512_vnni() {
            return x86_64::fine_avx512_vnni;
        }
        if is_x86_feature_detected!("avx2") {
            return x86_64::fine_avx2;
        }
    }
    portable_fine
}

/// The fastest kernel for coarse codes that this processor runs.
pub(crate) fn coarse<const Q: usize>() -> Kernel<Q> {
    #[cfg(target_arch = "x86_64")]
    {
        if x86_64::has_avx512_vnni() {
            return x86_64::coarse_avx512_vnni;
        }
        if is_x86_feature_detected!("avx2") {
            return x86_64::coarse_avx2;
        }
    }
    portable_coarse
}

/// The plain twin: always there, and what the tests compare the others with.
pub(crate) fn portable_fine<const Q: usize>(
    tile: &QueryTile<Q>,
    plane: Plane<'_>,
    products: &mut Products<Q>,
) -> [u32; Q] {
    masks(tile, plane, &fine_dots(tile, plane), products)
}

/// The plain twin for coarse codes.
pub(crate) fn portable_coarse<const Q: usize>(
    tile: &QueryTile<Q>,
    plane: Plane<'_>,
    products: &mut Products<Q>,
) -> [u32; Q] {
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

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use super::{COARSE_OFFSET, FINE_OFFSET, GROUP, Plane, Products, QueryTile, STEP, STEP_BYTES, masks};

    pub(super) fn has_avx512_vnni() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni")
    }

    /// The four codes of a query in a step, as the instructions broadcast them.
    fn word(query: [i8; STEP]) -> i32 {
        i32::from_le_bytes(query.map(i8::cast_unsigned))
    }

    /// A step of 32 rows in two registers.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn load(rows: &[u8; STEP_BYTES]) -> (__m512i, __m512i) {
        let rows = rows.as_ptr();
        // SAFETY: 128 bytes are there, and unaligned loads need no alignment.
        unsafe { (_mm512_loadu_epi8(rows.cast()), _mm512_loadu_epi8(rows.add(64).cast())) }
    }

    /// Products, and which rows reach the threshold, for the dot products of 32 rows.
    #[target_feature(enable = "avx512f")]
    fn reached(
        dots: (__m512i, __m512i),
        plane: Plane<'_>,
        weight: f32,
        threshold: f32,
        products: &mut [f32; GROUP],
    ) -> u32 {
        let load = |floats: &[u8]| {
            assert_eq!(floats.len(), GROUP * size_of::<f32>());
            let floats = floats.as_ptr().cast::<f32>();
            // SAFETY: 128 bytes, as asserted; unaligned loads need no alignment, and any bits are floats.
            unsafe { (_mm512_loadu_ps(floats), _mm512_loadu_ps(floats.add(16))) }
        };
        let (scales, errors) = (load(plane.scales), load(plane.errors));
        let (weight, threshold) = (_mm512_set1_ps(weight), _mm512_set1_ps(threshold));
        let product = |dots, scales| _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scales);
        let (low, high) = (product(dots.0, scales.0), product(dots.1, scales.1));
        let reached = |product, errors| {
            let bound = _mm512_add_ps(product, _mm512_mul_ps(weight, errors));
            u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(bound, threshold))
        };
        let mask = reached(low, errors.0) | reached(high, errors.1) << 16;
        if mask != 0 {
            let products = products.as_mut_ptr();
            // SAFETY: 32 floats are there, and unaligned stores need no alignment.
            unsafe {
                _mm512_storeu_ps(products, low);
                _mm512_storeu_ps(products.add(16), high);
            }
        }
        mask
    }

    pub(super) fn fine_avx512_vnni<const Q: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn compiled<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
            let mut low: [__m512i; Q] = tile.sums.map(|sum| _mm512_set1_epi32(-FINE_OFFSET * sum));
            let mut high = low;
            for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                let (a, b) = load(rows);
                for q in 0..Q {
                    let query = _mm512_set1_epi32(word(queries[q]));
                    low[q] = _mm512_dpbusd_epi32(low[q], a, query);
                    high[q] = _mm512_dpbusd_epi32(high[q], b, query);
                }
            }
            std::array::from_fn(|q| {
                reached((low[q], high[q]), plane, tile.weights[q], tile.thresholds[q], &mut products[q])
            })
        }
        // SAFETY: `fine` hands this kernel out only where its instructions were detected; so do the tests.
        unsafe { compiled(tile, plane, products) }
    }

    pub(super) fn coarse_avx512_vnni<const Q: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn compiled<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
            let nibble = _mm512_set1_epi8(15);
            let mut low: [__m512i; Q] = tile.sums.map(|sum| _mm512_set1_epi32(-COARSE_OFFSET * sum));
            let mut high = low;
            for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                let (a, b) = load(rows);
                let upper = |bytes| _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), nibble);
                let halves = [(_mm512_and_si512(a, nibble), _mm512_and_si512(b, nibble)), (upper(a), upper(b))];
                for (queries, (a, b)) in queries.iter().zip(halves) {
                    for q in 0..Q {
                        let query = _mm512_set1_epi32(word(queries[q]));
                        low[q] = _mm512_dpbusd_epi32(low[q], a, query);
                        high[q] = _mm512_dpbusd_epi32(high[q], b, query);
                    }
                }
            }
            std::array::from_fn(|q| {
                reached((low[q], high[q]), plane, tile.weights[q], tile.thresholds[q], &mut products[q])
            })
        }
        // SAFETY: `coarse` hands this kernel out only where its instructions were detected; so do the tests.
        unsafe { compiled(tile, plane, products) }
    }

    /// Adds four products for each of eight rows: `size` are absolute values, `signed` the query with the rows' signs.
    /// Two products fit into 16 bits: 2 · 127 · 128 < 2¹⁵.
    #[target_feature(enable = "avx2")]
    fn add_products(sum: __m256i, size: __m256i, signed: __m256i) -> __m256i {
        let pairs = _mm256_maddubs_epi16(size, signed);
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }

    /// Eight rows of a step.
    #[target_feature(enable = "avx2")]
    fn load_eight(rows: &[u8; STEP_BYTES], part: usize) -> __m256i {
        let rows = &rows[part * 32..][..32];
        // SAFETY: 32 bytes are there, and unaligned loads need no alignment.
        unsafe { _mm256_loadu_si256(rows.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn store_eight(dots: &mut [i32; GROUP], part: usize, sum: __m256i) {
        let dots = &mut dots[part * 8..][..8];
        // SAFETY: eight i32 are there, and unaligned stores need no alignment.
        unsafe { _mm256_storeu_si256(dots.as_mut_ptr().cast(), sum) }
    }

    pub(super) fn fine_avx2<const Q: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        #[target_feature(enable = "avx2")]
        fn compiled<const Q: usize, const P: usize>(
            tile: &QueryTile<Q>,
            plane: Plane<'_>,
            products: &mut Products<Q>,
        ) -> [u32; Q] {
            let flip = _mm256_set1_epi8(i8::MIN);
            let mut dots = [[0i32; GROUP]; Q];
            for (first, part) in passes::<Q, P>() {
                let mut sums = [_mm256_setzero_si256(); P];
                for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                    let queries: &[[i8; STEP]; P] = together(queries, first);
                    // Without the offset, so that the products are small enough.
                    let row = _mm256_xor_si256(load_eight(rows, part), flip);
                    let size = _mm256_abs_epi8(row);
                    for q in 0..P {
                        let query = _mm256_set1_epi32(word(queries[q]));
                        sums[q] = add_products(sums[q], size, _mm256_sign_epi8(query, row));
                    }
                }
                for (dots, sum) in dots[first..].iter_mut().zip(sums) {
                    store_eight(dots, part, sum);
                }
            }
            masks(tile, plane, &dots, products)
        }
        // SAFETY: `fine` hands this kernel out only where AVX2 was detected; so do the tests.
        unsafe {
            match Q {
                _ if Q.is_multiple_of(6) => compiled::<Q, 6>(tile, plane, products),
                _ if Q.is_multiple_of(4) => compiled::<Q, 4>(tile, plane, products),
                _ => compiled::<Q, 1>(tile, plane, products),
            }
        }
    }

    pub(super) fn coarse_avx2<const Q: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        #[target_feature(enable = "avx2")]
        fn compiled<const Q: usize, const P: usize>(
            tile: &QueryTile<Q>,
            plane: Plane<'_>,
            products: &mut Products<Q>,
        ) -> [u32; Q] {
            let nibble = _mm256_set1_epi8(15);
            let mut dots = [[0i32; GROUP]; Q];
            for (first, part) in passes::<Q, P>() {
                let mut sums = [_mm256_setzero_si256(); P];
                for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                    let bytes = load_eight(rows, part);
                    let upper = _mm256_srli_epi16::<4>(bytes);
                    for (queries, bytes) in queries.iter().zip([bytes, upper]) {
                        let queries: &[[i8; STEP]; P] = together(queries, first);
                        let rows = _mm256_and_si256(bytes, nibble);
                        for q in 0..P {
                            sums[q] = add_products(sums[q], rows, _mm256_set1_epi32(word(queries[q])));
                        }
                    }
                }
                for ((dots, sum), start) in dots[first..].iter_mut().zip(sums).zip(&tile.sums[first..]) {
                    store_eight(dots, part, _mm256_sub_epi32(sum, _mm256_set1_epi32(COARSE_OFFSET * start)));
                }
            }
            masks(tile, plane, &dots, products)
        }
        // SAFETY: `coarse` hands this kernel out only where AVX2 was detected; so do the tests.
        unsafe {
            match Q {
                _ if Q.is_multiple_of(6) => compiled::<Q, 6>(tile, plane, products),
                _ if Q.is_multiple_of(4) => compiled::<Q, 4>(tile, plane, products),
                _ => compiled::<Q, 1>(tile, plane, products),
            }
        }
    }

    /// The first query and the eight rows of each pass of `P` queries, whose sums stay in AVX2's 16 registers.
    fn passes<const Q: usize, const P: usize>() -> impl Iterator<Item = (usize, usize)> {
        (0..Q).step_by(P).flat_map(|first| (0..GROUP / 8).map(move |part| (first, part)))
    }

    fn together<const P: usize>(queries: &[[i8; STEP]], first: usize) -> &[[i8; STEP]; P] {
        queries[first..].first_chunk().expect("the queries of a tile are a multiple of those of a pass")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codes::PROVED;
    use crate::codes::{CodedQuery, Codes, TILE, encode, erase};

    /// Every kernel that this processor runs, by name; the portable one first.
    type Named<const Q: usize> = Vec<(&'static str, Kernel<Q>)>;

    fn kernels<const Q: usize>() -> (Named<Q>, Named<Q>) {
        let (mut fine, mut coarse): (Named<Q>, Named<Q>) =
            (vec![("portable", portable_fine)], vec![("portable", portable_coarse)]);
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx512_vnni() {
                fine.push(("avx512_vnni", x86_64::fine_avx512_vnni));
                coarse.push(("avx512_vnni", x86_64::coarse_avx512_vnni));
            }
            if is_x86_feature_detected!("avx2") {
                fine.push(("avx2", x86_64::fine_avx2));
                coarse.push(("avx2", x86_64::coarse_avx2));
            }
        }
        (fine, coarse)
    }

    fn unit(vector: &[f32]) -> Vec<f32> {
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.iter().map(|v| v / norm).collect()
    }

    fn compare<const Q: usize>(queries: &[CodedQuery], codes: Codes<'_>, far: f64) -> Result<(), TestCaseError> {
        let mut tile = QueryTile::<Q>::new(queries[..Q].iter(), codes.dim());
        for (q, query) in queries[..Q].iter().enumerate() {
            tile.set_limit(q, query.limit(far));
        }
        let (fine, coarse) = kernels::<Q>();
        for (plane, kernels) in [(codes.fine(0), fine), (codes.coarse(0), coarse)] {
            let run = |kernel: Kernel<Q>| {
                let mut products = [[f32::NAN; GROUP]; Q];
                let reached = kernel(&tile, plane, &mut products);
                // Where no row reaches its threshold, products are not worth writing.
                let written = (0..Q).filter(|&q| reached[q] != 0).map(|q| products[q].map(f32::to_bits));
                (reached, written.collect::<Vec<_>>())
            };
            let expected = run(kernels[0].1);
            for (name, kernel) in kernels {
                prop_assert_eq!(run(kernel), expected.clone(), "kernel {} for {} queries", name, Q);
            }
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
