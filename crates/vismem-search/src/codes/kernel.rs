//! Which rows of a group may be near enough.
//!
//! For each query of a tile a kernel gives one bit for each row of the group: whether its bound
//! `scale · (code of the row · code of the query) + weight · error` reaches the threshold. Where it does for any row, the
//! bounds of the group are written out as well.
//!
//! The integers are exact in every kernel; the f32 arithmetic after them may differ in its last bits, which the slack of
//! the bound covers, so that a bit may differ only for a row that does not matter.

use super::query::QueryTile;
use super::{GROUP, Plane, STEP, STEP_BYTES, TILE};

/// Bounds of a group's rows, for each query of a tile.
pub(crate) type Bounds<const Q: usize> = [[f32; GROUP]; Q];

/// Takes queries and a plane of the width that the kernel is for.
pub(crate) type Kernel<const Q: usize> = fn(&QueryTile<Q>, Plane<'_>, &mut Bounds<Q>) -> [u32; Q];

/// What is added to codes to make them positive, in the fine plane and in the coarse one.
const FINE_OFFSET: i32 = 128;
const COARSE_OFFSET: i32 = 8;

/// The fastest kernel for fine codes that this processor runs.
pub(crate) fn fine() -> Kernel<TILE> {
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
pub(crate) fn coarse() -> Kernel<1> {
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
pub(crate) fn portable_fine<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, bounds: &mut Bounds<Q>) -> [u32; Q] {
    masks(tile, plane, &fine_dots(tile, plane), bounds)
}

/// The plain twin for coarse codes.
pub(crate) fn portable_coarse<const Q: usize>(
    tile: &QueryTile<Q>,
    plane: Plane<'_>,
    bounds: &mut Bounds<Q>,
) -> [u32; Q] {
    masks(tile, plane, &coarse_dots(tile, plane), bounds)
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

/// Bounds, and which of them reach their threshold, from dot products in memory.
fn masks<const Q: usize>(
    tile: &QueryTile<Q>,
    plane: Plane<'_>,
    dots: &[[i32; GROUP]; Q],
    bounds: &mut Bounds<Q>,
) -> [u32; Q] {
    let floats = |bytes: &[u8]| -> [f32; GROUP] {
        let (bytes, _) = bytes.as_chunks::<4>();
        std::array::from_fn(|row| f32::from_le_bytes(bytes[row]))
    };
    let (scales, errors) = (floats(plane.scales), floats(plane.errors));
    std::array::from_fn(|q| {
        bounds[q] = std::array::from_fn(|row| dots[q][row] as f32 * scales[row] + tile.weights[q] * errors[row]);
        let reached = bounds[q].iter().map(|bound| u32::from(*bound >= tile.thresholds[q]));
        reached.zip(0..).fold(0, |mask, (bit, row)| mask | bit << row)
    })
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use super::{Bounds, COARSE_OFFSET, FINE_OFFSET, GROUP, Plane, QueryTile, STEP, STEP_BYTES, TILE, masks};

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

    /// Bounds against the threshold, for the dot products of 32 rows.
    #[target_feature(enable = "avx512f")]
    fn reached(
        dots: (__m512i, __m512i),
        plane: Plane<'_>,
        weight: f32,
        threshold: f32,
        bounds: &mut [f32; GROUP],
    ) -> u32 {
        let load = |floats: &[u8]| {
            assert_eq!(floats.len(), GROUP * size_of::<f32>());
            let floats = floats.as_ptr().cast::<f32>();
            // SAFETY: 128 bytes, as asserted; unaligned loads need no alignment, and any bits are floats.
            unsafe { (_mm512_loadu_ps(floats), _mm512_loadu_ps(floats.add(16))) }
        };
        let (scales, errors) = (load(plane.scales), load(plane.errors));
        let (weight, threshold) = (_mm512_set1_ps(weight), _mm512_set1_ps(threshold));
        let bound =
            |dots, scales, errors| _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), scales, _mm512_mul_ps(weight, errors));
        let (low, high) = (bound(dots.0, scales.0, errors.0), bound(dots.1, scales.1, errors.1));
        let reached = |bound| u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(bound, threshold));
        let mask = reached(low) | reached(high) << 16;
        if mask != 0 {
            let bounds = bounds.as_mut_ptr();
            // SAFETY: 32 floats are there, and unaligned stores need no alignment.
            unsafe {
                _mm512_storeu_ps(bounds, low);
                _mm512_storeu_ps(bounds.add(16), high);
            }
        }
        mask
    }

    pub(super) fn fine_avx512_vnni(tile: &QueryTile<TILE>, plane: Plane<'_>, bounds: &mut Bounds<TILE>) -> [u32; TILE] {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn compiled(tile: &QueryTile<TILE>, plane: Plane<'_>, bounds: &mut Bounds<TILE>) -> [u32; TILE] {
            let mut low: [__m512i; TILE] = tile.sums.map(|sum| _mm512_set1_epi32(-FINE_OFFSET * sum));
            let mut high = low;
            for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                let (a, b) = load(rows);
                for q in 0..TILE {
                    let query = _mm512_set1_epi32(word(queries[q]));
                    low[q] = _mm512_dpbusd_epi32(low[q], a, query);
                    high[q] = _mm512_dpbusd_epi32(high[q], b, query);
                }
            }
            std::array::from_fn(|q| {
                reached((low[q], high[q]), plane, tile.weights[q], tile.thresholds[q], &mut bounds[q])
            })
        }
        // SAFETY: `fine` hands this kernel out only where its instructions were detected; so do the tests.
        unsafe { compiled(tile, plane, bounds) }
    }

    pub(super) fn coarse_avx512_vnni(tile: &QueryTile<1>, plane: Plane<'_>, bounds: &mut Bounds<1>) -> [u32; 1] {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn compiled(tile: &QueryTile<1>, plane: Plane<'_>, bounds: &mut Bounds<1>) -> [u32; 1] {
            let nibble = _mm512_set1_epi8(15);
            let start = _mm512_set1_epi32(-COARSE_OFFSET * tile.sums[0]);
            // Two sums for each half of the rows, since a sum waits for the one before it.
            let (mut low, mut high) = ([start, _mm512_setzero_si512()], [start, _mm512_setzero_si512()]);
            for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                let (a, b) = load(rows);
                let queries = queries.map(|query| _mm512_set1_epi32(word(query[0])));
                for (sums, bytes) in [(&mut low, a), (&mut high, b)] {
                    let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), nibble);
                    sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_and_si512(bytes, nibble), queries[0]);
                    sums[1] = _mm512_dpbusd_epi32(sums[1], upper, queries[1]);
                }
            }
            let sum = |sums: [__m512i; 2]| _mm512_add_epi32(sums[0], sums[1]);
            [reached((sum(low), sum(high)), plane, tile.weights[0], tile.thresholds[0], &mut bounds[0])]
        }
        // SAFETY: `coarse` hands this kernel out only where its instructions were detected; so do the tests.
        unsafe { compiled(tile, plane, bounds) }
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

    pub(super) fn fine_avx2(tile: &QueryTile<TILE>, plane: Plane<'_>, bounds: &mut Bounds<TILE>) -> [u32; TILE] {
        /// Queries whose sums of eight rows stay in registers together.
        const QUERIES: usize = 6;
        #[target_feature(enable = "avx2")]
        fn compiled(tile: &QueryTile<TILE>, plane: Plane<'_>, bounds: &mut Bounds<TILE>) -> [u32; TILE] {
            let flip = _mm256_set1_epi8(i8::MIN);
            let mut dots = [[0i32; GROUP]; TILE];
            for (first, part) in
                (0..TILE).step_by(QUERIES).flat_map(|first| (0..GROUP / 8).map(move |part| (first, part)))
            {
                let mut sums = [_mm256_setzero_si256(); QUERIES];
                for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                    // Without the offset, so that the products are small enough.
                    let row = _mm256_xor_si256(load_eight(rows, part), flip);
                    let size = _mm256_abs_epi8(row);
                    for (q, sum) in sums.iter_mut().enumerate() {
                        let query = _mm256_set1_epi32(word(queries[first + q]));
                        *sum = add_products(*sum, size, _mm256_sign_epi8(query, row));
                    }
                }
                for (dots, sum) in dots[first..].iter_mut().zip(sums) {
                    store_eight(dots, part, sum);
                }
            }
            masks(tile, plane, &dots, bounds)
        }
        // SAFETY: `fine` hands this kernel out only where AVX2 was detected; so do the tests.
        unsafe { compiled(tile, plane, bounds) }
    }

    pub(super) fn coarse_avx2(tile: &QueryTile<1>, plane: Plane<'_>, bounds: &mut Bounds<1>) -> [u32; 1] {
        #[target_feature(enable = "avx2")]
        fn compiled(tile: &QueryTile<1>, plane: Plane<'_>, bounds: &mut Bounds<1>) -> [u32; 1] {
            let nibble = _mm256_set1_epi8(15);
            let mut sums = [_mm256_set1_epi32(-COARSE_OFFSET * tile.sums[0]); GROUP / 8];
            for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                let queries = queries.map(|query| _mm256_set1_epi32(word(query[0])));
                for (part, sum) in sums.iter_mut().enumerate() {
                    let bytes = load_eight(rows, part);
                    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
                    *sum = add_products(*sum, _mm256_and_si256(bytes, nibble), queries[0]);
                    *sum = add_products(*sum, upper, queries[1]);
                }
            }
            let mut dots = [[0i32; GROUP]; 1];
            for (part, sum) in sums.into_iter().enumerate() {
                store_eight(&mut dots[0], part, sum);
            }
            masks(tile, plane, &dots, bounds)
        }
        // SAFETY: `coarse` hands this kernel out only where AVX2 was detected; so do the tests.
        unsafe { compiled(tile, plane, bounds) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codes::{CodedQuery, Codes, encode, erase};

    type Named<const Q: usize> = Vec<(&'static str, Kernel<Q>)>;

    fn kernels() -> (Named<TILE>, Named<1>) {
        let (mut fine, mut coarse): (Named<TILE>, Named<1>) =
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

    fn compare<const Q: usize>(
        queries: &[CodedQuery],
        dim: usize,
        far: f32,
        plane: Plane<'_>,
        kernels: Named<Q>,
    ) -> Result<(), TestCaseError> {
        let mut tile = QueryTile::<Q>::new(queries[..Q].iter(), dim);
        for (threshold, query) in tile.thresholds.iter_mut().zip(queries) {
            *threshold = query.threshold(far);
        }
        let run = |kernel: Kernel<Q>| {
            let mut bounds = [[f32::NAN; GROUP]; Q];
            (kernel(&tile, plane, &mut bounds), bounds)
        };
        let (expected, plainly) = run(kernels[0].1);
        for (name, kernel) in kernels {
            let (reached, bounds) = run(kernel);
            for (q, row) in (0..Q).flat_map(|q| (0..GROUP).map(move |row| (q, row))) {
                // The last bits of f32 may decide only where a bound is the threshold, as near as f32 can tell.
                let (bound, threshold) = (plainly[q][row], tile.thresholds[q]);
                let tolerance = 1e-6 * (bound.abs() + threshold.abs() + tile.weights[q]);
                let same = (reached[q] ^ expected[q]) >> row & 1 == 0;
                let close = (bound - threshold).abs() <= tolerance;
                prop_assert!(same || close, "kernel {name}, query {q}, row {row}: {bound} against {threshold}");
                if reached[q] != 0 {
                    prop_assert!((bounds[q][row] - bound).abs() <= tolerance, "kernel {name}, query {q}, row {row}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_kernel_gives_the_bits_of_the_portable_one(
            values in prop::collection::vec(-1.0f32..1.0, 8 * 44..300 * 44), erased in 0..GROUP, far in 0.0f32..2.0,
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
            let queries: Vec<CodedQuery> = queries.iter().map(|query| CodedQuery::new(query).unwrap()).collect();
            let (fine, coarse) = kernels();
            compare(&queries, dim, far, codes.fine(0), fine)?;
            compare(&queries, dim, far, codes.coarse(0), coarse)?;
        }
    }
}
