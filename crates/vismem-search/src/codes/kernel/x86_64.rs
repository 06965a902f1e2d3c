//! For x86-64: AVX-512 with VNNI, AVX-VNNI, AVX2.

use std::arch::x86_64::*;

use super::{
    COARSE_OFFSET, FINE_OFFSET, GROUP, Kernels, Plane, Products, QueryTile, STEP, STEP_BYTES, in_passes, masks, passes,
    together, word,
};

/// What this processor runs, the fastest first.
pub(super) fn available<const Q: usize>() -> impl Iterator<Item = Kernels<Q>> {
    let avx512_vnni = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    let avx2 = is_x86_feature_detected!("avx2");
    let all = [
        (avx512_vnni, Kernels { name: "avx512_vnni", fine: fine_avx512_vnni, coarse: coarse_avx512_vnni }),
        (
            avx2 && is_x86_feature_detected!("avxvnni"),
            Kernels { name: "avx_vnni", fine: fine_avx_vnni, coarse: coarse_avx_vnni },
        ),
        (avx2, Kernels { name: "avx2", fine: fine_avx2, coarse: coarse_avx2 }),
    ];
    all.into_iter().filter_map(|(runs, kernels)| runs.then_some(kernels))
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

fn fine_avx512_vnni<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
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
    // SAFETY: `available` hands this kernel out only where its instructions were detected.
    unsafe { compiled(tile, plane, products) }
}

fn coarse_avx512_vnni<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
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
    // SAFETY: `available` hands this kernel out only where its instructions were detected.
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

fn fine_avx2<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "avx2")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let flip = _mm256_set1_epi8(i8::MIN);
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 8) {
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
    // SAFETY: `available` hands this kernel out only where AVX2 was detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}

fn coarse_avx2<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "avx2")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let nibble = _mm256_set1_epi8(15);
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 8) {
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
    // SAFETY: `available` hands this kernel out only where AVX2 was detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}

/// Where the sums of a pass begin, so that they come out as if codes had no offset.
#[target_feature(enable = "avx2")]
fn without_offset<const P: usize>(sums: &[i32], offset: i32) -> [__m256i; P] {
    std::array::from_fn(|q| _mm256_set1_epi32(-offset * sums[q]))
}

fn fine_avx_vnni<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "avx2,avxvnni")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 8) {
            let mut sums = without_offset::<P>(&tile.sums[first..], FINE_OFFSET);
            for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                let queries: &[[i8; STEP]; P] = together(queries, first);
                let rows = load_eight(rows, part);
                for q in 0..P {
                    sums[q] = _mm256_dpbusd_avx_epi32(sums[q], rows, _mm256_set1_epi32(word(queries[q])));
                }
            }
            dots[first..].iter_mut().zip(sums).for_each(|(dots, sum)| store_eight(dots, part, sum));
        }
        masks(tile, plane, &dots, products)
    }
    // SAFETY: `available` hands this kernel out only where AVX2 and AVX-VNNI were detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}

fn coarse_avx_vnni<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "avx2,avxvnni")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let nibble = _mm256_set1_epi8(15);
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 8) {
            let mut sums = without_offset::<P>(&tile.sums[first..], COARSE_OFFSET);
            for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                let bytes = load_eight(rows, part);
                let upper = _mm256_srli_epi16::<4>(bytes);
                for (queries, bytes) in queries.iter().zip([bytes, upper]) {
                    let queries: &[[i8; STEP]; P] = together(queries, first);
                    let rows = _mm256_and_si256(bytes, nibble);
                    for q in 0..P {
                        sums[q] = _mm256_dpbusd_avx_epi32(sums[q], rows, _mm256_set1_epi32(word(queries[q])));
                    }
                }
            }
            dots[first..].iter_mut().zip(sums).for_each(|(dots, sum)| store_eight(dots, part, sum));
        }
        masks(tile, plane, &dots, products)
    }
    // SAFETY: `available` hands this kernel out only where AVX2 and AVX-VNNI were detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}
