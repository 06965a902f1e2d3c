//! Finding partitions for a memory and writing the file.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use vismem_search::codes::{GROUP, packed, packed::Packed};
use vismem_search::{Directory, Filter, Partitioned, Partitions, Queries, parallel};

use super::sums::Sums;
use super::{DEPTHS, GROUPS, Head, Measured, RECALLS, SUMS, partitions_of};
use crate::error::{IoContext, Result};
use crate::index::grouped::GroupedFile;
use crate::{Cancelled, Memory, Progress, QueryError};

/// Exemplars that tell which search parameters have a recall.
const SAMPLE: usize = 256;
/// Groups that are coded in memory before they are written: a few megabytes.
const TOGETHER: usize = 512;

/// Exemplars that are given their partitions between two looks at the progress.
const ASSIGNED_TOGETHER: usize = 1 << 14;

/// Finds partitions for a memory and writes them into a new file.
pub(crate) fn write(memory: &Memory, path: &Path, file: File, progress: &mut dyn Progress) -> Result<(), QueryError> {
    let dim = memory.encoder().dim;
    let exact = memory.exact()?;
    let mut cancelled = Ok(());
    let mut each_round = |round, of| {
        cancelled = progress.advance("rounds of k-means", round, of);
        if cancelled.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let partitions = Partitions::train_in_rounds(exact.rows(), Partitions::count_for(memory.len()), &mut each_round);
    cancelled?;
    let partitions = partitions.ok_or(Cancelled)?;
    let mut members = vec![Vec::new(); partitions.len()];
    let (vectors, slots) = (memory.vectors(), memory.slots.ids.len());
    for (part, vectors) in vectors.chunks(ASSIGNED_TOGETHER * dim).enumerate() {
        let first = part * ASSIGNED_TOGETHER;
        for (slot, partition) in (first..).zip(partitions.of(vectors)) {
            if !memory.is_free(slot) {
                members[partition as usize].push(slot);
            }
        }
        progress.advance("exemplars given to partitions", (first + ASSIGNED_TOGETHER).min(slots), slots)?;
    }
    // A centre is the mean of just those that are in its partition, so that nothing stays in it of those that leave.
    let mut sums = Sums::new(members.len(), dim);
    for (partition, members) in members.iter().enumerate() {
        members.iter().for_each(|slot| sums.add(partition, &vectors[slot * dim..][..dim]));
    }
    let partitions = partitions_of(&sums, members.iter().map(Vec::len), dim).expect("there is at least one");
    let mut head = Head {
        partitions: partitions.len(),
        trained: memory.len() as u64,
        forgotten: 0,
        imbalance: 1.0,
        params: Default::default(),
    };
    let groups: Vec<(usize, &[usize])> = members
        .iter()
        .enumerate()
        .flat_map(|(partition, members)| members.chunks(GROUP).map(move |slots| (partition, slots)))
        .collect();
    let mut sections = head.empty(dim).expect("partitions that fit in memory").to_vec();
    sections[SUMS].count = 0;
    let mut file = GroupedFile::create(file, head.to_bytes().to_vec(), sections).at(path, "write")?;
    file.append(SUMS, sums.bytes()).at(path, "write")?;
    for first in (0..groups.len()).step_by(TOGETHER) {
        let end = (first + TOGETHER).min(groups.len());
        let parts = parallel::map_ranges(first..end, |range| {
            let coded = groups[range].iter().map(|(partition, slots)| {
                let mut group = packed::empty(*partition, dim);
                for (row, &slot) in slots.iter().enumerate() {
                    packed::encode(&mut group, row, slot, &vectors[slot * dim..][..dim]);
                }
                group
            });
            coded.collect::<Vec<_>>().concat()
        });
        file.append(GROUPS, &parts.concat()).at(path, "write")?;
        progress.advance("groups of codes", end, groups.len())?;
    }

    let map = file.map(GROUPS).at(path, "map")?;
    let codes = Packed::new(&map, dim)?;
    let directory = Directory::of(codes, partitions.len())?;
    head.imbalance = directory.imbalance(codes);
    let index = Partitioned::new(exact, codes, &partitions, &directory)?;
    head.params = params(memory, index, &Partitions::held_out(exact.rows()), progress)?;
    drop(map);
    file.set_head(head.to_bytes().to_vec());
    Ok(file.finish(&memory.digest()).at(path, "write")?)
}

/// What recalls take, measured on exemplars that training did not see, each without itself.
fn params(
    memory: &Memory,
    index: Partitioned<'_>,
    held_out: &[usize],
    progress: &mut dyn Progress,
) -> Result<[[Option<Measured>; RECALLS.len()]; DEPTHS.len()], QueryError> {
    let count = SAMPLE.min(held_out.len());
    let sample: Vec<usize> = (0..count).map(|i| held_out[i * held_out.len() / count]).collect();
    let values: Vec<f32> = sample.iter().flat_map(|&slot| memory.vector(slot)).copied().collect();
    let own: Vec<u64> = sample.iter().map(|&slot| memory.slots.ids[slot]).collect();
    let (queries, filter) =
        (Queries::new(&values, memory.encoder().dim)?, Filter { allowed: None, except: Some(&own) });
    let truth = index.search_all(queries, DEPTHS[DEPTHS.len() - 1], filter)?;
    let mut params = [[None; RECALLS.len()]; DEPTHS.len()];
    for (place, (params, depth)) in params.iter_mut().zip(DEPTHS).enumerate() {
        let truth: Vec<_> = truth.iter().map(|found| found[..depth.min(found.len())].to_vec()).collect();
        let found = index.params_for(&RECALLS, queries, filter, &truth)?;
        for (measured, found) in params.iter_mut().zip(found) {
            *measured = found.map(|(params, recall)| Measured { params, recall });
        }
        progress.advance("recalls measured", place + 1, DEPTHS.len())?;
    }
    Ok(params)
}
