//! TIFF files in the arrangements that cameras, scanners, microscopes and maps come in: what is read is right, what is not
//! read is named, and none of it takes more memory than its pixels stand for.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use vismem_encode::decode::{DecodeError, Limits, decode};

const WIDTH: u32 = 40;
const HEIGHT: u32 = 21;

/// Tags by the numbers of the standard.
mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const COLOURS: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_LENGTHS: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PALETTE: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_LENGTHS: u16 = 325;
    pub const SUB_IFDS: u16 = 330;
    pub const EXTRA: u16 = 338;
    pub const FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const SUBSAMPLING: u16 = 530;
    pub const BLACK_WHITE: u16 = 532;
    pub const KIND: u16 = 254;
    pub const DNG: u16 = 50706;
}

const WHITE_IS_ZERO: u64 = 0;
const BLACK_IS_ZERO: u64 = 1;
const RGB: u64 = 2;
const PALETTE: u64 = 3;
const CMYK: u64 = 5;
const YCBCR: u64 = 6;

const UINT: u64 = 1;
const INT: u64 = 2;
const FLOAT: u64 = 3;

#[derive(Clone, Copy)]
struct Container {
    little: bool,
    big: bool,
}

const PLAIN: Container = Container { little: true, big: false };
const CONTAINERS: [Container; 4] = [
    PLAIN,
    Container { little: false, big: false },
    Container { little: true, big: true },
    Container { little: false, big: true },
];

impl Container {
    fn number(self, number: u64, len: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..len].to_vec();
        if !self.little {
            bytes.reverse();
        }
        bytes
    }

    /// A file of one picture, whose strips or tiles follow its directory.
    fn file(self, tags: &[(u16, Vec<u64>)], chunks: &[Vec<u8>]) -> Vec<u8> {
        let (word, count_len) = if self.big { (8, 8) } else { (4, 2) };
        let mut file = if self.little { b"II".to_vec() } else { b"MM".to_vec() };
        file.extend(self.number(if self.big { 43 } else { 42 }, 2));
        if self.big {
            file.extend([self.number(8, 2), self.number(0, 2)].concat());
        }
        let directory = file.len() + word;
        file.extend(self.number(directory as u64, word));

        let mut tags = tags.to_vec();
        let tiled = tags.iter().any(|(tag, _)| *tag == tag::TILE_WIDTH);
        let lengths = chunks.iter().map(|chunk| chunk.len() as u64).collect();
        tags.push((if tiled { tag::TILE_LENGTHS } else { tag::STRIP_LENGTHS }, lengths));
        let places = if tiled { tag::TILE_OFFSETS } else { tag::STRIP_OFFSETS };
        tags.push((places, vec![0; chunks.len()]));
        tags.sort();

        let mut values = directory + count_len + tags.len() * (4 + 2 * word) + word;
        let sizes = tags.iter().map(|(tag, values)| {
            let long = *tag == places || values.iter().any(|v| *v > 0xFFFF);
            match *tag {
                tag::JPEG_TABLES => 1,
                _ if long => 4,
                _ => 2,
            }
        });
        let sizes: Vec<usize> = sizes.collect();
        let outside: usize = tags.iter().zip(&sizes).map(|((_, v), s)| v.len() * s).filter(|len| *len > word).sum();
        let mut place = (values + outside) as u64;
        for (tag, values) in &mut tags {
            if *tag == places {
                for (value, chunk) in values.iter_mut().zip(chunks) {
                    *value = place;
                    place += chunk.len() as u64;
                }
            }
        }

        file.extend(self.number(tags.len() as u64, count_len));
        let mut behind = Vec::new();
        for ((tag, list), size) in tags.iter().zip(sizes) {
            file.extend([self.number((*tag).into(), 2), self.number([7, 3, 0, 4][size - 1], 2)].concat());
            file.extend(self.number(list.len() as u64, word));
            let mut bytes: Vec<u8> = list.iter().flat_map(|value| self.number(*value, size)).collect();
            if bytes.len() > word {
                file.extend(self.number(values as u64, word));
                values += bytes.len();
                behind.extend(bytes);
            } else {
                bytes.resize(word, 0);
                file.extend(bytes);
            }
        }
        file.extend(vec![0; word]);
        file.extend(behind);
        file.extend(chunks.concat());
        file
    }

    /// A sample as it is stored, in bits that follow each other from the highest down.
    fn bits(self, sample: u64, bits: u32, into: &mut Vec<bool>) {
        if !bits.is_multiple_of(8) {
            into.extend((0..bits).rev().map(|bit| sample >> bit & 1 == 1));
        } else {
            let bytes = self.number(sample, bits as usize / 8);
            into.extend(bytes.into_iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)));
        }
    }
}

