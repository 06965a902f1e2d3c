use crate::codes::Codes;
use crate::top_k::TopK;
use crate::{Error, FREE, Filter, MAX_K, Neighbor, Queries, Rows, SlotSet, coded, parallel, plain};

/// Exact search: the result of comparing every row with every query.
///
/// With [codes](Exact::with_codes) most rows are ruled out by their codes, without a look at the vector; without them
/// every vector is read. The answers are the same.
#[derive(Debug, Clone, Copy)]
pub struct Exact<'a> {
    rows: Rows<'a>,
    codes: Option<Codes<'a>>,
}

impl<'a> Exact<'a> {
    /// Searches `rows`, with the threads of the pool that a search is asked in (see [`parallel`]).
    pub fn new(rows: Rows<'a>) -> Self {
        Self { rows, codes: None }
    }

    /// Searches by codes first. They must be those of these rows: what a wrong code rules out is not found.
    ///
    /// # Errors
    /// When they are codes of another dimension or of fewer rows.
    pub fn with_codes(self, codes: Codes<'a>) -> Result<Self, Error> {
        if codes.dim() != self.rows.dim() || codes.rows() < self.rows.len() {
            return Err(Error::OtherCodes {
                codes: (codes.rows(), codes.dim()),
                rows: (self.rows.len(), self.rows.dim()),
            });
        }
        Ok(Self { codes: Some(codes), ..self })
    }

    /// For each query its `k` nearest rows among those that the filter lets through, by growing distance, equal
    /// distances by growing id. There are fewer than `k` only where fewer rows are allowed.
    ///
    /// # Errors
    /// When `k` is not within 1..=[`MAX_K`], dimensions differ, or the filter does not fit the queries.
    pub fn search(&self, queries: Queries<'_>, k: usize, filter: Filter<'_>) -> Result<Vec<Vec<Neighbor>>, Error> {
        let (task, asked) = self.task(queries, k, filter)?;
        Ok(match self.codes {
            Some(codes) => coded::search(&task, codes, &asked),
            None => plain::search(&task, &asked),
        })
    }

    /// What it searches.
    pub fn rows(&self) -> Rows<'a> {
        self.rows
    }

    /// What was asked for, if it makes sense.
    pub(crate) fn task<'t, 'q>(
        &self,
        queries: Queries<'q>,
        k: usize,
        filter: Filter<'t>,
    ) -> Result<(Task<'t>, Vec<Asked<'q>>), Error>
    where
        'a: 't,
    {
        let rows = self.rows;
        if !(1..=MAX_K).contains(&k) {
            return Err(Error::K { k });
        }
        if queries.dim() != rows.dim() {
            return Err(Error::Dimension { query: queries.dim(), rows: rows.dim() });
        }
        if let Some(except) = filter.except
            && except.len() != queries.len()
        {
            return Err(Error::Except { except: except.len(), queries: queries.len() });
        }
        let except = |q: usize| filter.except.map(|ids| ids[q]);
        let asked = queries.iter().enumerate().map(|(q, vector)| Asked { vector, except: except(q) }).collect();
        Ok((Task { rows, allowed: filter.allowed, k, threads: parallel::threads() }, asked))
    }
}

/// A query and the one id that it must not find.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'q> {
    pub vector: &'q [f32],
    pub except: Option<u64>,
}

/// What is the same for all queries of a search.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub rows: Rows<'a>,
    pub allowed: Option<&'a SlotSet>,
    pub k: usize,
    /// How many threads the pool has.
    pub threads: usize,
}

impl Task<'_> {
    /// Whether the row may be found at all. Codes may be ahead of the rows and name slots that are not there yet.
    pub(crate) fn allows(&self, slot: usize) -> bool {
        slot < self.rows.len()
            && self.rows.id(slot) != FREE
            && self.allowed.is_none_or(|allowed| allowed.contains(slot))
    }
}

