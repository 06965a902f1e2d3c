//! Which groups of lists may name an exemplar, so that nobody has to read all lists for the few that do.
//!
//! Each group has a Bloom filter in lines of 64 bytes, as processors fetch memory: a neighbour has its line, and a few bits of
//! that are set if the group names it. A filter is a function of its group's lists, and made anew whenever they change, so
//! that nothing of who is not named any more stays in it.

use super::NOBODY;

const LINE: usize = 64;
/// Bits for each neighbour, and how many of them are set. Of groups that do not name an exemplar, about 1 in 100 seems to.
const BITS: usize = 10;
const SET: usize = 5;

/// Bytes of the filter of a group with so many neighbours.
pub(super) fn bytes_for(lists: usize) -> usize {
    (lists * BITS / 8).max(1).next_multiple_of(LINE)
}

/// The filter of a group.
pub(super) fn filter(lists: &[u32]) -> Vec<u8> {
    let mut filter = vec![0; bytes_for(lists.len())];
    for &neighbor in lists.iter().filter(|neighbor| **neighbor < NOBODY) {
        let (line, bits) = place(neighbor, filter.len());
        bits.for_each(|bit| filter[line + bit / 8] |= 1 << (bit % 8));
    }
    filter
}

/// What the filter of a group that names an exemplar has set.
pub(super) struct Mark {
    line: usize,
    words: [u64; LINE / 8],
}

impl Mark {
    /// Of the exemplar in a slot, in filters of so many bytes.
    pub fn of(slot: u32, bytes: usize) -> Self {
        let (line, bits) = place(slot, bytes);
        let mut words = [0; LINE / 8];
        bits.for_each(|bit| words[bit / 64] |= 1 << (bit % 64));
        Self { line, words }
    }

    /// False if the group names nobody of this mark.
    pub fn may_be_in(&self, filter: &[u8]) -> bool {
        let words = filter[self.line..][..LINE].as_chunks::<8>().0;
        words.iter().zip(self.words).all(|(word, mark)| u64::from_le_bytes(*word) & mark == mark)
    }
}

/// Where the line of an exemplar begins, and its bits in it: parts of one hash (the finaliser of SplitMix64).
fn place(slot: u32, bytes: usize) -> (usize, impl Iterator<Item = usize>) {
    let mut z = (u64::from(slot) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    // The upper 16 bits choose the line, nine others each bit.
    let lines = bytes / LINE;
    let line = ((z >> 48) as usize * lines) >> 16;
    (line * LINE, (0..SET).map(move |n| (z >> (9 * n)) as usize % (8 * LINE)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_filter_has_the_mark_of_everyone_it_was_made_of(mut lists in prop::collection::vec(0u32..5_000, 0..400)) {
            lists.push(NOBODY);
            let filter = filter(&lists);
            let named = |slot: &u32| Mark::of(*slot, filter.len()).may_be_in(&filter);
            prop_assert!(lists[..lists.len() - 1].iter().all(named));
        }
    }

    #[test]
    fn hardly_anybody_else_seems_to_be_named() {
        let lists: Vec<u32> = (0..3_200).map(|n| n * 7).collect();
        let filter = filter(&lists);
        let others = (0..100_000).map(|n| n * 7 + 1);
        let taken = others.filter(|&slot| Mark::of(slot, filter.len()).may_be_in(&filter)).count();
        assert!(taken < 2_000, "{taken} of 100,000 others");
    }
}