fn bytes(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().zip((0..8).rev()).fold(0, |byte, (bit, at)| byte | u8::from(*bit) << at);
    bits.chunks(8).map(byte).collect()
}

#[derive(Clone)]
struct Picture<'a> {
    colours: u64,
    format: u64,
    bits: u32,
    samples: usize,
    extra: &'a [u64],
    /// Sample `i` of the pixel at `x`, `y`.
    sample: &'a dyn Fn(u32, u32, usize) -> u64,
    more: Vec<(u16, Vec<u64>)>,
}

/// Grey of 8 bits.
fn nearly_black() -> Picture<'static> {
    let sample = &|_: u32, _: u32, _: usize| 1;
    Picture { colours: BLACK_IS_ZERO, format: UINT, bits: 8, samples: 1, extra: &[], sample, more: vec![] }
}

impl Picture<'_> {
    fn tags(&self) -> Vec<(u16, Vec<u64>)> {
        let mut tags = vec![
            (tag::WIDTH, vec![WIDTH.into()]),
            (tag::HEIGHT, vec![HEIGHT.into()]),
            (tag::BITS, vec![self.bits.into(); self.samples]),
            (tag::COLOURS, vec![self.colours]),
            (tag::SAMPLES, vec![self.samples as u64]),
            (tag::FORMAT, vec![self.format; self.samples]),
        ];
        if !self.extra.is_empty() {
            tags.push((tag::EXTRA, self.extra.to_vec()));
        }
        tags.extend(self.more.clone());
        tags
    }

    /// The file; in tiles of a size, or else in strips of some rows, which are packed in some way.
    fn file(
        &self,
        container: Container,
        tile: Option<(u32, u32)>,
        planar: bool,
        compression: u64,
        pack: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> Vec<u8> {
        let (width, height) = tile.unwrap_or((WIDTH, 8));
        let mut tags = self.tags();
        match tile {
            Some((width, height)) => {
                tags.extend([(tag::TILE_WIDTH, vec![width.into()]), (tag::TILE_HEIGHT, vec![height.into()])]);
            }
            None => tags.push((tag::ROWS_PER_STRIP, vec![height.into()])),
        }
        tags.extend([(tag::COMPRESSION, vec![compression]), (tag::PLANAR, vec![if planar { 2 } else { 1 }])]);
        let planes: Vec<Vec<usize>> =
            if planar { (0..self.samples).map(|i| vec![i]).collect() } else { vec![(0..self.samples).collect()] };
        let mut chunks = Vec::new();
        for plane in planes {
            for top in (0..HEIGHT).step_by(height as usize) {
                for left in (0..WIDTH).step_by(width as usize) {
                    let rows = if tile.is_some() { height } else { height.min(HEIGHT - top) };
                    let row = |y: u32| {
                        let mut bits = Vec::new();
                        for x in left..left + width {
                            for &i in &plane {
                                let sample = if x < WIDTH && y < HEIGHT { (self.sample)(x, y, i) } else { 0 };
                                container.bits(sample, self.bits, &mut bits);
                            }
                        }
                        bytes(&bits)
                    };
                    chunks.push(pack((top..top + rows).flat_map(row).collect()));
                }
            }
        }
        container.file(&tags, &chunks)
    }

    fn plain(&self) -> Vec<u8> {
        self.file(PLAIN, None, false, 1, |bytes| bytes)
    }
}

fn decoded(file: &[u8]) -> Result<RgbImage, DecodeError> {
    decode(file, &Limits::default())
}

fn refusal(file: &[u8]) -> String {
    decoded(file).unwrap_err().to_string()
}

fn expected(colour: impl Fn(u32, u32) -> [f64; 3]) -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb(colour(x, y).map(|c| (c * 255.0).round() as u8)))
}

/// From black to white, another way for each sample.
fn ramp(x: u32, y: u32, i: usize) -> f64 {
    match i {
        0 => f64::from(x) / f64::from(WIDTH - 1),
        1 => f64::from(y) / f64::from(HEIGHT - 1),
        _ => f64::from((x * 7 + y * 3) % 32) / 31.0,
    }
}

