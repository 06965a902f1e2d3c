//! Partitioned search: exact among the rows that it visits, which are those of the partitions near the query.

use crate::coded::{Visitors, merged, with_codes};
use crate::codes::packed::Packed;
use crate::codes::{self, CodedQuery, GROUP, TILE};
use crate::exact::Task;
use crate::query_state::QueryState;
use crate::{Directory, Error, Exact, Filter, Neighbor, Partitions, Queries, SearchParams, parallel};

/// How many standard deviations of what 4-bit codes round away a bound allows for, on each side. See [`likely`].
const DEVIATIONS: f64 = 2.0;
/// Values to visit below which a second thread costs more than it brings to a query.
const WORK_PER_THREAD: usize = if cfg!(test) { 1 } else { 1 << 21 };
/// Queries that share one pass over the partitions.
const TOGETHER: usize = 4096;

/// What rounding takes from a dot product is as good as random: `‖e‖` times a number of standard deviation `1/√D`,
/// where the proved bound reckons with all of `‖e‖`.
fn likely(dim: usize) -> f64 {
    (DEVIATIONS / (dim as f64).sqrt()).min(codes::PROVED)
}

/// Approximate search. What it may miss are neighbours in partitions that it does not visit, and, hardly ever, one that
/// its 4-bit code misplaces by several standard deviations.
#[derive(Debug, Clone, Copy)]
pub struct Partitioned<'a> {
    exact: Exact<'a>,
    codes: Packed<'a>,
    partitions: &'a Partitions,
    directory: &'a Directory,
    /// How much of the worst that rounding may do is reckoned with.
    part: f64,
}

impl<'a> Partitioned<'a> {
    /// Searches the rows of `exact`. `codes` are those of these rows, by partition.
    ///
    /// # Errors
    /// When rows, codes and partitions differ in dimension.
    pub fn new(
        exact: Exact<'a>,
        codes: Packed<'a>,
        partitions: &'a Partitions,
        directory: &'a Directory,
    ) -> Result<Self, Error> {
        let dim = exact.rows().dim();
        match [codes.dim(), partitions.dim()].into_iter().find(|&other| other != dim) {
            Some(other) => Err(Error::OtherPartitions { partitions: other, rows: dim }),
            None => Ok(Self { exact, codes, partitions, directory, part: likely(dim) }),
        }
    }

    /// For each query its `k` nearest rows in the partitions that it visits, as [`Exact::search`] gives them. A query for
    /// which these hold fewer than `k` rows is answered exactly.
    ///
    /// # Errors
    /// As for [`Exact::search`].
    pub fn search(
        &self,
        queries: Queries<'_>,
        k: usize,
        filter: Filter<'_>,
        params: SearchParams,
    ) -> Result<Vec<Vec<Neighbor>>, Error> {
        let (task, asked) = self.exact.task(queries, k, filter)?;
        let visits = Visits { index: self, task: &task, params };
        let mut found = Vec::with_capacity(asked.len());
        for asked in asked.chunks(TOGETHER) {
            found.extend(with_codes(&task, asked, self.part, |states| visits.run(states)));
        }
        // Where a filter leaves little in the partitions visited.
        for (asked, found) in asked.iter().zip(&mut found).filter(|(_, found)| found.len() < k) {
            let except = asked.except.map(|id| [id]);
            let filter = Filter { except: except.as_ref().map(|ids| &ids[..]), ..filter };
            *found = self.exact.search(Queries::new(asked.vector, queries.dim())?, k, filter)?.concat();
        }
        Ok(found)
    }

    /// The answer of [`Exact::search`], found by these codes: all partitions are visited, and nothing is left to chance.
    ///
    /// # Errors
    /// As for [`Exact::search`].
    pub fn search_all(&self, queries: Queries<'_>, k: usize, filter: Filter<'_>) -> Result<Vec<Vec<Neighbor>>, Error> {
        Self { part: codes::PROVED, ..*self }.search(queries, k, filter, SearchParams::ALL)
    }

    pub(crate) fn partitions(&self) -> &Partitions {
        self.partitions
    }

    pub(crate) fn rows_of_partitions(&self) -> Vec<usize> {
        (0..self.partitions.len()).map(|partition| self.directory.rows(self.codes, partition)).collect()
    }
}

/// A partition and a query that visits it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    partition: u32,
    visitor: u32,
}

/// What queries visit.
struct Visits<'a> {
    index: &'a Partitioned<'a>,
    task: &'a Task<'a>,
    params: SearchParams,
}

