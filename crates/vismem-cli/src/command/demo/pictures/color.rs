/// A colour in linear light, so that mixing and averaging look right.
#[derive(Debug, Clone, Copy)]
pub struct Color([f32; 3]);

impl Color {
    pub const BLACK: Self = Self([0.0; 3]);

    /// From OKLCH: lightness 0..1, chroma (0 = grey, 0.2 = vivid) and hue in degrees. Equal steps there look equal.
    pub fn from_lch(lightness: f32, chroma: f32, hue: f32) -> Self {
        let (sin, cos) = hue.to_radians().sin_cos();
        let (a, b) = (chroma * cos, chroma * sin);
        let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
        let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
        let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
        Self([
            4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
            -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
            -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
        ])
    }

    pub fn scaled(self, factor: f32) -> Self {
        Self(self.0.map(|v| v * factor))
    }

    pub fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    /// `part` 0..1 of the other colour.
    pub fn mixed(self, other: Self, part: f32) -> Self {
        let part = part.clamp(0.0, 1.0);
        self.scaled(1.0 - part).plus(other.scaled(part))
    }

    pub fn to_srgb(self) -> [u8; 3] {
        self.0.map(|v| {
            let v = v.clamp(0.0, 1.0);
            let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (v * 255.0).round() as u8
        })
    }
}