#[test]
fn samples_of_every_width_are_read_in_every_arrangement() {
    let formats = (1..=16).chain([32, 64]).map(|bits| (UINT, bits)).chain([16, 32, 64].map(|bits| (FLOAT, bits)));
    for (format, bits) in formats {
        let most = (u64::MAX >> (64 - bits)) as f64;
        let stored = |value: f64| match (format, bits) {
            (UINT, 64) => (value * most) as u64,
            (UINT, _) => (value * most).round() as u64,
            (_, 16) => half::f16::from_f64(value).to_bits().into(),
            (_, 32) => (value as f32).to_bits().into(),
            _ => value.to_bits(),
        };
        let value = |value: f64| match (format, bits) {
            (UINT, 64) => value,
            (UINT, _) => (value * most).round() / most,
            (_, 16) => half::f16::from_f64(value).to_f64(),
            _ => value,
        };
        let sample = |x, y, i| stored(ramp(x, y, i));
        for (colours, samples) in [(BLACK_IS_ZERO, 1), (WHITE_IS_ZERO, 1), (RGB, 3)] {
            let picture = Picture { colours, format, bits, samples, extra: &[], sample: &sample, more: Vec::new() };
            let expected = expected(|x, y| match colours {
                BLACK_IS_ZERO => [value(ramp(x, y, 0)); 3],
                WHITE_IS_ZERO => [1.0 - value(ramp(x, y, 0)); 3],
                _ => [0, 1, 2].map(|i| value(ramp(x, y, i))),
            });
            for container in CONTAINERS {
                for tile in [None, Some((16, 16))] {
                    for planar in [false, true] {
                        let ours = decoded(&picture.file(container, tile, planar, 1, |bytes| bytes)).unwrap();
                        let worst = ours.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
                        // What lies between two levels may be rounded either way.
                        let allowed = u8::from(format == FLOAT || bits == 64);
                        let (little, big) = (container.little, container.big);
                        assert!(
                            worst <= Some(allowed),
                            "format {format}, {bits} bits, colours {colours}, little {little}, big {big}, {tile:?}, planar {planar}: {worst:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_palette_is_looked_up_in_16_and_in_8_bits() {
    let sample = |x: u32, y: u32, _| u64::from((x + y) % 16);
    let colour = |i: u64, channel: u64| (i * 16 + channel * 5) % 256;
    let expected = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb([0, 1, 2].map(|c| colour(sample(x, y, 0), c) as u8)));
    for bits in [4, 8, 16] {
        for scale in [257, 256, 1] {
            let list = (0..3).flat_map(|c| (0..1 << bits).map(move |i| colour(i, c) * scale)).collect();
            let more = vec![(tag::PALETTE, list)];
            let picture =
                Picture { colours: PALETTE, format: UINT, bits, samples: 1, extra: &[], sample: &sample, more };
            assert_eq!(decoded(&picture.plain()).unwrap(), expected, "{bits} bits, times {scale}");
        }
    }
    let more = vec![(tag::PALETTE, vec![0; 3 * 15])];
    let short = Picture { colours: PALETTE, format: UINT, bits: 4, samples: 1, extra: &[], sample: &sample, more };
    assert!(refusal(&short.plain()).contains("palette"));
}

#[test]
fn extra_samples_are_alpha_only_where_the_file_says_so() {
    let (unspecified, associated, unassociated) = (0, 1, 2);
    let alpha = |x: u32| f64::from(x) / f64::from(WIDTH - 1);
    for (colours, count) in [(BLACK_IS_ZERO, 1), (WHITE_IS_ZERO, 1), (RGB, 3), (CMYK, 4)] {
        for kind in [unspecified, associated, unassociated] {
            // A colour of full strength or none, so that 8 bits hold it whatever it is multiplied by.
            let full = |i: usize| f64::from(u8::from(i.is_multiple_of(2)));
            let stored = |x: u32, i: usize| match i {
                _ if i == count => alpha(x),
                _ if kind == associated => full(i) * alpha(x),
                _ => full(i),
            };
            let sample = |x: u32, _: u32, i: usize| (stored(x, i) * 255.0).round() as u64;
            let extra = [kind];
            let picture = Picture {
                colours,
                format: UINT,
                bits: 8,
                samples: count + 1,
                extra: &extra,
                sample: &sample,
                more: vec![],
            };
            let file = picture.plain();
            if kind == associated && matches!(colours, WHITE_IS_ZERO | CMYK) {
                // Which of them are multiplied, the stored numbers or the light, is not agreed upon.
                continue;
            }
            let colour = |_: u32| match colours {
                BLACK_IS_ZERO => [full(0); 3],
                WHITE_IS_ZERO => [1.0 - full(0); 3],
                CMYK => [0, 1, 2].map(|i| (1.0 - full(i)) * (1.0 - full(3))),
                _ => [0, 1, 2].map(full),
            };
            let expected = expected(|x, _| {
                let alpha = if kind == unspecified { 1.0 } else { (alpha(x) * 255.0).round() / 255.0 };
                colour(x).map(|c| c * alpha + 1.0 - alpha)
            });
            assert_eq!(decoded(&file).unwrap(), expected, "colours {colours}, extra {kind}");
        }
    }
}

#[test]
fn bands_that_nobody_named_are_refused() {
    let sample = |_: u32, _: u32, _: usize| 9;
    for (samples, extra) in [(3, &[][..]), (3, &[0, 0]), (5, &[0, 0, 0, 0]), (2, &[])] {
        let picture =
            Picture { colours: BLACK_IS_ZERO, format: UINT, bits: 8, samples, extra, sample: &sample, more: vec![] };
        let message = refusal(&picture.plain());
        assert!(message.contains(&format!("{samples} samples a pixel")), "{message}");
    }
}

fn grey_floats(value: impl Fn(u32, u32) -> f32) -> Vec<u8> {
    let sample = |x: u32, y: u32, _: usize| value(x, y).to_bits().into();
    Picture { colours: BLACK_IS_ZERO, format: FLOAT, bits: 32, samples: 1, extra: &[], sample: &sample, more: vec![] }
        .plain()
}

#[test]
fn floats_go_from_0_to_1_or_from_0_to_255_and_nothing_else() {
    let level = |x: u32, y: u32| (x * 6 + y) as f32;
    let expected = expected(|x, y| [f64::from(level(x, y)) / 255.0; 3]);
    assert_eq!(decoded(&grey_floats(level)).unwrap(), expected);
    assert_eq!(decoded(&grey_floats(|x, y| level(x, y) / 255.0)).unwrap(), expected);
    // Rounding errors are not another range.
    assert!(decoded(&grey_floats(|x, _| if x == 0 { -1e-6 } else { 1.000_001 })).is_ok());
    assert!(decoded(&grey_floats(|x, _| if x == 0 { -1e-4 } else { 255.000_1 })).is_ok());
    for (value, said) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "from 0 to inf"),
        (-3.0, "from -3 to 1"),
        (4095.0, "from 0 to 4095"),
        (256.0, "from 0 to 256"),
        // Brighter than white, or almost black?
        (1.5, "from 0 to 1.5"),
    ] {
        let message = refusal(&grey_floats(|x, y| if (x, y) == (3, 2) { value } else { (x % 2) as f32 }));
        assert!(message.contains(said) && message.contains("convert it to"), "{message}");
    }
}

#[test]
fn alpha_has_a_range_of_its_own_among_floats() {
    let sample = |x: u32, _: u32, i: usize| (if i == 3 { 1.0 } else { (x * 6) as f32 }).to_bits().into();
    let picture =
        Picture { colours: RGB, format: FLOAT, bits: 32, samples: 4, extra: &[2], sample: &sample, more: vec![] };
    assert_eq!(decoded(&picture.plain()).unwrap(), expected(|x, _| [f64::from(x * 6) / 255.0; 3]));
}

#[test]
fn what_is_not_read_is_named() {
    let grey = nearly_black();
    let with = |tag, value| Picture { more: vec![(tag, vec![value])], ..grey.clone() }.plain();
    for (file, said) in [
        (Picture { format: INT, ..grey.clone() }.plain(), "signed"),
        (Picture { format: 5, ..grey.clone() }.plain(), "neither whole numbers"),
        (Picture { colours: 8, samples: 3, ..grey.clone() }.plain(), "L*a*b*"),
        (Picture { colours: 32803, ..grey.clone() }.plain(), "unknown kind"),
        (Picture { colours: 4, bits: 1, ..grey.clone() }.plain(), "a mask"),
        (Picture { colours: CMYK, samples: 4, more: vec![(332, vec![2])], ..grey.clone() }.plain(), "inks"),
        (Picture { colours: YCBCR, samples: 3, ..grey.clone() }.plain(), "YCbCr"),
        (Picture { bits: 24, ..grey.clone() }.plain(), "24 bits"),
        (with(tag::DNG, 1), "a raw picture of a camera"),
        (
            Picture { more: vec![(tag::KIND, vec![1]), (tag::SUB_IFDS, vec![8])], ..grey.clone() }.plain(),
            "a raw picture",
        ),
        (grey.file(PLAIN, None, false, 3, |bytes| bytes), "CCITT group 3"),
        (grey.file(PLAIN, None, false, 6, |bytes| bytes), "JPEG compression of the kind"),
        (grey.file(PLAIN, None, false, 34712, |bytes| bytes), "JPEG 2000"),
        (grey.file(PLAIN, None, false, 50002, |bytes| bytes), "JPEG XL"),
        (grey.file(PLAIN, None, false, 4711, |bytes| bytes), "compression number 4711"),
    ] {
        let message = refusal(&file);
        assert!(message.contains(said) && message.contains("convert it to PNG or JPEG"), "{said}: {message}");
    }
}

#[test]
fn luminance_and_differences_use_the_range_that_the_file_gives() {
    // Video's range: black at 16 and white at 235, no difference at 128. ITU-R BT.601 says what that is in RGB.
    let sample = |x: u32, y: u32, i: usize| u64::from([16 + x * 5, 128 + y, 128 - y][i]);
    let black_white = (tag::BLACK_WHITE, vec![16, 235, 128, 240, 128, 240]);
    let more = vec![(tag::SUBSAMPLING, vec![1, 1]), black_white];
    let picture = Picture { colours: YCBCR, format: UINT, bits: 8, samples: 3, extra: &[], sample: &sample, more };
    let expected = expected(|x, y| {
        let (luminance, cb, cr) = (f64::from(x * 5) / 219.0, f64::from(y) / 112.0, -f64::from(y) / 112.0);
        let (cb, cr) = (cb * 127.0 / 255.0, cr * 127.0 / 255.0);
        let (r, b) = (luminance + 1.402 * cr, luminance + 1.772 * cb);
        [r, (luminance - 0.299 * r - 0.114 * b) / 0.587, b].map(|c| c.clamp(0.0, 1.0))
    });
    assert_eq!(decoded(&picture.plain()).unwrap(), expected);
}

#[test]
fn a_tiff_is_turned_in_every_container() {
    let sample = |x: u32, y: u32, i: usize| (ramp(x, y, i) * 255.0) as u64;
    let upright =
        Picture { colours: RGB, format: UINT, bits: 8, samples: 3, extra: &[], sample: &sample, more: vec![] };
    let stored = decoded(&upright.plain()).unwrap();
    let turned = Picture { more: vec![(tag::ORIENTATION, vec![6])], ..upright };
    for container in CONTAINERS {
        let file = turned.file(container, None, false, 1, |bytes| bytes);
        assert_eq!(decoded(&file).unwrap(), image::imageops::rotate90(&stored), "big {}", container.big);
    }
}

#[test]
fn bits_in_the_other_order_are_read() {
    let sample = |x: u32, y: u32, _: usize| u64::from((x / 3 + y).is_multiple_of(2));
    let more = vec![(tag::FILL_ORDER, vec![2])];
    let picture =
        Picture { colours: BLACK_IS_ZERO, format: UINT, bits: 1, samples: 1, extra: &[], sample: &sample, more };
    let expected = expected(|x, y| [sample(x, y, 0) as f64; 3]);
    let reversed = |bytes: Vec<u8>| bytes.into_iter().map(u8::reverse_bits).collect::<Vec<_>>();
    assert_eq!(decoded(&picture.file(PLAIN, None, false, 1, reversed)).unwrap(), expected);
    assert_eq!(decoded(&picture.file(PLAIN, None, false, 5, |bytes| reversed(lzw(bytes)))).unwrap(), expected);
}

fn lzw(bytes: Vec<u8>) -> Vec<u8> {
    weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&bytes).unwrap()
}

#[test]
fn tiles_that_reach_over_the_edge_are_read_in_every_compression() {
    let sample = |x: u32, y: u32, i: usize| (ramp(x, y, i) * 255.0) as u64;
    let picture =
        Picture { colours: RGB, format: UINT, bits: 8, samples: 3, extra: &[], sample: &sample, more: vec![] };
    let expected = decoded(&picture.plain()).unwrap();
    let deflate = |bytes: Vec<u8>| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &bytes).unwrap();
        encoder.finish().unwrap()
    };
    // Literal runs alone, of one byte.
    let packbits = |bytes: Vec<u8>| bytes.into_iter().flat_map(|byte| [0, byte]).collect::<Vec<_>>();
    for tile in [Some((16, 16)), Some((64, 32)), Some((48, 16)), None] {
        for planar in [false, true] {
            for container in CONTAINERS {
                assert_eq!(decoded(&picture.file(container, tile, planar, 5, lzw)).unwrap(), expected, "LZW {tile:?}");
            }
            let ours = decoded(&picture.file(PLAIN, tile, planar, 8, deflate));
            assert_eq!(ours.unwrap(), expected, "deflate {tile:?}");
            let ours = decoded(&picture.file(PLAIN, tile, planar, 32773, packbits));
            assert_eq!(ours.unwrap(), expected, "PackBits {tile:?}");
        }
    }
}

