//! Where the codes of each slot are, so that they can be added and removed one at a time.
//!
//! The rows of a partition fill its groups without gaps: a row is added behind the last one, and what is removed is
//! replaced by the last one. So nothing piles up, however often rows come and go.

use std::collections::HashMap;

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
    group_of: HashMap<u32, u32>,
}

impl Placement {
    /// Reads it from the codes.
    ///
    /// # Errors
    /// When a group names a partition that does not exist.
    pub fn of(codes: Packed<'_>, partitions: usize) -> Result<Self, Error> {
        let mut placement = Self {
            dim: codes.dim(),
            of_partition: vec![Vec::new(); partitions],
            filled: Vec::with_capacity(codes.len()),
            free: Vec::new(),
            group_of: HashMap::new(),
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
                placement.group_of.insert(slot as u32, number as u32);
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
        self.group_of.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows a query visits by the size of partitions, over what it would with partitions of equal size: the
    /// mean of their squares over the square of their mean. 1 is the best.
    pub fn imbalance(&self) -> f64 {
        let size = |groups: &Vec<u32>| groups.iter().map(|&group| f64::from(self.filled[group as usize])).sum::<f64>();
        let sizes = self.of_partition.iter().map(size);
        let (rows, squares) = sizes.fold((0.0, 0.0), |(rows, squares), size| (rows + size, squares + size * size));
        if rows == 0.0 { 1.0 } else { squares * self.of_partition.len() as f64 / (rows * rows) }
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
        self.group_of.insert(slot as u32, group as u32);
        Ok(())
    }

    /// Removes the codes of a slot, leaving zeros or another row's codes in their place. `false` where there are none.
    ///
    /// # Errors
    /// Those of the groups.
    pub fn remove<G: Groups>(&mut self, groups: &mut G, slot: usize) -> Result<bool, G::Error> {
        let Some(&group) = self.group_of.get(&(slot as u32)) else { return Ok(false) };
        let mut bytes = groups.read(group as usize)?;
        let view = packed::view(&bytes, self.dim);
        let (Some(row), Some(partition)) = (view.row_of(slot), view.partition()) else { return Ok(false) };
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
                self.group_of.insert(moved as u32, group);
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
        self.group_of.remove(&(slot as u32));
        Ok(true)
    }
}
