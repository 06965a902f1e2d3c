//! For aarch64: NEON with dot-product instructions (FEAT_DotProd: Graviton 2 and later, every Apple silicon).

use std::arch::aarch64::*;
use std::arch::asm;

use super::{
    COARSE_OFFSET, GROUP, Kernels, Plane, Products, QueryTile, STEP, STEP_BYTES, in_passes, masks, passes, together,
    word,
};

/// Registers of four rows that share a pass: with those of the queries' sums, 4 + 6 · 4 + 1 of 32.
const ROWS: usize = 4;

/// What this processor runs.
pub(super) fn available<const Q: usize>() -> impl Iterator<Item = Kernels<Q>> {
    let runs = std::arch::is_aarch64_feature_detected!("dotprod");
    runs.then_some(Kernels { name: "neon_dotprod", fine: fine_dotprod, coarse: coarse_dotprod }).into_iter()
}

/// Adds four products of signed bytes to each of four sums. The intrinsic for it is not stable yet.
#[target_feature(enable = "neon,dotprod")]
fn add_products(mut sum: int32x4_t, rows: int8x16_t, query: int8x16_t) -> int32x4_t {
    // SAFETY: one instruction on registers, which the enclosing function's features include.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {rows:v}.16b, {query:v}.16b",
            sum = inout(vreg) sum, rows = in(vreg) rows, query = in(vreg) query,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// The four codes of a query in a step, for each of four rows.
#[target_feature(enable = "neon")]
fn broadcast(query: [i8; STEP]) -> int8x16_t {
    vreinterpretq_s8_s32(vdupq_n_s32(word(query)))
}

/// Sixteen rows of a step.
#[target_feature(enable = "neon")]
fn load_sixteen(rows: &[u8; STEP_BYTES], part: usize) -> [uint8x16_t; ROWS] {
    let rows = rows[part * 64..][..64].as_chunks::<16>().0;
    // SAFETY: 16 bytes are there.
    std::array::from_fn(|four| unsafe { vld1q_u8(rows[four].as_ptr()) })
}

/// Stores the dot products of a pass.
#[target_feature(enable = "neon")]
fn store<const P: usize>(dots: &mut [[i32; GROUP]], part: usize, sums: &[[int32x4_t; ROWS]; P]) {
    for (dots, sums) in dots.iter_mut().zip(sums) {
        for (dots, sum) in dots[part * 16..].as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            // SAFETY: four i32 are there.
            unsafe { vst1q_s32(dots.as_mut_ptr(), *sum) };
        }
    }
}

fn fine_dotprod<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "neon,dotprod")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let flip = vdupq_n_u8(128);
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 16) {
            let mut sums = [[vdupq_n_s32(0); ROWS]; P];
            for (queries, rows) in tile.codes.iter().zip(plane.codes.as_chunks().0) {
                let queries: &[[i8; STEP]; P] = together(queries, first);
                // Without the offset, as signed bytes.
                let rows = load_sixteen(rows, part).map(|rows| vreinterpretq_s8_u8(veorq_u8(rows, flip)));
                for q in 0..P {
                    let query = broadcast(queries[q]);
                    for four in 0..ROWS {
                        sums[q][four] = add_products(sums[q][four], rows[four], query);
                    }
                }
            }
            store(&mut dots[first..], part, &sums);
        }
        masks(tile, plane, &dots, products)
    }
    // SAFETY: `available` hands this kernel out only where its instructions were detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}

fn coarse_dotprod<const Q: usize>(tile: &QueryTile<Q>, plane: Plane<'_>, products: &mut Products<Q>) -> [u32; Q] {
    #[target_feature(enable = "neon,dotprod")]
    fn compiled<const Q: usize, const P: usize>(
        tile: &QueryTile<Q>,
        plane: Plane<'_>,
        products: &mut Products<Q>,
    ) -> [u32; Q] {
        let nibble = vdupq_n_u8(15);
        let mut dots = [[0i32; GROUP]; Q];
        for (first, part) in passes::<Q, P>(GROUP / 16) {
            // So that dot products come out as if codes had no offset.
            let mut sums: [_; P] = std::array::from_fn(|q| [vdupq_n_s32(-COARSE_OFFSET * tile.sums[first + q]); ROWS]);
            for (queries, rows) in tile.codes.as_chunks::<2>().0.iter().zip(plane.codes.as_chunks().0) {
                let bytes = load_sixteen(rows, part);
                let lower = bytes.map(|bytes| vreinterpretq_s8_u8(vandq_u8(bytes, nibble)));
                let upper = bytes.map(|bytes| vreinterpretq_s8_u8(vshrq_n_u8::<4>(bytes)));
                for (queries, rows) in queries.iter().zip([lower, upper]) {
                    let queries: &[[i8; STEP]; P] = together(queries, first);
                    for q in 0..P {
                        let query = broadcast(queries[q]);
                        for four in 0..ROWS {
                            sums[q][four] = add_products(sums[q][four], rows[four], query);
                        }
                    }
                }
            }
            store(&mut dots[first..], part, &sums);
        }
        masks(tile, plane, &dots, products)
    }
    // SAFETY: `available` hands this kernel out only where its instructions were detected.
    unsafe { in_passes!(compiled(tile, plane, products)) }
}
