use super::{DELTA, Quantised, SLACK, STEP, norm, round_up};

/// A query as the first pass needs it.
#[derive(Clone)]
pub(crate) struct CodedQuery {
    code: Vec<i8>,
    scale: f64,
    /// What the errors of rows are multiplied with: `‖q‖ + ‖e'‖`.
    error_weight: f64,
    /// What does not depend on the row: `‖e'‖·(1 + δ)`, and the slack.
    constant: f64,
}

impl CodedQuery {
    /// `None` for a query whose length is not about 1: the bound's slack is made for those.
    pub(crate) fn new(query: &[f32]) -> Option<Self> {
        let norm = norm(query);
        if !(0.5..=2.0).contains(&norm) {
            return None;
        }
        let Quantised { code, scale, error } = Quantised::fine(query);
        let error = f64::from(round_up(error));
        let constant = error * (1.0 + DELTA) + SLACK;
        Some(Self { code, scale: f64::from(scale), error_weight: norm + error, constant })
    }

    /// What `scale of the row · dot product of the codes + weight · error of the row` must reach for the row to be as
    /// near as `distance`.
    pub(crate) fn threshold(&self, distance: f32) -> f32 {
        (((1.0 - f64::from(distance)) - self.constant) / self.scale) as f32
    }

    /// How far a row is at most, given its bound and its error: by the same bound from the other side.
    pub(crate) fn at_most(&self, bound: f32, error: f32) -> f32 {
        let code_products = f64::from(bound) * self.scale - self.error_weight * f64::from(error);
        let least = code_products - self.error_weight * f64::from(error) - self.constant;
        ((1.0 - least) as f32).next_up()
    }
}

/// Up to `Q` queries, interleaved.
pub(crate) struct QueryTile<const Q: usize> {
    /// For each step the four codes of every query; an even number of steps.
    pub codes: Vec<[[i8; STEP]; Q]>,
    /// Sum of each query's codes: what an offset of 1 in every element of a row adds to the dot product.
    pub sums: [i32; Q],
    /// The weight of a row's error, over the query's scale.
    pub weights: [f32; Q],
    /// See [`CodedQuery::threshold`]; +∞ where there is no query.
    pub thresholds: [f32; Q],
}

impl<const Q: usize> QueryTile<Q> {
    pub(crate) fn new<'q>(queries: impl Iterator<Item = &'q CodedQuery>, dim: usize) -> Self {
        let mut tile = Self {
            codes: vec![[[0; STEP]; Q]; dim.div_ceil(2 * STEP) * 2],
            sums: [0; Q],
            weights: [0.0; Q],
            thresholds: [f32::INFINITY; Q],
        };
        for (q, query) in queries.enumerate() {
            for (i, &code) in query.code.iter().enumerate() {
                tile.codes[i / STEP][q][i % STEP] = code;
            }
            tile.sums[q] = query.code.iter().map(|&code| i32::from(code)).sum();
            tile.weights[q] = (query.error_weight / query.scale) as f32;
            tile.thresholds[q] = f32::NEG_INFINITY;
        }
        tile
    }
}
