//! What the samples of a TIFF picture mean, and their colours over white.

/// How the samples of a pixel that are not extra make its colour.
pub(super) enum Colours {
    /// One sample; whether 0 is white.
    Grey {
        white_is_zero: bool,
    },
    Rgb,
    Cmyk,
    /// One sample, which is the place in a list.
    Palette(Vec<[u8; 3]>),
    YCbCr(YCbCr),
}

impl Colours {
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr(_) => 3,
            Self::Cmyk => 4,
        }
    }

    /// The colour of samples from 0 to 255, or of an index.
    fn rgb(&self, samples: &[f32]) -> [f32; 3] {
        match (self, samples) {
            (Self::Grey { white_is_zero: false }, &[grey, ..]) => [grey; 3],
            (Self::Grey { white_is_zero: true }, &[grey, ..]) => [255.0 - grey; 3],
            (Self::Rgb, &[r, g, b, ..]) => [r, g, b],
            (Self::Cmyk, &[c, m, y, k, ..]) => [c, m, y].map(|ink| (255.0 - ink) * (255.0 - k) / 255.0),
            (Self::Palette(colours), &[index, ..]) => {
                // A list too short for the picture's bits was refused.
                colours.get(index as usize).map_or([0.0; 3], |colour| colour.map(f32::from))
            }
            (Self::YCbCr(conversion), &[y, cb, cr, ..]) => conversion.rgb([y, cb, cr]),
            _ => [0.0; 3],
        }
    }
}

/// From luminance and colour differences to RGB (TIFF 6.0, section 21).
pub(super) struct YCbCr {
    /// How much red, green and blue count for the luminance.
    pub(super) weights: [f32; 3],
    /// The samples that stand for black and white, or for no and the greatest difference.
    pub(super) reference: [f32; 6],
}

impl YCbCr {
    fn rgb(&self, samples: [f32; 3]) -> [f32; 3] {
        let full = |i: usize, most: f32| {
            let (black, white) = (self.reference[2 * i], self.reference[2 * i + 1]);
            (samples[i] - black) * most / (white - black)
        };
        let (y, cb, cr) = (full(0, 255.0), full(1, 127.0), full(2, 127.0));
        let [red, green, blue] = self.weights;
        let r = cr * (2.0 - 2.0 * red) + y;
        let b = cb * (2.0 - 2.0 * blue) + y;
        [r, (y - blue * b - red * r) / green, b]
    }
}

/// What the sample behind those of the colour means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    /// Colours are multiplied by it.
    Associated,
    Unassociated,
}

/// From stored samples to bytes.
pub(super) struct Converter {
    pub(super) colours: Colours,
    pub(super) alpha: Alpha,
    /// By which samples of the colour are multiplied for 255 to be the greatest.
    pub(super) colour_scale: f32,
    pub(super) alpha_scale: f32,
}

impl Converter {
    /// Samples that are read: those of the colour, and the alpha.
    pub(super) fn samples(&self) -> usize {
        self.colours.samples() + usize::from(self.alpha != Alpha::None)
    }

    /// Whether samples of 8 bits are bytes of the picture as they are, if there are no others between them.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.colours, Colours::Rgb) && self.alpha == Alpha::None
    }

    /// Converts a row of pixels, of `stride` samples each.
    pub(super) fn convert(&self, row: &mut [f32], stride: usize, out: &mut [u8]) {
        let colour = self.colours.samples();
        for (pixel, out) in row.chunks_exact_mut(stride).zip(out.chunks_exact_mut(3)) {
            let (samples, extra) = pixel.split_at_mut(colour);
            samples.iter_mut().for_each(|sample| *sample *= self.colour_scale);
            let mut rgb = self.colours.rgb(samples);
            if self.alpha != Alpha::None {
                let alpha = (extra[0] * self.alpha_scale).clamp(0.0, 255.0);
                rgb = rgb.map(|c| match self.alpha {
                    // A colour above its alpha is outside of the format.
                    Alpha::Associated => c.min(alpha) + 255.0 - alpha,
                    _ => 255.0 + (c.clamp(0.0, 255.0) - 255.0) * alpha / 255.0,
                });
            }
            out.copy_from_slice(&rgb.map(byte));
        }
    }
}

/// The nearest level. What is outside of the range becomes its end.
fn byte(level: f32) -> u8 {
    (level + 0.5) as u8
}
