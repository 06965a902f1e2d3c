//! How far one label can come to lead over the winner when some of the nearest neighbours are gone.
//!
//! The weight of a kept neighbour depends on its distance and on its rank, that is on how many are kept before it, but
//! not on which. So the greatest lead among the first `i` neighbours with `m` of them kept is the better of two choices:
//! the neighbour `i` is gone, or it stays, at rank `m − 1`, and adds its weight to the lead, for the challenger, takes it
//! away, for the winner, or leaves it. Only its predecessor's row is needed for a row of leads, and of a row only the
//! `most + 1` numbers of kept ones that leave at most `most` gone.
//!
//! [`Leads`] keeps one row and gives the leads alone. [`Paths`] keeps apart who voted last, which decides ties, and notes
//! for every lead where it came from, so that those who are gone can be told: two bytes for each of at most
//! `(k + most) · (min(k, most) + 1)` leads, 20 MB for the greatest `k + most` = 10,000 and `most` = 1,000.

use crate::decide::smallest_flip::Neighborhood;

/// Neighbours as a contest of one label with the winner.
struct Contest<'n> {
    neighbors: &'n Neighborhood,
    /// `None` for the winner's votes alone.
    challenger: Option<usize>,
    /// How many are gone at most.
    most: usize,
}

impl Contest<'_> {
    /// What the neighbour at a position adds to the lead, but for its rank.
    fn gain(&self, position: usize) -> f64 {
        let name = self.neighbors.names[position];
        if name == self.neighbors.winner {
            -self.neighbors.by_position[position]
        } else if Some(name) == self.challenger {
            self.neighbors.by_position[position]
        } else {
            0.0
        }
    }

    /// How many of the first `neighbors` can be kept: as many as vote, and no fewer than leave `most` gone.
    fn kept(&self, neighbors: usize) -> std::ops::RangeInclusive<usize> {
        neighbors.saturating_sub(self.most)..=neighbors.min(self.neighbors.k)
    }

    /// How many are looked at when so many are gone, and how many of those are kept.
    fn window(&self, gone: usize) -> (usize, usize) {
        let neighbors = (self.neighbors.k + gone).min(self.neighbors.len());
        (neighbors, neighbors - gone)
    }
}

/// The greatest leads with 0, 1, … up to `most` neighbours gone; −∞ where so many cannot be.
pub(crate) struct Leads<'n> {
    contest: Contest<'n>,
    /// How many neighbours were looked at, and how many are gone in the lead that comes next.
    seen: usize,
    gone: usize,
    /// By the number of those kept.
    row: Vec<f64>,
    next: Vec<f64>,
}

impl<'n> Leads<'n> {
    /// `most` is below the number of neighbours.
    pub(crate) fn new(neighbors: &'n Neighborhood, challenger: Option<usize>, most: usize) -> Self {
        let mut row = vec![f64::NEG_INFINITY; neighbors.k.min(neighbors.len()) + 1];
        let next = row.clone();
        row[0] = 0.0;
        Self { contest: Contest { neighbors, challenger, most }, seen: 0, gone: 0, row, next }
    }

    fn look_at_next(&mut self) {
        let neighbors = self.contest.neighbors;
        let position = self.seen;
        self.seen += 1;
        let kept = self.contest.kept(self.seen);
        let (least, most) = (*kept.start(), *kept.end());
        let (row, next) = (&self.row, &mut self.next);
        if neighbors.is_hidden(position) {
            if least == 0 {
                next[0] = f64::NEG_INFINITY;
            }
            let least = least.max(1);
            next[least..=most].copy_from_slice(&row[least - 1..most]);
        } else {
            // As many as are kept are hidden ones: this one can only be gone.
            let hidden = neighbors.hidden_before(position);
            let first = least.max(hidden + 1);
            let gone_only = least..first.min(most + 1);
            next[gone_only.clone()].copy_from_slice(&row[gone_only]);
            if first <= most {
                let gain = self.contest.gain(position);
                let weights = &neighbors.by_rank[first - 1 - hidden..most - hidden];
                let before = row[first - 1..most].iter().zip(&row[first..=most]);
                for ((lead, (stays, gone)), weight) in next[first..=most].iter_mut().zip(before).zip(weights) {
                    let stays = stays + gain * weight;
                    *lead = if stays > *gone { stays } else { *gone };
                }
            }
        }
        std::mem::swap(&mut self.row, &mut self.next);
    }
}

