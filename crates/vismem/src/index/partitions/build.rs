//! Finding partitions for a memory and writing the file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use memmap2::Mmap;
use vismem_search::codes::{GROUP, packed, packed::Packed};
use vismem_search::{Directory, Filter, Partitioned, Partitions, Queries};

use super::sums::Sums;
use super::{DEPTHS, HEAD, Head, Measured, RECALLS, checksum_of, partitions_of};
use crate::index::codes::in_parallel;
use crate::platform::{self, FileExt};
use crate::{Memory, Result};

/// Exemplars that tell which effort has a recall.
const SAMPLE: usize = 256;
/// Groups that are coded in memory before they are written: a few megabytes.
const TOGETHER: usize = 512;

pub(super) fn write_all(memory: &Memory, path: &Path) -> io::Result<()> {
    let dim = memory.encoder().dim;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let exact = memory.exact().map_err(io::Error::other)?;
    let partitions = Partitions::train(exact.rows(), Partitions::count_for(memory.len()), threads);
    let mut members = vec![Vec::new(); partitions.len()];
    for (slot, partition) in partitions.of(memory.vectors(), threads).into_iter().enumerate() {
        if !memory.is_free(slot) {
            members[partition as usize].push(slot);
        }
    }
    // A centre is the mean of just those that are in its partition, so that nothing stays in it of those that leave.
    let vectors = memory.vectors();
    let mut sums = Sums::new(members.len(), dim);
    for (partition, members) in members.iter().enumerate() {
        members.iter().for_each(|slot| sums.add(partition, &vectors[slot * dim..][..dim]));
    }
    let partitions = partitions_of(&sums, members.iter().map(Vec::len), dim)
        .ok_or_else(|| io::Error::other("there are no partitions"))?;
    let mut head = Head {
        partitions: partitions.len(),
        trained: memory.len() as u64,
        forgotten: 0,
        imbalance: 1.0,
        efforts: Default::default(),
    };
    let groups: Vec<(usize, &[usize])> = members
        .iter()
        .enumerate()
        .flat_map(|(partition, members)| members.chunks(GROUP).map(move |slots| (partition, slots)))
        .collect();
    let file = platform::create_regular(path)?;
    let mut out = BufWriter::new(&file);
    out.write_all(&[0; HEAD])?;
    out.write_all(sums.bytes())?;
    out.write_all(&vec![0; head.groups_at(dim) - head.sums(dim).end])?;
    let groups = &groups;
    for some in (0..groups.len()).step_by(TOGETHER) {
        let parts = in_parallel(some..(some + TOGETHER).min(groups.len()), |range| {
            let coded = groups[range].iter().map(|(partition, slots)| {
                let mut group = packed::empty(*partition, dim);
                for (row, &slot) in slots.iter().enumerate() {
                    packed::encode(&mut group, row, slot, &vectors[slot * dim..][..dim]);
                }
                group
            });
            coded.collect::<Vec<_>>().concat()
        });
        parts.iter().try_for_each(|part| out.write_all(part))?;
    }
    out.flush()?;
    drop(out);

    // SAFETY: nobody else knows the file yet.
    let map = unsafe { Mmap::map(&file) }?;
    let codes = Packed::new(&map[head.groups_at(dim)..], dim).map_err(io::Error::other)?;
    let directory = Directory::of(codes, partitions.len()).map_err(io::Error::other)?;
    head.imbalance = directory.imbalance(codes);
    let index = Partitioned::new(exact, codes, &partitions, &directory).map_err(io::Error::other)?;
    head.efforts = efforts(memory, index, &Partitions::held_out(exact.rows())).map_err(io::Error::other)?;
    file.write_all_at(&head.to_bytes(), 64)?;
    file.write_all_at(&checksum_of(&map, &head, dim).to_bytes(), 32)?;
    file.write_all_at(memory.digest().as_bytes(), 0)
}

/// What recalls take, measured on exemplars that training did not see, each without itself.
fn efforts(
    memory: &Memory,
    index: Partitioned<'_>,
    held_out: &[usize],
) -> Result<[[Option<Measured>; RECALLS.len()]; DEPTHS.len()]> {
    let count = SAMPLE.min(held_out.len());
    let sample: Vec<usize> = (0..count).map(|i| held_out[i * held_out.len() / count]).collect();
    let values: Vec<f32> = sample.iter().flat_map(|&slot| memory.vector(slot)).copied().collect();
    let own: Vec<u64> = sample.iter().map(|&slot| memory.slots.ids[slot]).collect();
    let (queries, filter) =
        (Queries::new(&values, memory.encoder().dim)?, Filter { allowed: None, except: Some(&own) });
    let truth = index.search_all(queries, DEPTHS[DEPTHS.len() - 1], filter)?;
    let mut efforts = [[None; RECALLS.len()]; DEPTHS.len()];
    for (efforts, depth) in efforts.iter_mut().zip(DEPTHS) {
        let truth: Vec<_> = truth.iter().map(|found| found[..depth.min(found.len())].to_vec()).collect();
        for (measured, recall) in efforts.iter_mut().zip(RECALLS) {
            let found = index.effort_for(recall, queries, filter, &truth)?;
            *measured = found.map(|(effort, recall)| Measured { effort, recall });
        }
    }
    Ok(efforts)
}
