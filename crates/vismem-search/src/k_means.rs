//! Finding the centres of partitions: Lloyd's algorithm on a sample of the rows.
//!
//! Rows and centres are compared by their 8-bit codes, which is enough to tell which centre is nearest and many times as
//! fast. The result does not depend on the number of threads: a mean is summed by one thread, in the order of the rows.

use std::ops::ControlFlow;

use crate::codes::{self, CodedQuery};
use crate::{FREE, Partitions, Rows, parallel};

/// Rows of the sample for each centre.
const SAMPLE: usize = 64;
const ROUNDS: usize = 8;
/// A centre with so few rows of the sample stands for an oddity, and does better elsewhere.
const TOO_FEW: usize = SAMPLE / 8;
/// One row of so many is not looked at.
pub(crate) const HELD_OUT: usize = 16;

/// Rows that hold something, by their position among these.
pub(crate) fn live(rows: Rows<'_>, keep: impl Fn(usize) -> bool) -> Vec<usize> {
    let live = (0..rows.len()).filter(|&slot| rows.id(slot) != FREE);
    live.enumerate().filter(|(position, _)| keep(*position)).map(|(_, slot)| slot).collect()
}

/// `None` once `each_round`, which hears how many rounds of how many are done, breaks off.
pub(crate) fn train(
    rows: Rows<'_>,
    count: usize,
    each_round: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Option<Partitions> {
    let live = live(rows, |position| position % HELD_OUT != 0);
    // Evenly spread, since rows usually come class by class.
    let size = live.len().min(count * SAMPLE);
    let sample: Vec<usize> = (0..size).map(|i| live[i * live.len() / size]).collect();
    let coded: Vec<_> = parallel::map_ranges(0..size, |range| {
        sample[range].iter().map(|&slot| CodedQuery::new(rows.row(slot), codes::PROVED)).collect::<Vec<_>>()
    });
    let coded = coded.concat();

    let count = count.min(size).max(1);
    let first = (0..count).flat_map(|i| match size {
        0 => vec![0.0; rows.dim()],
        _ => rows.row(sample[i * size / count]).to_vec(),
    });
    let mut partitions = Partitions::new(first.collect(), rows.dim()).expect("at least one whole centre");
    for round in 0..ROUNDS {
        let of = parallel::map_ranges(0..size, |range| partitions.of_coded(&coded[range])).concat();
        partitions = means(rows, &sample, &of, &partitions);
        if each_round(round + 1, ROUNDS).is_break() {
            return None;
        }
    }
    Some(partitions)
}

/// The means of each partition's rows. One with too few leaves them to others and takes half of the largest.
fn means(rows: Rows<'_>, sample: &[usize], of: &[u32], partitions: &Partitions) -> Partitions {
    let dim = rows.dim();
    let mut members = vec![Vec::new(); partitions.len()];
    for (&slot, &partition) in sample.iter().zip(of) {
        members[partition as usize].push(slot);
    }
    let mut by_size: Vec<usize> = (0..members.len()).collect();
    by_size.sort_by_key(|&partition| (members[partition].len(), partition));
    // In a sample that is too small for all, only where there is nothing at all.
    let too_few = TOO_FEW.min(sample.len() / members.len() / 8).max(1);
    let small = by_size.iter().take_while(|&&partition| members[partition].len() < too_few).count();
    for i in 0..small.min(by_size.len() / 2) {
        let large = by_size[by_size.len() - 1 - i];
        let half = members[large].len() / 2;
        members[by_size[i]] = members[large].split_off(half);
    }
    let parts = parallel::map_ranges(0..members.len(), |range| {
        let mut centres = vec![0.0; range.len() * dim];
        for (centre, members) in centres.chunks_exact_mut(dim).zip(&members[range]) {
            mean(rows, members, centre);
        }
        centres
    });
    Partitions::new(parts.concat(), dim).expect("as many whole centres as before")
}

fn mean(rows: Rows<'_>, members: &[usize], centre: &mut [f32]) {
    for &slot in members {
        centre.iter_mut().zip(rows.row(slot)).for_each(|(sum, value)| *sum += value);
    }
    let count = members.len().max(1) as f32;
    centre.iter_mut().for_each(|sum| *sum /= count);
}