/// Joins what threads found for the same queries in different rows.
pub(crate) fn merge(parts: Vec<Vec<TopK>>) -> Vec<TopK> {
    let merged = parts.into_iter().reduce(|mut merged, part| {
        merged.iter_mut().zip(part).for_each(|(merged, part)| merged.merge(part));
        merged
    });
    merged.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codes, distance};
    use proptest::prelude::*;

    /// The definition, as plain as it can be written.
    fn plain(rows: &[Vec<f32>], ids: &[u64], query: &[f32], k: usize, keep: impl Fn(usize) -> bool) -> Vec<(u64, u32)> {
        let mut all: Vec<(f32, u64)> = (0..rows.len())
            .filter(|&slot| ids[slot] != FREE && keep(slot))
            .map(|slot| (distance(query, &rows[slot]), ids[slot]))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.into_iter().take(k).map(|(d, id)| (id, d.to_bits())).collect()
    }

    fn bits(found: &[Neighbor]) -> Vec<(u64, u32)> {
        found.iter().map(|n| (n.id, n.distance.to_bits())).collect()
    }

    /// The codes of rows, as a memory would keep them.
    fn codes_of(rows: &[f32], dim: usize) -> Vec<u8> {
        let mut bytes = vec![0; Codes::bytes_for(rows.len() / dim, dim)];
        for (row, vector) in rows.chunks_exact(dim).enumerate() {
            codes::encode(&mut bytes[codes::group_range(row, dim)], row, vector);
        }
        bytes
    }

    /// Vectors that are hard to tell apart: few distinct values, so that ties and duplicates are common; zeros nearly
    /// everywhere; one value that dwarfs all others; tiny changes of one direction. Some are of unit length, some not.
    fn vectors(count: usize, dim: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
        let few = prop::sample::select(vec![-0.5f32, 0.0, 0.0, 0.25, 1.0, 1e-7]);
        let sparse = (0..dim, -1.0f32..1.0).prop_map(move |(at, value)| {
            let mut vector = vec![0.0; dim];
            vector[at] = value;
            vector
        });
        let near =
            prop::collection::vec(-1e-4f32..1e-4, dim).prop_map(|changes| changes.iter().map(|c| 0.3 + c).collect());
        let spread = prop::collection::vec((-1.0f32..1.0, -20i32..1), dim)
            .prop_map(|values| values.iter().map(|(value, scale)| value * 2f32.powi(*scale)).collect());
        let vector = prop_oneof![prop::collection::vec(few, dim), sparse, near, spread];
        let unit = |(vector, unit): (Vec<f32>, bool)| {
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            if unit && norm > 0.0 { vector.iter().map(|v| v / norm).collect() } else { vector }
        };
        prop::collection::vec((vector, prop::bool::weighted(0.8)).prop_map(unit), 0..count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn search_equals_sorting_every_distance_whatever_codes_threads_filter_and_split(
            rows in vectors(130, 11), queries in vectors(30, 11), k in 1usize..70, threads in 1usize..5,
            seed in any::<u64>(),
        ) {
            // Ids in an order other than the slots', some slots free, some rows not allowed.
            let ids: Vec<u64> = (0..rows.len() as u64)
                .map(|i| if (seed >> (i % 60)) & 3 == 3 { FREE } else { (i * 37 + seed % 101) % 1009 })
                .collect();
            let allowed: SlotSet = (0..rows.len()).filter(|slot| !slot.is_multiple_of(5)).collect();
            let except: Vec<u64> = (0..queries.len()).map(|q| ids.get(q * 3).copied().unwrap_or(7)).collect();
            let (flat, flat_queries) = (rows.concat(), queries.concat());
            let codes = codes_of(&flat, 11);
            let plainly = Exact::new(Rows::new(&flat, &ids, 11).unwrap());
            for index in [plainly, plainly.with_codes(Codes::new(&codes, 11).unwrap()).unwrap()] {
                let filter = Filter { allowed: Some(&allowed), except: Some(&except) };
                let asked = Queries::new(&flat_queries, 11).unwrap();
                let found = parallel::on(threads, || index.search(asked, k, filter)).unwrap();
                prop_assert_eq!(found.len(), queries.len());
                for (q, query) in queries.iter().enumerate() {
                    let keep = |slot: usize| allowed.contains(slot) && ids[slot] != except[q];
                    prop_assert_eq!(bits(&found[q]), plain(&rows, &ids, query, k, keep));
                }
            }
        }
    }

    #[test]
    fn threads_and_batch_split_do_not_change_a_large_search() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 40) as f32 / (1 << 24) as f32) - 0.5
        };
        let (count, dim) = (3000, 64);
        let mut unit = |count: usize| -> Vec<f32> {
            let vector = |_| -> Vec<f32> {
                let vector: Vec<f32> = (0..dim).map(|_| next()).collect();
                let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
                vector.iter().map(|v| v / norm).collect()
            };
            (0..count).flat_map(vector).collect()
        };
        let (rows, queries) = (unit(count), unit(300));
        let ids: Vec<u64> = (0..count as u64).rev().collect();
        let codes = codes_of(&rows, dim);
        let plainly = Exact::new(Rows::new(&rows, &ids, dim).unwrap());
        let index = plainly.with_codes(Codes::new(&codes, dim).unwrap()).unwrap();
        let asked = Queries::new(&queries, dim).unwrap();
        let all = parallel::on(3, || plainly.search(asked, 50, Filter::default())).unwrap();
        for threads in [1, 2, 3] {
            parallel::on(threads, || {
                assert_eq!(index.search(asked, 50, Filter::default()).unwrap(), all);
                for (q, query) in queries.chunks_exact(dim).enumerate() {
                    let query = Queries::new(query, dim).unwrap();
                    assert_eq!(index.search(query, 50, Filter::default()).unwrap()[0], all[q]);
                }
            });
        }
    }

    #[test]
    fn odd_requests_are_defined() {
        let ids = [4, FREE];
        let rows = Rows::new(&[1.0, 0.0, 0.0, 0.0], &ids, 2).unwrap();
        let index = Exact::new(rows);
        let query = Queries::new(&[0.0, 0.0], 2).unwrap();
        let found = index.search(query, 100, Filter::default()).unwrap();
        assert_eq!(
            found,
            [[Neighbor { id: 4, slot: 0, distance: 1.0 }]],
            "k beyond the rows, a zero query, a free slot"
        );
        let nobody = Filter { allowed: Some(&SlotSet::new()), except: None };
        assert_eq!(index.search(query, 1, nobody).unwrap(), [[]]);
        let empty = Exact::new(Rows::new(&[], &[], 2).unwrap());
        assert_eq!(empty.search(query, 1, Filter::default()).unwrap(), [[]]);
        assert!(index.search(Queries::new(&[], 2).unwrap(), 1, Filter::default()).unwrap().is_empty());

        assert_eq!(index.search(query, 0, Filter::default()), Err(Error::K { k: 0 }));
        assert_eq!(index.search(query, MAX_K + 1, Filter::default()), Err(Error::K { k: MAX_K + 1 }));
        let wide = Queries::new(&[0.0; 3], 3).unwrap();
        assert_eq!(index.search(wide, 1, Filter::default()), Err(Error::Dimension { query: 3, rows: 2 }));
        let except = Filter { allowed: None, except: Some(&[1, 2]) };
        assert_eq!(index.search(query, 1, except), Err(Error::Except { except: 2, queries: 1 }));
        assert_eq!(Queries::new(&[0.0, 1.0, f32::NAN, 0.0], 2).unwrap_err(), Error::NotFinite { query: 1 });
        assert_eq!(Queries::new(&[0.0; 3], 2).unwrap_err(), Error::Ragged { values: 3, dim: 2 });
        assert_eq!(Rows::new(&[0.0; 4], &[1], 2).unwrap_err(), Error::Ids { ids: 1, rows: 2 });
    }
}
