use super::{DELTA, Quantised, SLACK, STEP, norm, round_up};

/// The whole of what rounding may take from a bound: nothing that belongs is ruled out.
pub(crate) const PROVED: f64 = 1.0;

/// A query as the first pass needs it.
#[derive(Clone)]
pub(crate) struct CodedQuery {
    code: Vec<i8>,
    /// Sum of the codes.
    sum: i32,
    scale: f64,
    /// `‖q‖²`
    square: f64,
    /// `‖e'‖`
    error: f64,
    /// How much of the worst that rounding may do is reckoned with.
    part: f64,
    /// What does not depend on the row: `‖e'‖·(1 + δ)`, and the slack.
    constant: f64,
}

/// What a row must reach: `product + weight · error ≥ threshold`, in the units of the kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    pub weight: f32,
    pub threshold: f32,
}

impl Limit {
    /// The same arithmetic as in the kernels.
    pub(crate) fn is_reached(&self, product: f32, error: f32) -> bool {
        product + self.weight * error >= self.threshold
    }
}

impl CodedQuery {
    /// `None` for a query whose length is not about 1: the bound's slack is made for those. `part` is how much of the
    /// worst that rounding may do is reckoned with: [`PROVED`], or less for bounds that hold nearly always.
    pub(crate) fn new(query: &[f32], part: f64) -> Option<Self> {
        let norm = norm(query);
        if !(0.5..=2.0).contains(&norm) {
            return None;
        }
        let Quantised { code, scale, error } = Quantised::fine(query);
        let error = f64::from(round_up(error));
        let sum = code.iter().map(|&code| i32::from(code)).sum();
        let constant = part * error * (1.0 + DELTA) + SLACK;
        Some(Self { code, sum, scale: f64::from(scale), square: norm * norm, error, part, constant })
    }

    /// What a row must reach to be as similar as `similarity`. The greater this is, the greater is the threshold and the
    /// smaller the weight.
    pub(crate) fn limit(&self, similarity: f64) -> Limit {
        let threshold = (similarity - self.constant) / self.scale;
        let weight = self.part * (self.across(similarity) + self.error) / self.scale;
        Limit { weight: (weight as f32).next_up(), threshold: (threshold as f32).next_down() }
    }

    /// How similar a row is at least, given its product and its error.
    pub(crate) fn at_least(&self, product: f32, error: f32) -> f64 {
        let (product, error) = (f64::from(product) * self.scale - self.constant, self.part * f64::from(error));
        if error == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        // Once it is known to be somewhat similar, less can be across.
        let least = product - (self.across(0.0) + self.error) * error;
        product - (self.across(least) + self.error) * error
    }

    /// Length of what of the query can be at right angles to a row that is at least so similar.
    fn across(&self, similarity: f64) -> f64 {
        let along = similarity.max(0.0) / (1.0 + DELTA);
        (self.square * (1.0 + 1e-12) - along * along).max(0.0).sqrt()
    }

    /// A difference of similarities in the units of the kernels.
    pub(crate) fn in_units(&self, similarity: f32) -> f32 {
        (f64::from(similarity) / self.scale) as f32
    }
}

/// Up to `Q` queries, interleaved.
pub(crate) struct QueryTile<const Q: usize> {
    /// For each step the four codes of every query; an even number of steps.
    pub codes: Vec<[[i8; STEP]; Q]>,
    /// Sum of each query's codes: what an offset of 1 in every element of a row adds to the dot product.
    pub sums: [i32; Q],
    /// See [`Limit`]; an infinite threshold where there is no query.
    pub weights: [f32; Q],
    pub thresholds: [f32; Q],
}

impl<const Q: usize> QueryTile<Q> {
    /// Queries that every row reaches, as long as they have no other limits.
    pub(crate) fn new<'q>(queries: impl Iterator<Item = &'q CodedQuery>, dim: usize) -> Self {
        let mut tile = Self {
            codes: vec![[[0; STEP]; Q]; dim.div_ceil(2 * STEP) * 2],
            sums: [0; Q],
            weights: [0.0; Q],
            thresholds: [f32::INFINITY; Q],
        };
        for (q, query) in queries.enumerate() {
            for (step, code) in tile.codes.iter_mut().zip(query.code.chunks(STEP)) {
                step[q][..code.len()].copy_from_slice(code);
            }
            tile.sums[q] = query.sum;
            tile.weights[q] = query.in_units(1.0);
            tile.thresholds[q] = f32::NEG_INFINITY;
        }
        tile
    }

    pub(crate) fn set_limit(&mut self, q: usize, limit: Limit) {
        self.weights[q] = limit.weight;
        self.thresholds[q] = limit.threshold;
    }
}