impl<'a> Visits<'a> {
    fn run<'q>(&self, states: Vec<QueryState<'q>>) -> Vec<QueryState<'q>> {
        if states.len() > self.task.threads {
            return self.run_together(states);
        }
        states.into_iter().map(|state| self.run_alone(state)).collect()
    }

    /// The partitions that each of the queries visits, nearest first.
    fn near<const Q: usize>(&self, queries: &[&CodedQuery]) -> [Vec<u32>; Q] {
        let mut near = self.index.partitions.reached::<Q>(queries, self.params.slack);
        near.iter_mut().for_each(|near| near.truncate(self.params.max_partitions.max(1)));
        near
    }

    /// All threads take the query through its partitions.
    fn run_alone<'q>(&self, mut state: QueryState<'q>) -> QueryState<'q> {
        let [near] = self.near::<1>(&[state.code()]);
        let groups: usize = near.iter().map(|&partition| self.groups(partition).len()).sum();
        let work = groups * GROUP * self.task.rows.dim();
        let threads = self.task.threads.min(work / WORK_PER_THREAD).max(1);
        let (nearest, others) = near.split_at(1);
        self.visit::<1>(nearest[0], &[0], std::slice::from_mut(&mut state));
        // Every thread visits near and far ones.
        let parts = parallel::map((0..threads).collect(), |thread| {
            let mut states = vec![state.elsewhere()];
            let some = others.iter().skip(thread).step_by(threads);
            some.for_each(|&partition| self.visit::<1>(partition, &[0], &mut states));
            states
        });
        parts.into_iter().flatten().for_each(|part| state.merge(part));
        state.settle(self.task);
        state
    }

    fn run_together<'q>(&self, states: Vec<QueryState<'q>>) -> Vec<QueryState<'q>> {
        let threads = self.task.threads;
        let near = parallel::map(states.chunks(states.len().div_ceil(threads)).collect(), |states| {
            let tiles = states.chunks(TILE).map(|tile| {
                let queries: Vec<&CodedQuery> = tile.iter().map(QueryState::code).collect();
                self.near::<TILE>(&queries).into_iter().take(tile.len()).collect::<Vec<_>>()
            });
            tiles.collect::<Vec<_>>().concat()
        });
        let near = near.concat();

        // First each query sees its nearest partition, so that the others meet a high limit.
        let mut by_nearest: Vec<(u32, usize, QueryState<'q>)> =
            states.into_iter().enumerate().map(|(position, state)| (near[position][0], position, state)).collect();
        by_nearest.sort_unstable_by_key(|(nearest, position, _)| (*nearest, *position));
        let (places, mut states): (Vec<_>, Vec<_>) =
            by_nearest.into_iter().map(|(nearest, position, state)| ((nearest, position), state)).unzip();
        let share = states.len().div_ceil(threads);
        let parts = places.chunks(share).zip(states.chunks_mut(share)).collect();
        parallel::map(parts, |(places, states): (&[(u32, usize)], &mut [QueryState<'q>])| {
            let visits: Vec<_> = places
                .iter()
                .zip(0..)
                .map(|((partition, _), visitor)| Visit { partition: *partition, visitor })
                .collect();
            self.visit_all(&visits, states);
        });

        // Then each thread takes all queries through some of the other partitions.
        let mut visits: Vec<Visit> = Vec::new();
        for (visitor, (_, position)) in places.iter().enumerate() {
            let others = near[*position][1..].iter();
            visits.extend(others.map(|&partition| Visit { partition, visitor: visitor as u32 }));
        }
        visits.sort_unstable();
        let parts = parallel::map(split_visits(&visits, threads), |visits| {
            let mut states: Vec<_> = states.iter().map(QueryState::elsewhere).collect();
            self.visit_all(visits, &mut states);
            states
        });
        let mut states = parts.into_iter().fold(states, merged);
        parallel::map(states.chunks_mut(share).collect(), |states: &mut [QueryState<'q>]| {
            states.iter_mut().for_each(|state| state.settle(self.task));
        });
        let mut placed: Vec<_> = places.into_iter().zip(states).collect();
        placed.sort_unstable_by_key(|((_, position), _)| *position);
        placed.into_iter().map(|(_, state)| state).collect()
    }

    /// Visits sorted by partition.
    fn visit_all(&self, visits: &[Visit], states: &mut [QueryState<'_>]) {
        for visits in visits.chunk_by(|a, b| a.partition == b.partition) {
            let visitors: Vec<u32> = visits.iter().map(|visit| visit.visitor).collect();
            for some in visitors.chunks(TILE) {
                match some.len() {
                    1 => self.visit::<1>(visits[0].partition, some, states),
                    2..=4 => self.visit::<4>(visits[0].partition, some, states),
                    _ => self.visit::<TILE>(visits[0].partition, some, states),
                }
            }
        }
    }

    fn groups(&self, partition: u32) -> &'a [u32] {
        self.index.directory.groups(partition as usize)
    }

    /// Takes some of the queries through a partition.
    fn visit<const Q: usize>(&self, partition: u32, visitors: &[u32], states: &mut [QueryState<'_>]) {
        let mut visitors = Visitors::<Q>::new(visitors, states, self.task.rows.dim());
        let groups = self.groups(partition);
        for (position, &group) in groups.iter().enumerate() {
            let group = self.index.codes.group(group as usize);
            // Groups lie anywhere: ask memory for one while another is compared.
            if let Some(&next) = groups.get(position + 1) {
                self.index.codes.group(next as usize).prefetch();
            }
            visitors.visit(self.task, states, |row| group.slot(row), group.plane(), codes::coarse(), QueryState::keep);
        }
    }
}

/// Splits visits sorted by partition into about equal parts, none of which shares a partition with another.
fn split_visits(visits: &[Visit], parts: usize) -> Vec<&[Visit]> {
    let mut rest = visits;
    let mut split = Vec::with_capacity(parts);
    for left in (1..=parts).rev() {
        let half = rest.len() / left;
        let end = rest[half..].chunk_by(|a, b| a.partition == b.partition).next().map_or(0, <[Visit]>::len);
        let (part, others) = rest.split_at(if left == 1 { rest.len() } else { half + end });
        split.push(part);
        rest = others;
    }
    split
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FREE, Placement, Rows, SlotSet};

    const DIM: usize = 12;

    fn unit(values: Vec<f32>) -> Vec<f32> {
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm == 0.0 {
            [&[1.0], &[0.0; DIM - 1][..]].concat()
        } else {
            values.iter().map(|value| value / norm).collect()
        }
    }

    /// Few distinct values, so that ties and duplicates are common.
    fn vector() -> impl Strategy<Value = Vec<f32>> {
        let few = prop::sample::select(vec![-0.5f32, 0.0, 0.25, 1.0]);
        prop_oneof![prop::collection::vec(few, DIM), prop::collection::vec(-1.0f32..1.0, DIM)].prop_map(unit)
    }

    #[derive(Debug, Clone)]
    enum Edit {
        Add(Vec<f32>),
        Remove(prop::sample::Index),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![3 => vector().prop_map(Edit::Add), 2 => any::<prop::sample::Index>().prop_map(Edit::Remove)]
    }

    /// A list of vectors, and partitions that follow its edits.
    struct Index {
        vectors: Vec<f32>,
        ids: Vec<u64>,
        partitions: Partitions,
        placement: Placement,
        codes: (Vec<u8>, usize),
    }

    impl Index {
        fn new(centres: Vec<f32>) -> Self {
            let partitions = Partitions::new(centres, DIM).unwrap();
            let placement = Placement::of(Packed::new(&[], DIM).unwrap(), partitions.len(), 0).unwrap();
            Self { vectors: vec![], ids: vec![], partitions, placement, codes: (vec![], DIM) }
        }

        fn apply(&mut self, edit: &Edit) {
            match edit {
                Edit::Add(vector) => {
                    let slot = self.ids.iter().position(|&id| id == FREE).unwrap_or(self.ids.len());
                    let id = self.ids.iter().filter(|&&id| id != FREE).max().map_or(7, |id| id + 3);
                    self.vectors.resize(self.vectors.len().max((slot + 1) * DIM), 0.0);
                    self.vectors[slot * DIM..][..DIM].copy_from_slice(vector);
                    self.ids.resize(self.ids.len().max(slot + 1), FREE);
                    self.ids[slot] = id;
                    let partition = self.partitions.of(vector)[0] as usize;
                    self.placement.add(&mut self.codes, partition, slot, vector).unwrap();
                }
                Edit::Remove(_) if self.ids.is_empty() => {}
                Edit::Remove(which) => {
                    let slot = which.index(self.ids.len());
                    let removed = self.placement.remove(&mut self.codes, slot).unwrap();
                    assert_eq!(removed.is_some(), self.ids[slot] != FREE);
                    self.ids[slot] = FREE;
                    self.vectors[slot * DIM..][..DIM].fill(0.0);
                }
            }
        }

        fn with<R: Send>(&self, threads: usize, search: impl FnOnce(Exact<'_>, Partitioned<'_>) -> R + Send) -> R {
            let codes = Packed::new(&self.codes.0, DIM).unwrap();
            let directory = Directory::of(codes, self.partitions.len()).unwrap();
            let exact = Exact::new(Rows::new(&self.vectors, &self.ids, DIM).unwrap());
            let index = Partitioned::new(exact, codes, &self.partitions, &directory).unwrap();
            parallel::on(threads, || search(exact, index))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn whatever_was_added_and_erased_visiting_every_partition_is_an_exact_search(
            centres in prop::collection::vec(vector(), 1..6), edits in prop::collection::vec(edit(), 0..250),
            queries in prop::collection::vec(vector(), 1..20), k in 1usize..50, threads in 1usize..4, seed in any::<u64>(),
        ) {
            let mut index = Index::new(centres.concat());
            edits.iter().for_each(|edit| index.apply(edit));
            let allowed: SlotSet = (0..index.ids.len()).filter(|slot| seed >> (slot % 64) & 7 != 0).collect();
            let except: Vec<u64> = (0..queries.len() as u64).map(|q| 7 + 3 * q).collect();
            let filter = Filter { allowed: Some(&allowed), except: Some(&except) };
            let flat = queries.concat();
            let asked = Queries::new(&flat, DIM).unwrap();
            index.with(threads, |exact, partitioned| {
                let all = partitioned.search_all(asked, k, filter).unwrap();
                prop_assert_eq!(all, exact.search(asked, k, filter).unwrap());
                Ok(())
            })?;
        }

        #[test]
        fn codes_after_edits_are_those_of_the_rows_that_are_left_and_nothing_else(
            centres in prop::collection::vec(vector(), 1..6), edits in prop::collection::vec(edit(), 0..250),
        ) {
            let mut index = Index::new(centres.concat());
            edits.iter().for_each(|edit| index.apply(edit));
            let codes = Packed::new(&index.codes.0, DIM).unwrap();
            prop_assert_eq!(&Placement::of(codes, index.partitions.len(), index.ids.len()).unwrap().len(), &index.placement.len());
            let mut coded = vec![false; index.ids.len()];
            let mut with_room = vec![0; index.partitions.len()];
            for number in 0..codes.len() {
                let group = codes.group(number);
                let partition = group.partition();
                with_room[partition.unwrap_or(0)] += usize::from(partition.is_some() && group.len() < GROUP);
                let mut expected = partition.map_or(vec![0; index.codes.0.len() / codes.len()], |p| codes::packed::empty(p, DIM));
                for row in (0..GROUP).filter(|&row| group.slot(row).is_some()) {
                    let slot = group.slot(row).unwrap();
                    prop_assert!(index.ids[slot] != FREE && !std::mem::replace(&mut coded[slot], true));
                    codes::packed::encode(&mut expected, row, slot, &index.vectors[slot * DIM..][..DIM]);
                }
                prop_assert_eq!(&index.codes.0[codes::packed::group_range(number, DIM)], &expected[..]);
            }
            let live: Vec<bool> = index.ids.iter().map(|&id| id != FREE).collect();
            prop_assert_eq!(coded, live);
            prop_assert!(with_room.iter().all(|&groups| groups <= 1), "no gaps pile up: {:?}", with_room);
        }

        #[test]
        fn threads_and_batch_split_do_not_change_a_partitioned_search(
            centres in prop::collection::vec(vector(), 2..8), rows in prop::collection::vec(vector(), 1..200),
            queries in prop::collection::vec(vector(), 1..40), k in 1usize..30, slack in 0.0f32..0.5,
            max_partitions in 0usize..9,
        ) {
            let mut index = Index::new(centres.concat());
            rows.into_iter().for_each(|row| index.apply(&Edit::Add(row)));
            let flat = queries.concat();
            let (asked, params) = (Queries::new(&flat, DIM).unwrap(), SearchParams { slack, max_partitions });
            let found = index.with(1, |_, index| index.search(asked, k, Filter::default(), params).unwrap());
            for threads in [2, 3] {
                let again = index.with(threads, |_, index| index.search(asked, k, Filter::default(), params).unwrap());
                prop_assert_eq!(&again, &found);
            }
            for (query, found) in queries.iter().zip(&found) {
                let query = Queries::new(query, DIM).unwrap();
                let alone = index.with(2, |_, index| index.search(query, k, Filter::default(), params).unwrap());
                prop_assert_eq!(&alone[0], found);
            }
        }
    }
}