#[test]
fn lzw_without_its_end_is_read_if_the_pixels_are_there() {
    let sample = |x: u32, y: u32, i: usize| (ramp(x, y, i) * 255.0) as u64;
    let picture =
        Picture { colours: RGB, format: UINT, bits: 8, samples: 3, extra: &[], sample: &sample, more: vec![] };
    let expected = decoded(&picture.plain()).unwrap();
    let cut = |count: usize| {
        move |bytes: Vec<u8>| {
            let mut packed = lzw(bytes);
            packed.truncate(packed.len() - count);
            packed
        }
    };
    assert_eq!(decoded(&picture.file(PLAIN, None, false, 5, cut(1))).unwrap(), expected);
    let file = picture.file(PLAIN, None, false, 5, cut(9));
    assert!(matches!(decoded(&file), Err(DecodeError::Truncated { format: "TIFF" })));
}

fn smooth() -> RgbImage {
    expected(|x, y| [ramp(x, y, 0), ramp(x, y, 1), 0.5])
}

fn coded(container: Container, colours: u64, samples: u64, compression: u64, picture: Vec<u8>) -> Vec<u8> {
    let tags = [
        (tag::WIDTH, vec![WIDTH.into()]),
        (tag::HEIGHT, vec![HEIGHT.into()]),
        (tag::BITS, vec![8; samples as usize]),
        (tag::COMPRESSION, vec![compression]),
        (tag::COLOURS, vec![colours]),
        (tag::SAMPLES, vec![samples]),
        (tag::EXTRA, vec![2; usize::from(samples == 4)]),
    ];
    let tags: Vec<_> = tags.into_iter().filter(|(_, values)| !values.is_empty()).collect();
    container.file(&tags, &[picture])
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(image).unwrap();
    bytes
}

