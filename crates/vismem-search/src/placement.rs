//! Where the codes of each slot are, so that they can be added and removed one at a time.
//!
//! The rows of a partition fill its groups without gaps: a row is added behind the last one, and what is removed is
//! replaced by the last one. So nothing piles up, however often rows come and go.

use crate::Error;
use crate::codes::GROUP;
use crate::codes::packed::{self, Packed};

/// Groups of packed codes that can be changed, in memory or in a file.
pub trait Groups {
    /// What can go wrong.
    type Error;

    /// The bytes of a group.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&mut self, group: usize) -> Result<Vec<u8>, Self::Error>;

    /// Puts bytes in the place of a group's; a group behind the last one is new.
    ///
    /// # Errors
    /// When they cannot be written.
    fn write(&mut self, group: usize, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Codes in memory, of some dimension.
impl Groups for (Vec<u8>, usize) {
    type Error = std::convert::Infallible;

    fn read(&mut self, group: usize) -> Result<Vec<u8>, Self::Error> {
        Ok(self.0[packed::group_range(group, self.1)].to_vec())
    }

    fn write(&mut self, group: usize, bytes: &[u8]) -> Result<(), Self::Error> {
        let range = packed::group_range(group, self.1);
        self.0.resize(self.0.len().max(range.end), 0);
        self.0[range].copy_from_slice(bytes);
        Ok(())
    }
}

/// Which groups a partition has, and in which group the codes of a slot are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    dim: usize,
    /// The groups of each partition. All but the last are full.
    of_partition: Vec<Vec<u32>>,
    /// How many rows each group has.
    filled: Vec<u8>,
    /// Groups of no partition.
    free: Vec<u32>,
    /// The group of each slot, or [`NOWHERE`].
    group_of: Vec<u32>,
    rows: usize,
}

const NOWHERE: u32 = u32::MAX;

impl Placement {
    /// Reads it from the codes of rows in the first `slots` slots.
    ///
    /// # Errors
    /// When a group names a partition or a slot that does not exist.
    pub fn of(codes: Packed<'_>, partitions: usize, slots: usize) -> Result<Self, Error> {
        let mut placement = Self {
            dim: codes.dim(),
            of_partition: vec![Vec::new(); partitions],
            filled: Vec::with_capacity(codes.len()),
            free: Vec::new(),
            group_of: Vec::new(),
            rows: 0,
        };
        for number in 0..codes.len() {
            let group = codes.group(number);
            match group.partition() {
                None => placement.free.push(number as u32),
                Some(partition) => placement
                    .of_partition
                    .get_mut(partition)
                    .ok_or(Error::Partition { partition, partitions })?
                    .push(number as u32),
            }
            placement.filled.push(group.len() as u8);
            for slot in (0..GROUP).filter_map(|row| group.slot(row)) {
                if slot >= slots {
                    return Err(Error::Slot { slot, slots });
                }
                placement.put(slot, number);
            }
        }
        // The one with room comes last, wherever it stands.
        for groups in &mut placement.of_partition {
            groups.sort_by_key(|&group| (usize::from(placement.filled[group as usize]) < GROUP, group));
        }
        Ok(placement)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows a partition has.
    pub fn rows(&self, partition: usize) -> usize {
        let Some((last, full)) = self.of_partition[partition].split_last() else { return 0 };
        full.len() * GROUP + usize::from(self.filled[*last as usize])
    }

    /// Adds the codes of the vector in a slot to a partition.
    ///
    /// # Errors
    /// Those of the groups, which are as they were then, but for the one that could not be written.
    pub fn add<G: Groups>(
        &mut self,
        groups: &mut G,
        partition: usize,
        slot: usize,
        vector: &[f32],
    ) -> Result<(), G::Error> {
        let last = self.of_partition[partition].last().copied();
        let (group, mut bytes) = match last.filter(|&last| usize::from(self.filled[last as usize]) < GROUP) {
            Some(last) => (last as usize, groups.read(last as usize)?),
            None => {
                (self.free.last().map_or(self.filled.len(), |&free| free as usize), packed::empty(partition, self.dim))
            }
        };
        let row = if Some(group as u32) == last { usize::from(self.filled[group]) } else { 0 };
        packed::encode(&mut bytes, row, slot, vector);
        groups.write(group, &bytes)?;
        if Some(group as u32) != last {
            self.of_partition[partition].push(group as u32);
            if self.free.pop().is_none() {
                self.filled.push(0);
            }
        }
        self.filled[group] = row as u8 + 1;
        self.put(slot, group);
        Ok(())
    }

    /// Removes the codes of a slot, leaving zeros or another row's codes in their place. Returns the partition that had
    /// them; `None` where there are none.
    ///
    /// # Errors
    /// Those of the groups.
    pub fn remove<G: Groups>(&mut self, groups: &mut G, slot: usize) -> Result<Option<usize>, G::Error> {
        let Some(group) = self.group_of(slot) else { return Ok(None) };
        let mut bytes = groups.read(group as usize)?;
        let view = packed::view(&bytes, self.dim);
        let (Some(row), Some(partition)) = (view.row_of(slot), view.partition()) else { return Ok(None) };
        let last = *self.of_partition[partition].last().unwrap_or(&group);
        let end = usize::from(self.filled[last as usize]) - 1;
        if last == group {
            if row != end {
                let from = bytes.clone();
                packed::copy(&from, end, &mut bytes, row, self.dim);
            }
            packed::erase(&mut bytes, end, self.dim);
        } else {
            let mut others = groups.read(last as usize)?;
            if let Some(moved) = packed::view(&others, self.dim).slot(end) {
                self.group_of[moved] = group;
            }
            packed::copy(&others, end, &mut bytes, row, self.dim);
            packed::erase(&mut others, end, self.dim);
            if end == 0 {
                others.fill(0);
            }
            groups.write(last as usize, &others)?;
        }
        if end == 0 {
            self.of_partition[partition].pop();
            self.free.push(last);
            if last == group {
                bytes.fill(0);
            }
        }
        groups.write(group as usize, &bytes)?;
        self.filled[last as usize] = end as u8;
        self.group_of[slot] = NOWHERE;
        self.rows -= 1;
        Ok(Some(partition))
    }

    fn group_of(&self, slot: usize) -> Option<u32> {
        self.group_of.get(slot).copied().filter(|&group| group != NOWHERE)
    }

    fn put(&mut self, slot: usize, group: usize) {
        if slot >= self.group_of.len() {
            self.group_of.resize(slot + 1, NOWHERE);
        }
        self.group_of[slot] = group as u32;
        self.rows += 1;
    }
}
