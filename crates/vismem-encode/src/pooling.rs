//! From a model's output to one vector per picture.

use serde::{Serialize, Serializer};

/// Which part of a model's output is the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The output is one vector per picture already: N × D.
    None,
    /// The first token of N × tokens × D.
    Cls,
    /// The mean over all tokens of N × tokens × D except the first `skip` (the CLS token and registers).
    MeanPatches {
        /// How many leading tokens are not patches.
        skip: usize,
    },
}

impl std::fmt::Display for Pooling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Cls => f.write_str("first token"),
            Self::MeanPatches { skip } => write!(f, "mean of the tokens after the first {skip}"),
        }
    }
}

/// As its [`Display`](std::fmt::Display) says it.
impl Serialize for Pooling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Pooling {
    /// Picks `batch` vectors out of an output of this shape, one after the other, each of the returned length.
    ///
    /// # Errors
    /// The reason, when the shape does not fit.
    pub(crate) fn pool(self, batch: usize, shape: &[usize], data: Vec<f32>) -> Result<(usize, Vec<f32>), String> {
        let wrong = || format!("output of shape {shape:?} for {batch} pictures does not fit the pooling {self:?}");
        if shape.first() != Some(&batch) || shape.iter().product::<usize>() != data.len() || data.is_empty() {
            return Err(wrong());
        }
        match (self, shape) {
            // Some exports leave the 1 x 1 of a global average pooling behind.
            (Self::None, [_, dim, rest @ ..]) if rest.iter().all(|&n| n == 1) => Ok((*dim, data)),
            (Self::Cls, &[_, tokens, dim]) => {
                Ok((dim, data.chunks_exact(tokens * dim).flat_map(|picture| &picture[..dim]).copied().collect()))
            }
            (Self::MeanPatches { skip }, &[_, tokens, dim]) if skip < tokens => {
                let means = data.chunks_exact(tokens * dim).flat_map(|picture| {
                    let mut sum = vec![0f64; dim];
                    for token in picture.chunks_exact(dim).skip(skip) {
                        sum.iter_mut().zip(token).for_each(|(s, &x)| *s += f64::from(x));
                    }
                    sum.into_iter().map(move |s| (s / (tokens - skip) as f64) as f32)
                });
                Ok((dim, means.collect()))
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures of three tokens of two numbers.
    fn tokens() -> Vec<f32> {
        vec![9.0, 8.0, 1.0, 2.0, 3.0, 6.0, /* second */ -9.0, -8.0, -1.0, 0.0, -2.0, 10.0]
    }

    #[test]
    fn the_right_tokens_are_taken_of_every_picture() {
        let pool = |pooling: Pooling| pooling.pool(2, &[2, 3, 2], tokens());
        assert_eq!(pool(Pooling::Cls), Ok((2, vec![9.0, 8.0, -9.0, -8.0])));
        assert_eq!(pool(Pooling::MeanPatches { skip: 1 }), Ok((2, vec![2.0, 4.0, -1.5, 5.0])));
        assert_eq!(pool(Pooling::MeanPatches { skip: 2 }), Ok((2, vec![3.0, 6.0, -2.0, 10.0])));
        let vectors = vec![1.0, 2.0, 3.0, 4.0];
        assert_eq!(Pooling::None.pool(2, &[2, 2], vectors.clone()), Ok((2, vectors.clone())));
        assert_eq!(Pooling::None.pool(2, &[2, 2, 1, 1], vectors.clone()), Ok((2, vectors)));
    }

    #[test]
    fn an_output_that_does_not_fit_is_an_error_that_shows_the_shape() {
        for (pooling, batch, shape) in [
            (Pooling::None, 2, &[2, 3, 2][..]),
            (Pooling::Cls, 2, &[2, 6]),
            (Pooling::MeanPatches { skip: 3 }, 2, &[2, 3, 2]),
            // Another batch than was put in, and a shape that the data does not have.
            (Pooling::Cls, 3, &[2, 3, 2]),
            (Pooling::Cls, 2, &[2, 3, 4]),
            (Pooling::None, 12, &[12]),
        ] {
            let error = pooling.pool(batch, shape, tokens()).unwrap_err();
            assert!(error.contains(&format!("{shape:?}")), "{error}");
        }
        assert!(Pooling::None.pool(2, &[2, 0], Vec::new()).is_err());
    }
}