#[test]
fn jpeg_inside_is_read_and_refused_if_anything_of_it_is_missing() {
    let whole = jpeg(&smooth());
    let (jpeg_alone, worst) = (decoded(&whole).unwrap(), 2);
    for container in CONTAINERS {
        let ours = decoded(&coded(container, YCBCR, 3, 7, whole.clone())).unwrap();
        let differences = ours.as_raw().iter().zip(jpeg_alone.as_raw()).map(|(a, b)| a.abs_diff(*b));
        assert!(differences.max() <= Some(worst));
    }
    for cut in [1, 2, 10, whole.len() / 3] {
        let file = coded(PLAIN, YCBCR, 3, 7, whole[..whole.len() - cut].to_vec());
        assert!(matches!(decoded(&file), Err(DecodeError::Truncated { format: "TIFF" })), "{cut}");
        let ended = [&whole[..whole.len() - 2 - cut], b"\xFF\xD9"].concat();
        let file = coded(PLAIN, YCBCR, 3, 7, ended);
        assert!(matches!(decoded(&file), Err(DecodeError::Truncated { format: "TIFF" })), "{cut}");
    }
    let tables = whole.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
    let frame = whole.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    // The tables of all strips may stand in a tag: the JPEG begins with its frame then.
    let shared = [&whole[..frame], b"\xFF\xD9"].concat();
    let huffman = whole[frame..tables].windows(2).position(|marker| marker == [0xFF, 0xC4]).unwrap() + frame;
    assert!(frame < huffman, "the frame stands before the Huffman tables");
    let rest = [b"\xFF\xD8", &whole[frame..]].concat();
    let tags = vec![
        (tag::WIDTH, vec![WIDTH.into()]),
        (tag::HEIGHT, vec![HEIGHT.into()]),
        (tag::BITS, vec![8; 3]),
        (tag::COMPRESSION, vec![7]),
        (tag::COLOURS, vec![YCBCR]),
        (tag::SAMPLES, vec![3]),
        (tag::JPEG_TABLES, shared.iter().map(|byte| u64::from(*byte)).collect()),
    ];
    let ours = decoded(&PLAIN.file(&tags, &[rest])).unwrap();
    assert_eq!(ours, decoded(&coded(PLAIN, YCBCR, 3, 7, whole)).unwrap());
}

