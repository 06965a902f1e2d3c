use std::borrow::Cow;

use crate::EmbeddingError;
use crate::error::Result;

/// A vector this close to unit length is left as it is, so that what was normalised once keeps its bits.
const CLOSE: f64 = 1e-6;

/// The embedding at unit length, as memories hold it; one that is, within 1e-6, is left as it is. `index` names it in
/// errors.
///
/// # Errors
/// When it has not `dim` values, or no direction.
pub fn unit(index: usize, embedding: &[f32], dim: usize) -> Result<Cow<'_, [f32]>, EmbeddingError> {
    if embedding.len() != dim {
        return Err(EmbeddingError::Dimension { index, found: embedding.len(), expected: dim });
    }
    let norm = embedding.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
    if !norm.is_finite() {
        return Err(EmbeddingError::NoDirection { index, what: "has a value that is not a finite number" });
    }
    if norm == 0.0 {
        return Err(EmbeddingError::NoDirection { index, what: "is all zeros" });
    }
    if (norm - 1.0).abs() <= CLOSE {
        return Ok(Cow::Borrowed(embedding));
    }
    Ok(embedding.iter().map(|&v| (f64::from(v) / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(values in prop::collection::vec(-1e30f32..1e30, 1..50)) {
            prop_assume!(values.iter().any(|v| *v != 0.0));
            let once = unit(0, &values, values.len()).unwrap().into_owned();
            let norm = once.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            prop_assert!((norm - 1.0).abs() < CLOSE);
            prop_assert_eq!(unit(0, &once, once.len()).unwrap(), once.clone());
        }
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        assert!(matches!(unit(3, &[f32::NAN], 1), Err(EmbeddingError::NoDirection { index: 3, .. })));
        assert!(matches!(unit(0, &[f32::INFINITY, 1.0], 2), Err(EmbeddingError::NoDirection { .. })));
        assert!(matches!(unit(0, &[0.0, 0.0], 2), Err(EmbeddingError::NoDirection { .. })));
        assert!(matches!(unit(0, &[1.0], 2), Err(EmbeddingError::Dimension { found: 1, expected: 2, .. })));
    }
}
