//! `cargo bench -p vismem-search`: the kernels beside what the machine can do at most.
//!
//! The batch loop over 8-bit codes is bound by multiply-adds, the loop for one query over 4-bit codes by reading memory.
//! So the ceilings are how many 8-bit multiply-adds the registers do when nothing has to be loaded, and how fast memory
//! can be read and added up. Everything runs on all cores; each figure is the best of some rounds.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::time::Instant;

use vismem_search::{Codes, Exact, Filter, Queries, Rows, codes};

const DIM: usize = 384;
/// Rows for a batch, enough that what each query costs by itself does not count, and rows whose codes fit into no cache.
const FEW: usize = 1 << 17;
const MANY: usize = 1 << 20;
const QUERIES: usize = 12 * 128;
const ROUNDS: usize = 5;

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let multiply_adds = ceiling::multiply_adds(cores);
    let read = best(|| read_everything(cores));
    println!("{cores} cores, {DIM} dimensions");
    match multiply_adds {
        Some(ceiling) => println!("ceiling: {:.0} G multiply-adds/s in 8 bits", ceiling / 1e9),
        None => println!("ceiling of multiply-adds: unknown without AVX-512 VNNI"),
    }
    println!("ceiling: {:.1} GB/s read from memory", read / 1e9);

    let share = |value: f64, ceiling: f64| 100.0 * value / ceiling;
    let (rows, queries) = (vectors(FEW, 1), vectors(QUERIES, 2));
    let done = search(&rows, &queries, FEW) * (FEW * QUERIES * DIM) as f64;
    let of_ceiling =
        multiply_adds.map_or(String::new(), |ceiling| format!(", {:.0} % of the ceiling", share(done, ceiling)));
    println!("8-bit codes, batch: {:.0} G multiply-adds/s{of_ceiling}", done / 1e9);

    let (rows, query) = (vectors(MANY, 3), vectors(1, 4));
    let bytes = MANY * (DIM / 2 + 8);
    let done = search(&rows, &query, MANY) * bytes as f64;
    println!("4-bit codes, one query, from memory: {:.1} GB/s, {:.0} % of the ceiling", done / 1e9, share(done, read));
}

/// Searches a second, of all queries together.
fn search(rows: &[f32], queries: &[f32], count: usize) -> f64 {
    let ids: Vec<u64> = (0..count as u64).collect();
    let mut bytes = vec![0; Codes::bytes_for(count, DIM)];
    for (row, vector) in rows.chunks_exact(DIM).enumerate() {
        codes::encode(&mut bytes[codes::group_range(row, DIM)], row, vector);
    }
    let rows = Rows::new(rows, &ids, DIM).expect("whole rows");
    let index = Exact::new(rows).with_codes(Codes::new(&bytes, DIM).expect("whole groups")).expect("their codes");
    let queries = Queries::new(queries, DIM).expect("whole queries");
    best(|| {
        let started = Instant::now();
        black_box(index.search(queries, 1, Filter::default()).expect("a search that makes sense"));
        1.0 / started.elapsed().as_secs_f64()
    })
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| measure()).fold(0.0, f64::max)
}

/// Unit vectors.
fn vectors(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut values: Vec<f32> = (0..count * DIM).map(|_| next()).collect();
    for vector in values.chunks_exact_mut(DIM) {
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    values
}

/// Bytes a second.
fn read_everything(cores: usize) -> f64 {
    let words = vec![1u64; 1 << 26];
    let started = Instant::now();
    std::thread::scope(|scope| {
        for part in words.chunks(words.len().div_ceil(cores)) {
            scope.spawn(move || black_box(part.iter().fold(0u64, |sum, word| sum.wrapping_add(*word))));
        }
    });
    size_of_val(&words[..]) as f64 / started.elapsed().as_secs_f64()
}

mod ceiling {
    /// Multiply-adds a second that all cores do in registers; `None` where the instruction for them is not there.
    pub fn multiply_adds(cores: usize) -> Option<f64> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            return Some(super::best(|| {
                let started = std::time::Instant::now();
                std::thread::scope(|scope| {
                    for _ in 0..cores {
                        // SAFETY: its instructions were detected.
                        scope.spawn(|| std::hint::black_box(unsafe { in_registers() }));
                    }
                });
                (cores * STEPS * SUMS * 64) as f64 / started.elapsed().as_secs_f64()
            }));
        }
        let _ = cores;
        None
    }

    #[cfg(target_arch = "x86_64")]
    const STEPS: usize = 20_000_000;
    /// As many sums as the batch loop has, so that none waits for itself.
    #[cfg(target_arch = "x86_64")]
    const SUMS: usize = 24;

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn in_registers() -> i32 {
        use std::arch::x86_64::*;
        let mut sums = [_mm512_setzero_si512(); SUMS];
        let (a, b) = (std::hint::black_box(_mm512_set1_epi8(3)), std::hint::black_box(_mm512_set1_epi8(2)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        sums.into_iter().fold(0i32, |all, sum| all.wrapping_add(_mm512_reduce_add_epi32(sum)))
    }
}
