//! Partitions: rows near the same centre, so that a search can visit some of them only.
//!
//! A row belongs to the partition whose centre is nearest, by Euclidean distance. A query visits partitions by how near
//! their rows may be, `q·c + λ·√(1 − ‖c‖²)`: the similarity to the centre, and more for rows that are scattered about it.
//! (Centres are means of unit vectors, so 1 − ‖c‖² is their mean squared distance from it.) It visits all that come
//! within some *slack* of the best, so that a query between many partitions visits more of them.

use std::ops::ControlFlow;

use crate::codes::packed::Packed;
use crate::codes::{self, CodedQuery, Codes, GROUP, Plane, QueryTile, TILE};
use crate::{Error, Rows, k_means, parallel};

/// λ: how much the scatter of a partition's rows counts.
const SCATTER: f32 = 0.2;

/// The centres of partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Partitions {
    dim: usize,
    /// Row-major.
    centres: Vec<f32>,
    /// Their codes, laid out like those of rows.
    codes: Vec<u8>,
    /// What is added to a centre's dot product when a row looks for its partition, and when a query does; groups of f32.
    nearest: Vec<u8>,
    reached: Vec<u8>,
}

impl Partitions {
    /// The number of partitions that suits so many rows: visiting them then takes about as long as choosing them.
    pub fn count_for(rows: usize) -> usize {
        ((4.0 * (rows as f64).sqrt()) as usize).next_multiple_of(GROUP)
    }

    /// Rows that [`Partitions::train`] does not look at, so that they tell how well unseen queries find
    /// their neighbours.
    pub fn held_out(rows: Rows<'_>) -> Vec<usize> {
        k_means::live(rows, |position| position % k_means::HELD_OUT == 0)
    }

    /// Finds `count` centres for the rows, by k-means on a sample of them. The same for any number of threads.
    pub fn train(rows: Rows<'_>, count: usize) -> Self {
        let trained = k_means::train(rows, count.max(1), &mut |_, _| ControlFlow::Continue(()));
        trained.expect("nobody ended it")
    }