impl Iterator for Leads<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if self.gone > self.contest.most {
            return None;
        }
        let (neighbors, kept) = self.contest.window(self.gone);
        while self.seen < neighbors {
            self.look_at_next();
        }
        self.gone += 1;
        Some(self.row[kept])
    }
}

/// Which of the two labels voted last.
const NEITHER: usize = 0;
const WINNER: usize = 1;
const CHALLENGER: usize = 2;

/// The greatest leads by who voted last, and how each comes about.
pub(crate) struct Paths<'n> {
    contest: Contest<'n>,
    /// By the number of those gone and who voted last.
    leads: Vec<[f64; 3]>,
    /// Rows of `width`, one for each number of neighbours, from the least number of kept ones on. For each of who voted
    /// last three bits: whether the last neighbour is gone, and who had voted last before it.
    steps: Vec<u16>,
    width: usize,
}

impl<'n> Paths<'n> {
    /// `most` is below the number of neighbours.
    pub(crate) fn new(neighbors: &'n Neighborhood, challenger: usize, most: usize) -> Self {
        let contest = Contest { neighbors, challenger: Some(challenger), most };
        let (rows, _) = contest.window(most);
        let width = neighbors.k.min(most) + 1;
        let mut paths = Self { contest, leads: Vec::with_capacity(most + 1), steps: vec![0; rows * width], width };
        let mut row = vec![[f64::NEG_INFINITY; 3]; neighbors.k.min(neighbors.len()) + 1];
        let mut next = row.clone();
        row[0][NEITHER] = 0.0;
        let mut seen = 0;
        for gone in 0..=most {
            let (neighbors, kept) = paths.contest.window(gone);
            while seen < neighbors {
                paths.look_at(seen, &row, &mut next);
                std::mem::swap(&mut row, &mut next);
                seen += 1;
            }
            paths.leads.push(row[kept]);
        }
        paths
    }

    fn look_at(&mut self, position: usize, row: &[[f64; 3]], next: &mut [[f64; 3]]) {
        let neighbors = self.contest.neighbors;
        let (hidden, is_hidden) = (neighbors.hidden_before(position), neighbors.is_hidden(position));
        let gain = if is_hidden { 0.0 } else { self.contest.gain(position) };
        let range = self.contest.kept(position + 1);
        let steps = &mut self.steps[position * self.width..][..self.width];
        for (kept, step) in range.zip(steps) {
            // Gone, unless it is hidden.
            let mut leads = if is_hidden { [f64::NEG_INFINITY; 3] } else { row[kept] };
            let mut froms = [(true, NEITHER), (true, WINNER), (true, CHALLENGER)];
            let mut offer = |last: usize, lead: f64, before: usize| {
                if lead > leads[last] {
                    leads[last] = lead;
                    froms[last] = (false, before);
                }
            };
            // It stays where there is room for it and for all hidden ones before it.
            if kept > hidden {
                for (before, lead) in row[kept - 1].into_iter().enumerate() {
                    if gain == 0.0 {
                        offer(before, lead, before);
                    } else {
                        let last = if gain > 0.0 { CHALLENGER } else { WINNER };
                        offer(last, lead + gain * neighbors.by_rank[kept - 1 - hidden], before);
                    }
                }
            }
            let bits = |(is_gone, before): (bool, usize)| u16::from(is_gone) | (before as u16) << 1;
            *step = froms.into_iter().rev().fold(0, |step, from| step << 3 | bits(from));
            next[kept] = leads;
        }
    }

    /// The greatest leads with so many gone, by who voted last; −∞ where there is none.
    pub(crate) fn leads(&self, gone: usize) -> [f64; 3] {
        self.leads[gone]
    }

    /// Positions of those who are gone in the way to one of these leads, the nearest first.
    pub(crate) fn gone(&self, gone: usize, mut last: usize) -> Vec<usize> {
        let (mut neighbors, mut kept) = self.contest.window(gone);
        let mut positions = Vec::with_capacity(gone);
        while neighbors > 0 {
            let column = kept - self.contest.kept(neighbors).start();
            neighbors -= 1;
            let step = self.steps[neighbors * self.width + column] >> (3 * last);
            if step & 1 == 1 {
                positions.push(neighbors);
            } else {
                kept -= 1;
            }
            last = usize::from(step >> 1 & 3);
        }
        positions.reverse();
        positions
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.steps[..])
    }
}
