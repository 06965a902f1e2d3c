use std::collections::BinaryHeap;

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The id that the row has in [`crate::Rows`].
    pub id: u64,
    /// The position of the row.
    pub slot: u32,
    /// Cosine distance, `1 − cos`: 0 is the same direction, 1 unrelated, 2 opposite.
    pub distance: f32,
}

/// The order of neighbours: by distance, equal distances by id.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ByDistance(Neighbor);

impl Eq for ByDistance {}

impl Ord for ByDistance {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = (self.0, other.0);
        a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id))
    }
}

impl PartialOrd for ByDistance {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` nearest rows seen so far.
#[derive(Clone)]
pub(crate) struct TopK {
    k: usize,
    heap: BinaryHeap<ByDistance>,
}

impl TopK {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    /// A row farther than this cannot be among the `k`; an equally distant one may, by its id.
    pub(crate) fn threshold(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.0.distance,
            _ => f32::INFINITY,
        }
    }

    pub(crate) fn offer(&mut self, neighbor: Neighbor) {
        let candidate = ByDistance(neighbor);
        if self.heap.len() < self.k {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        other.heap.into_iter().for_each(|candidate| self.offer(candidate.0));
    }

    pub(crate) fn into_sorted(self) -> Vec<Neighbor> {
        self.heap.into_sorted_vec().into_iter().map(|candidate| candidate.0).collect()
    }
}
