//! Which views of a picture are encoded, and how their embeddings become one.

use std::fmt;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::error::EncodeErrorKind;

/// Which views of a picture are encoded. As text: `one`, `flip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Views {
    /// The picture as it is.
    #[default]
    One,
    /// The picture and its mirror image, left and right exchanged. The embedding is the mean of both embeddings, brought to
    /// length 1, so that a picture and its mirror image have the same one. Takes the model twice for each picture.
    Flip,
}

impl Views {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::One, Self::Flip];

    /// How many views there are.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Flip => 2,
        }
    }
}

impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one",
            Self::Flip => "flip",
        })
    }
}

/// Exchanges left and right.
pub(crate) fn mirror(image: &mut RgbImage) {
    let row_len = 3 * image.width() as usize;
    for row in image.chunks_exact_mut(row_len.max(1)) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// Below this length the sum of two embeddings is what rounding left of opposite ones.
const NO_DIRECTION: f64 = 1e-6;

/// The mean of two embeddings of length 1, brought to length 1. Their order does not matter, to the last bit.
pub(crate) fn mean(a: &[f32], b: &[f32]) -> Result<Vec<f32>, EncodeErrorKind> {
    let sum: Vec<f64> = a.iter().zip(b).map(|(&a, &b)| f64::from(a) + f64::from(b)).collect();
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length < NO_DIRECTION {
        return Err(EncodeErrorKind::Opposite);
    }
    Ok(sum.into_iter().map(|x| (x / length) as f32).collect())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn a_mirror_image_has_left_and_right_exchanged_and_nothing_else() {
        for (width, height) in [(1, 3), (4, 2), (5, 1)] {
            let image = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 7]));
            let mut mirrored = image.clone();
            mirror(&mut mirrored);
            assert_eq!(mirrored, image::imageops::flip_horizontal(&image));
            mirror(&mut mirrored);
            assert_eq!(mirrored, image);
        }
        mirror(&mut RgbImage::new(0, 4));
    }

    #[test]
    fn a_mean_has_length_1_and_opposite_embeddings_have_none() {
        assert_eq!(mean(&[1.0, 0.0], &[1.0, 0.0]).unwrap(), [1.0, 0.0]);
        let half = 0.5f32.sqrt();
        assert_eq!(mean(&[1.0, 0.0], &[0.0, 1.0]).unwrap(), [half, half]);
        for other in [[-1.0, 0.0], [-0.999_999_94, 0.0]] {
            assert!(matches!(mean(&[1.0, 0.0], &other), Err(EncodeErrorKind::Opposite)), "{other:?}");
        }
    }
}