#[test]
fn webp_inside_may_be_opaque_although_it_has_a_fourth_sample() {
    let mut opaque = Cursor::new(Vec::new());
    DynamicImage::from(smooth()).write_to(&mut opaque, ImageFormat::WebP).unwrap();
    let opaque = opaque.into_inner();
    for samples in [3, 4] {
        assert_eq!(decoded(&coded(PLAIN, RGB, samples, 50001, opaque.clone())).unwrap(), smooth(), "{samples}");
    }
}

#[test]
fn a_picture_inside_that_is_larger_than_its_place_is_refused_from_its_header() {
    let large = RgbImage::new(2 * WIDTH, HEIGHT);
    let mut webp = Cursor::new(Vec::new());
    DynamicImage::from(large.clone()).write_to(&mut webp, ImageFormat::WebP).unwrap();
    for (colours, compression, bytes) in [(YCBCR, 7, jpeg(&large)), (RGB, 50001, webp.into_inner())] {
        let message = refusal(&coded(PLAIN, colours, 3, compression, bytes));
        assert!(message.contains("80 x 21"), "{message}");
    }
}

#[test]
fn strips_and_tiles_that_would_take_too_much_memory_are_refused_before_they_are_unpacked() {
    let base = |width: u64, height: u64, bits: u64, samples: usize, compression: u64| {
        vec![
            (tag::WIDTH, vec![width]),
            (tag::HEIGHT, vec![height]),
            (tag::BITS, vec![bits; samples]),
            (tag::COMPRESSION, vec![compression]),
            (tag::COLOURS, vec![if samples == 1 { BLACK_IS_ZERO } else { RGB }]),
            (tag::SAMPLES, vec![samples as u64]),
        ]
    };
    let tiled = |mut tags: Vec<_>, width: u64, height: u64| {
        tags.extend([(tag::TILE_WIDTH, vec![width]), (tag::TILE_HEIGHT, vec![height])]);
        tags
    };
    for (tags, chunks) in [
        (tiled(base(64, 64, 8, 3, 8), 1 << 31, 1 << 31), 1),
        (tiled(base(64, 64, 32, 1, 8), 1 << 31, 16), 4),
        // Many tiles of which only a column is seen.
        (tiled(base(1, 100_000, 8, 1, 8), 1 << 20, 16), 6_250),
        (base(10_000, 10_000, 64, 3, 8), 1),
        (base(10_000, 10_000, 16, 3, 5), 1),
        (base(10_000, 10_000, 8, 3, 50001), 1),
        (base(1_000, 1_000, 8, 65_535, 8), 1),
    ] {
        let file = PLAIN.file(&tags, &vec![vec![0; 4]; chunks]);
        let error = decoded(&file).unwrap_err();
        assert!(matches!(error, DecodeError::TooMuchMemory { format: "TIFF", .. }), "{error:?}");
        assert!(error.to_string().contains("tiles of") || error.to_string().contains("strips of"), "{error}");
    }
}

#[test]
fn a_strip_that_lies_outside_of_the_file_or_nowhere_is_missing() {
    let grey = nearly_black();
    let file = grey.plain();
    let place = (file.len() - (WIDTH * HEIGHT) as usize) as u32;
    let list = file.windows(4).position(|bytes| bytes == place.to_le_bytes()).unwrap();
    for wrong in [0, u32::MAX, file.len() as u32] {
        let mut file = file.clone();
        file[list..list + 4].copy_from_slice(&wrong.to_le_bytes());
        assert!(matches!(decoded(&file), Err(DecodeError::Truncated { format: "TIFF" })), "{wrong}");
    }
}