    /// The same, telling `each_round` how many rounds of how many are done; `None` once it breaks off.
    pub fn train_in_rounds(
        rows: Rows<'_>,
        count: usize,
        each_round: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Option<Self> {
        k_means::train(rows, count.max(1), each_round)
    }

    /// Partitions with these centres, row-major, of length at most about 1.
    ///
    /// # Errors
    /// When there is no centre, or no whole number of them.
    pub fn new(centres: Vec<f32>, dim: usize) -> Result<Self, Error> {
        if dim == 0 || centres.is_empty() || !centres.len().is_multiple_of(dim) {
            return Err(Error::Ragged { values: centres.len(), dim });
        }
        let count = centres.len() / dim;
        let mut partitions = Self {
            codes: vec![0; Codes::bytes_for(count, dim)],
            // A row of no centre is never nearest.
            nearest: f32::NEG_INFINITY.to_le_bytes().repeat(count.next_multiple_of(GROUP)),
            reached: f32::NEG_INFINITY.to_le_bytes().repeat(count.next_multiple_of(GROUP)),
            dim,
            centres,
        };
        (0..count).for_each(|partition| partitions.code(partition));
        Ok(partitions)
    }

    fn code(&mut self, partition: usize) {
        let centre = &self.centres[partition * self.dim..][..self.dim];
        codes::encode(&mut self.codes[codes::group_range(partition, self.dim)], partition, centre);
        let square: f32 = centre.iter().map(|value| value * value).sum();
        let scatter = SCATTER * (1.0 - square).max(0.0).sqrt();
        self.nearest.as_chunks_mut().0[partition] = (-square / 2.0).to_le_bytes();
        self.reached.as_chunks_mut().0[partition] = scatter.to_le_bytes();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.centres.len() / self.dim
    }

    /// There is always at least one.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Dimension of the rows.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The centres, row-major.
    pub fn centres(&self) -> &[f32] {
        &self.centres
    }

    /// Moves a centre.
    ///
    /// # Panics
    /// When the partition does not exist or the dimension is another.
    pub fn set_centre(&mut self, partition: usize, centre: &[f32]) {
        self.centres[partition * self.dim..][..self.dim].copy_from_slice(centre);
        self.code(partition);
    }

    /// The partition of each of these vectors; 0 for vectors that are not about of unit length.
    pub fn of(&self, vectors: &[f32]) -> Vec<u32> {
        let count = vectors.len() / self.dim;
        let parts = parallel::map_ranges(0..count, |range| {
            let vectors = vectors[range.start * self.dim..range.end * self.dim].chunks_exact(self.dim);
            let coded: Vec<_> = vectors.map(|vector| CodedQuery::new(vector, codes::PROVED)).collect();
            self.of_coded(&coded)
        });
        parts.concat()
    }

    /// The partition of each of these, one thread.
    pub(crate) fn of_coded(&self, vectors: &[Option<CodedQuery>]) -> Vec<u32> {
        let mut of = vec![0; vectors.len()];
        let places: Vec<usize> = (0..vectors.len()).filter(|&at| vectors[at].is_some()).collect();
        for places in places.chunks(TILE) {
            let coded: Vec<&CodedQuery> = places.iter().filter_map(|&at| vectors[at].as_ref()).collect();
            match coded.len() {
                1 => places.iter().zip(self.nearest::<1>(&coded)).for_each(|(&at, nearest)| of[at] = nearest),
                _ => places.iter().zip(self.nearest::<TILE>(&coded)).for_each(|(&at, nearest)| of[at] = nearest),
            }
        }
        of
    }

    fn nearest<const Q: usize>(&self, vectors: &[&CodedQuery]) -> [u32; Q] {
        let kernel = codes::fine::<Q>();
        let mut tile = QueryTile::<Q>::new(vectors.iter().copied(), self.dim);
        let mut products = [[0.0; GROUP]; Q];
        let mut best = [0; Q];
        for group in 0..self.groups() {
            let plane = self.plane(group, &self.nearest);
            let reached = kernel(&tile, plane, &mut products);
            for (q, mut rows) in reached.into_iter().enumerate() {
                while rows != 0 {
                    let row = rows.trailing_zeros() as usize;
                    rows &= rows - 1;
                    let score = products[q][row] + tile.weights[q] * plane.error(row);
                    // Of equally near ones the first.
                    if score > tile.thresholds[q] {
                        tile.thresholds[q] = score;
                        best[q] = (group * GROUP + row) as u32;
                    }
                }
            }
        }
        best
    }

    /// For each query the partitions within `slack` of the best, by how near their rows may be, nearest first.
    pub(crate) fn reached<const Q: usize>(&self, queries: &[&CodedQuery], slack: f32) -> [Vec<u32>; Q] {
        let kernel = codes::fine::<Q>();
        let mut tile = QueryTile::<Q>::new(queries.iter().copied(), self.dim);
        let mut products = [[0.0; GROUP]; Q];
        let mut near: [Vec<(u32, f32)>; Q] = std::array::from_fn(|_| Vec::new());
        let slacks: Vec<f32> = queries.iter().map(|query| query.in_units(slack)).collect();
        for group in 0..self.groups() {
            let plane = self.plane(group, &self.reached);
            let reached = kernel(&tile, plane, &mut products);
            for (q, slack) in slacks.iter().enumerate() {
                let mut rows = reached[q];
                while rows != 0 {
                    let row = rows.trailing_zeros() as usize;
                    rows &= rows - 1;
                    let score = products[q][row] + tile.weights[q] * plane.error(row);
                    if score >= tile.thresholds[q] && score > f32::NEG_INFINITY {
                        near[q].push(((group * GROUP + row) as u32, score));
                        tile.thresholds[q] = tile.thresholds[q].max(score - slack);
                    }
                }
            }
        }
        let mut near = near.into_iter().zip(tile.thresholds);
        std::array::from_fn(|_| {
            let (mut near, threshold) = near.next().unwrap_or_default();
            near.retain(|(_, score)| *score >= threshold);
            near.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            near.into_iter().map(|(partition, _)| partition).collect()
        })
    }

    fn groups(&self) -> usize {
        self.len().div_ceil(GROUP)
    }

    fn plane<'a>(&'a self, group: usize, added: &'a [u8]) -> Plane<'a> {
        let codes = Codes::new(&self.codes, self.dim).expect("made for whole groups");
        let floats = GROUP * size_of::<f32>();
        Plane { errors: &added[group * floats..][..floats], ..codes.fine(group) }
    }
}

/// Which groups of codes belong to which partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    groups: Vec<u32>,
    starts: Vec<u32>,
}

impl Directory {
    /// Reads it from the codes.
    ///
    /// # Errors
    /// When a group names a partition that does not exist.
    pub fn of(codes: Packed<'_>, partitions: usize) -> Result<Self, Error> {
        let mut starts = vec![0u32; partitions + 2];
        let owner = |group: usize| codes.group(group).partition();
        for partition in (0..codes.len()).filter_map(owner) {
            *starts.get_mut(partition + 2).ok_or(Error::Partition { partition, partitions })? += 1;
        }
        (2..starts.len()).for_each(|next| starts[next] += starts[next - 1]);
        let mut groups = vec![0; starts.last().map_or(0, |&end| end as usize)];
        for group in 0..codes.len() {
            if let Some(partition) = owner(group) {
                let next = &mut starts[partition + 1];
                groups[*next as usize] = group as u32;
                *next += 1;
            }
        }
        starts.pop();
        Ok(Self { groups, starts })
    }

    /// How many rows a query visits because partitions differ in size, over what it would were all of one size: the mean
    /// of the squares over the square of the mean. 1 is the best.
    pub fn imbalance(&self, codes: Packed<'_>) -> f64 {
        let partitions = self.starts.len() - 1;
        let sizes = (0..partitions).map(|partition| self.rows(codes, partition) as f64);
        let (all, squares) = sizes.fold((0.0, 0.0), |(all, squares), size| (all + size, squares + size * size));
        if all == 0.0 { 1.0 } else { squares * partitions as f64 / (all * all) }
    }

    /// How many rows a partition has.
    pub fn rows(&self, codes: Packed<'_>, partition: usize) -> usize {
        self.groups(partition).iter().map(|&group| codes.group(group as usize).len()).sum()
    }

    /// The groups of a partition, in order.
    pub fn groups(&self, partition: usize) -> &[u32] {
        &self.groups[self.starts[partition] as usize..self.starts[partition + 1] as usize]
    }
}
