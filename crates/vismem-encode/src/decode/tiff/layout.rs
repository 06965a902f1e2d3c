//! How the samples of a TIFF picture lie in the file, and how they are read.

use std::borrow::Cow;

use tiff::decoder::{ChunkType, DecodingResult};
use tiff::tags::{ByteOrder, CompressionMethod, PlanarConfiguration, Predictor, SampleFormat, Tag, Type};

use super::super::{jpeg, most_bytes};
use super::{DecodeError, FORMAT, Limits, TiffDecoder, broken, decode_error, number, numbers, unpack, unsupported};

/// JPEG and WebP are held several times while they are decoded, LZW twice.
const COPIES_OF_PICTURES: u64 = 4;
const COPIES_OF_LZW: u64 = 2;
/// Pixels that a picture with what fills up its tiles may have, for each that it may have itself.
const PADDING: u64 = 4;
/// A small limit of pixels does not refuse tiles of the usual size.
const LEAST_PADDED: u64 = 1 << 24;

pub(super) struct Layout {
    pub(super) compression: CompressionMethod,
    pub(super) bits: u32,
    pub(super) is_float: bool,
    /// Samples of a pixel, with those that are not its colour.
    pub(super) samples: usize,
    /// Width and height of a strip or tile.
    pub(super) chunk: (u32, u32),
    size: (u32, u32),
    is_planar: bool,
    is_tiled: bool,
    is_bit_reversed: bool,
    /// The most bytes that a strip or tile unpacks to.
    most_bytes: u64,
    /// Where each strip or tile begins, and how many bytes it has.
    offsets: Vec<u64>,
    lengths: Vec<u64>,
    jpeg_tables: Vec<u8>,
}

/// Where a strip or tile belongs.
pub(super) struct Place {
    index: u32,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Layout {
    pub(super) fn read(decoder: &mut TiffDecoder<'_>, size: (u32, u32), limits: &Limits) -> Result<Self, DecodeError> {
        let compression = number(decoder, Tag::Compression)?.unwrap_or(1);
        let compression = CompressionMethod::from_u16_exhaustive(u16::try_from(compression).unwrap_or(0));
        if let Some(name) = unread_compression(compression) {
            return Err(unsupported(name));
        }
        let bits = number(decoder, Tag::BitsPerSample)?.unwrap_or(1) as u32;
        let format = number(decoder, Tag::SampleFormat)?.unwrap_or(1);
        let format = SampleFormat::from_u16_exhaustive(u16::try_from(format).unwrap_or(0));
        let is_float = match format {
            SampleFormat::Uint => false,
            SampleFormat::IEEEFP => true,
            SampleFormat::Int => {
                return Err(unsupported("signed samples, of which it is not known what is black and white"));
            }
            _ => return Err(unsupported("samples that are neither whole numbers nor floating-point numbers")),
        };
        let allowed = if is_float { matches!(bits, 16 | 32 | 64) } else { matches!(bits, 1..=16 | 32 | 64) };
        if !allowed {
            return Err(unsupported(format!("samples of {bits} bits")));
        }
        let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
        let (width, height) = decoder.chunk_dimensions();
        let (offsets, lengths) =
            if is_tiled { (Tag::TileOffsets, Tag::TileByteCounts) } else { (Tag::StripOffsets, Tag::StripByteCounts) };
        let jpeg_tables = if compression == CompressionMethod::ModernJPEG {
            decoder.find_tag(Tag::JPEGTables).and_then(|tables| tables.map_or(Ok(Vec::new()), |t| t.into_u8_vec()))
        } else {
            Ok(Vec::new())
        };
        let layout = Self {
            compression,
            bits,
            is_float,
            samples: number(decoder, Tag::SamplesPerPixel)?.unwrap_or(1) as usize,
            // The last strip of a picture ends with the picture.
            chunk: (width, if is_tiled { height } else { height.min(size.1) }),
            size,
            is_planar: number(decoder, Tag::PlanarConfiguration)? == Some(PlanarConfiguration::Planar.to_u16().into()),
            is_tiled,
            is_bit_reversed: number(decoder, Tag::FillOrder)? == Some(2),
            most_bytes: most_bytes(limits),
            offsets: numbers(decoder, offsets)?,
            lengths: numbers(decoder, lengths)?,
            jpeg_tables: jpeg_tables.map_err(decode_error)?,
        };
        layout.check_size(limits)?;
        let has_predictor = number(decoder, Tag::Predictor)?.is_some_and(|p| p != u64::from(Predictor::None.to_u16()));
        let is_uneven = is_tiled && !layout.row_bits(layout.chunk.0).is_multiple_of(8);
        if layout.bits_are_packed() && (has_predictor || is_uneven || layout.is_coded_picture()) {
            return Err(unsupported(format!("samples of {bits} bits that are arranged in an unusual way")));
        }
        Ok(layout)
    }

    /// A small file must not make the decoder hold or pass over more than a large picture needs.
    fn check_size(&self, limits: &Limits) -> Result<(), DecodeError> {
        let (width, height) = (u64::from(self.chunk.0), u64::from(self.chunk.1));
        let (across, down) = self.chunks();
        let padded = (width * u64::from(across)).saturating_mul(height * u64::from(down));
        let pixel_bits = u64::from(self.bits).saturating_mul(self.samples as u64);
        let copies = match self.compression {
            CompressionMethod::ModernJPEG | CompressionMethod::WebP => COPIES_OF_PICTURES,
            CompressionMethod::LZW => COPIES_OF_LZW,
            _ => 1,
        };
        let bytes = (width * height).saturating_mul(pixel_bits).div_ceil(8);
        if padded > limits.max_pixels.saturating_mul(PADDING).max(LEAST_PADDED) || bytes > self.most_bytes / copies {
            let kind = if self.is_tiled { "tiles" } else { "strips" };
            let what = format!("{kind} of {width} x {height} pixels");
            return Err(DecodeError::TooMuchMemory { format: FORMAT, what });
        }
        Ok(())
    }

    fn chunks(&self) -> (u32, u32) {
        (self.size.0.div_ceil(self.chunk.0), self.size.1.div_ceil(self.chunk.1))
    }

    /// Whether a strip or tile is a JPEG or WebP picture.
    fn is_coded_picture(&self) -> bool {
        matches!(self.compression, CompressionMethod::ModernJPEG | CompressionMethod::WebP)
    }

    /// Whether strips and tiles are shown to the decoder as if they were not packed.
    fn is_unpacked_before(&self) -> bool {
        matches!(self.compression, CompressionMethod::LZW | CompressionMethod::WebP)
    }

    /// Whether samples are shown to the decoder as bytes, since it does not know their number of bits.
    fn bits_are_packed(&self) -> bool {
        (9..16).contains(&self.bits)
    }

    /// The samples of a pixel that stand side by side.
    fn samples_together(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    /// The bits of `width` pixels.
    fn row_bits(&self, width: u32) -> u64 {
        u64::from(width) * self.samples_together() as u64 * u64::from(self.bits)
    }

    /// Samples from one pixel of a row to the next, if `wanted` of each are read.
    pub(super) fn stride(&self, wanted: usize) -> usize {
        if self.is_planar { wanted } else { self.samples }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let (across, down) = self.chunks();
        let ((width, height), size) = (self.chunk, self.size);
        (0..across * down).map(move |index| {
            let (left, top) = (index % across * width, index / across * height);
            Place {
                index,
                left: left as usize,
                top: top as usize,
                width: width.min(size.0 - left) as usize,
                height: height.min(size.1 - top) as usize,
            }
        })
    }

    /// Makes the decoder give samples as they are stored, which it does for grey pictures only.
    pub(super) fn show_samples<'a>(
        &self,
        decoder: TiffDecoder<'a>,
        file: &[u8],
    ) -> Result<TiffDecoder<'a>, DecodeError> {
        let mut limits = tiff::decoder::Limits::default();
        limits.decoding_buffer_size = usize::try_from(self.most_bytes).unwrap_or(usize::MAX);
        limits.intermediate_buffer_size = usize::MAX;
        let mut decoder = decoder.with_limits(limits);
        let mut directory = Directory::of(&mut decoder, file);
        directory.replace(Tag::PhotometricInterpretation, 1);
        if !self.is_tiled {
            directory.replace(Tag::RowsPerStrip, self.chunk.1);
        }
        if self.bits_are_packed() {
            let bytes = |width| u32::try_from(self.row_bits(width).div_ceil(8)).map_err(broken);
            directory.replace(Tag::ImageWidth, bytes(self.size.0)?);
            directory.replace(Tag::TileWidth, bytes(self.chunk.0)?);
            directory.replace(Tag::BitsPerSample, 8);
            // A picture has no fewer samples than are extra.
            directory.replace(Tag::ExtraSamples, 0);
            if !self.is_planar {
                directory.replace(Tag::SamplesPerPixel, 1);
            }
        }
        if self.is_unpacked_before() {
            directory.replace(Tag::Compression, 1);
            let tag = if self.is_tiled { Tag::TileOffsets } else { Tag::StripOffsets };
            directory.point_behind_the_file(tag, self.offsets.len()).ok_or_else(|| broken("the file is too large"))?;
        }
        decoder.seek_to_image(0).map_err(decode_error)?;
        if self.is_bit_reversed && !self.is_coded_picture() {
            decoder.inner().reverse_bits();
        }
        Ok(decoder)
    }

    /// Reads the strip or tile at a place, of which `wanted` samples a pixel are needed.
    pub(super) fn samples(
        &self,
        decoder: &mut TiffDecoder<'_>,
        file: &[u8],
        place: &Place,
        wanted: usize,
    ) -> Result<Samples, DecodeError> {
        let (across, down) = self.chunks();
        let planes = if self.is_planar { wanted as u32 } else { 1 };
        let mut data = Vec::new();
        for plane in 0..planes {
            let index = place.index + plane * across * down;
            let packed = self.packed(file, index)?;
            match self.compression {
                CompressionMethod::ModernJPEG => self.check_jpeg(packed, place)?,
                _ if self.is_unpacked_before() => decoder.inner().append_chunk(self.unpack(packed, place)?),
                _ => {}
            }
            data.push(decoder.read_chunk(index).map_err(decode_error)?);
        }
        let per_pixel = self.samples_together();
        Ok(Samples { planes: data, bits: self.bits, per_row: place.width * per_pixel, per_pixel })
    }

    /// The bytes of a strip or tile in the file.
    fn packed<'a>(&self, file: &'a [u8], index: u32) -> Result<&'a [u8], DecodeError> {
        let truncated = || DecodeError::Truncated { format: FORMAT };
        let get = |list: &[u64]| list.get(index as usize).copied().filter(|&number| number > 0);
        let (offset, length) = get(&self.offsets).zip(get(&self.lengths)).ok_or_else(truncated)?;
        let rest = usize::try_from(offset).ok().and_then(|offset| file.get(offset..)).ok_or_else(truncated)?;
        Ok(&rest[..rest.len().min(usize::try_from(length).unwrap_or(usize::MAX))])
    }

    fn unpack(&self, packed: &[u8], place: &Place) -> Result<Vec<u8>, DecodeError> {
        if self.compression == CompressionMethod::WebP {
            return unpack::webp(packed, self.samples_together(), |width, height| self.fits(place, width, height));
        }
        let row = usize::try_from(self.row_bits(self.chunk.0).div_ceil(8)).map_err(broken)?;
        let rows = if self.is_tiled { self.chunk.1 as usize } else { place.height };
        let packed = if self.is_bit_reversed {
            packed.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>().into()
        } else {
            Cow::from(packed)
        };
        unpack::lzw(&packed, row * place.height, row * rows)
    }

    /// The decoder paints what is missing of a JPEG, and takes its size and the number of samples from the JPEG.
    fn check_jpeg(&self, packed: &[u8], place: &Place) -> Result<(), DecodeError> {
        // Both are JPEG files, with a mark at the beginning and one at the end.
        let whole = match (self.jpeg_tables.len().checked_sub(2), packed.get(2..)) {
            (Some(end), Some(rest)) => Cow::from([&self.jpeg_tables[..end], rest].concat()),
            _ => packed.into(),
        };
        let Some(jpeg::Shape { width, height, components: samples, .. }) = jpeg::shape(&whole) else {
            return Err(broken("a JPEG without a frame"));
        };
        if !self.fits(place, width, height) || samples != self.samples_together() {
            return Err(broken(format!(
                "a strip or tile holds a JPEG of {width} x {height} pixels, {samples} samples each"
            )));
        }
        // Of two samples, which JPEG files do not have, the decoder gives one.
        if samples == 2 {
            return Err(unsupported("grey and transparency as JPEG"));
        }
        if !jpeg::has_end(&whole) || !jpeg::has_every_block(&whole) {
            return Err(DecodeError::Truncated { format: FORMAT });
        }
        Ok(())
    }

    /// Whether the picture that a strip or tile is has its size. The last strip may be as high as the others, and a height
    /// may be that of whole blocks.
    fn fits(&self, place: &Place, width: u32, height: u32) -> bool {
        let least = place.height as u32;
        width == self.chunk.0 && height >= least && height <= self.chunk.1.max(least.next_multiple_of(16))
    }
}

/// What a compression that is not unpacked is called.
fn unread_compression(compression: CompressionMethod) -> Option<String> {
    use CompressionMethod as Method;

    let name = match compression {
        Method::None | Method::LZW | Method::Deflate | Method::OldDeflate | Method::PackBits | Method::ZSTD => {
            return None;
        }
        Method::WebP | Method::ModernJPEG | Method::Fax4 => return None,
        Method::Huffman | Method::Fax3 => "CCITT group 3 compression",
        Method::JPEG => "JPEG compression of the kind that TIFF had first",
        Method::Unknown(33003 | 33004 | 33005 | 34712) => "JPEG 2000 compression",
        Method::Unknown(34887) => "LERC compression",
        Method::Unknown(34925) => "LZMA compression",
        Method::Unknown(50002 | 52546) => "JPEG XL compression",
        other => return Some(format!("compression number {}", other.to_u16())),
    };
    Some(name.to_owned())
}

/// The directory that describes the picture, to show the decoder another one.
struct Directory<'d, 'a, 'f> {
    decoder: &'d mut TiffDecoder<'a>,
    file: &'f [u8],
    is_little: bool,
    is_big_tiff: bool,
}

impl<'d, 'a, 'f> Directory<'d, 'a, 'f> {
    fn of(decoder: &'d mut TiffDecoder<'a>, file: &'f [u8]) -> Self {
        let is_little = decoder.byte_order() == ByteOrder::LittleEndian;
        let is_big_tiff = file.get(2..4).is_some_and(|version| version.contains(&43));
        Self { decoder, file, is_little, is_big_tiff }
    }

    /// Gives a tag another value, if the directory has it.
    fn replace(&mut self, tag: Tag, value: u32) {
        let Some(entry) = self.entry(tag) else { return };
        let mut bytes = self.bytes(Type::LONG.to_u16().into(), 2);
        bytes.extend(self.bytes(1, self.word()));
        bytes.extend(self.bytes(value.into(), 4));
        self.decoder.inner().replace(entry, bytes);
    }

    /// Makes every one of `count` places the one that follows the file and a table of these places.
    fn point_behind_the_file(&mut self, tag: Tag, count: usize) -> Option<()> {
        let entry = self.entry(tag)?;
        let word = self.word();
        let end = self.file.len() as u64;
        // A single place stands in the entry itself, and the table is not looked at.
        let place = end + (word * count) as u64;
        if !self.is_big_tiff && place > u32::MAX.into() {
            return None;
        }
        let kind = if self.is_big_tiff { Type::LONG8 } else { Type::LONG };
        let mut bytes = self.bytes(kind.to_u16().into(), 2);
        bytes.extend(self.bytes(count as u64, word));
        bytes.extend(self.bytes(if count == 1 { place } else { end }, word));
        let table = self.bytes(place, word).repeat(count);
        self.decoder.inner().replace(entry, bytes);
        self.decoder.inner().append_table(table);
        Some(())
    }

    /// The length of a count and of a place.
    fn word(&self) -> usize {
        if self.is_big_tiff { 8 } else { 4 }
    }

    fn bytes(&self, number: u64, len: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..len].to_vec();
        if !self.is_little {
            bytes.reverse();
        }
        bytes
    }

    /// Where the type of a tag's value is. Of several entries, the decoder takes the last one.
    fn entry(&mut self, tag: Tag) -> Option<u64> {
        let directory = self.decoder.ifd_pointer()?.0;
        let (count_len, entry_len) = if self.is_big_tiff { (8, 20) } else { (2, 12) };
        let count = self.number(directory, count_len)?;
        let entries = (0..count).map(|i| directory + count_len as u64 + i * entry_len);
        let tags = entries.map_while(|entry| Some((entry, self.number(entry, 2)?)));
        tags.filter(|(_, number)| *number == u64::from(tag.to_u16())).last().map(|(entry, _)| entry + 2)
    }

    fn number(&self, at: u64, len: usize) -> Option<u64> {
        let bytes = self.file.get(usize::try_from(at).ok()?..)?.get(..len)?;
        let digits = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, digits) } else { bytes.iter().fold(0, digits) })
    }
}

/// Decoded samples: those of each plane, or all together.
pub(super) struct Samples {
    planes: Vec<DecodingResult>,
    bits: u32,
    /// Samples in a row of a plane, and of a pixel in a plane.
    per_row: usize,
    per_pixel: usize,
}

impl Samples {
    /// Row `y` as it is stored, if that is three samples a pixel of 8 bits each.
    pub(super) fn bytes(&self, y: usize) -> Option<&[u8]> {
        match &self.planes[..] {
            [DecodingResult::U8(bytes)] if self.bits == 8 && self.per_pixel == 3 => {
                Some(&bytes[y * self.per_row..(y + 1) * self.per_row])
            }
            _ => None,
        }
    }

    /// Writes the samples of some pixels of row `y`, from `x` on, as the numbers that are stored.
    pub(super) fn piece(&self, x: usize, y: usize, out: &mut [f32]) {
        if let [together] = &self.planes[..] {
            let count = out.len();
            return self.copy(together, y, x * self.per_pixel, count, out.iter_mut());
        }
        let step = self.planes.len();
        let count = out.len() / step;
        for (plane, data) in self.planes.iter().enumerate() {
            let out = out[plane..].iter_mut().step_by(step);
            self.copy(data, y, x * self.per_pixel, count, out);
        }
    }

    fn copy<'a>(
        &self,
        data: &DecodingResult,
        y: usize,
        first: usize,
        count: usize,
        out: impl Iterator<Item = &'a mut f32>,
    ) {
        let start = y * self.per_row + first;
        let range = start..start + count;
        match data {
            DecodingResult::U8(packed) if self.bits != 8 => {
                let bits = self.bits as usize;
                let row_bytes = (self.per_row * bits).div_ceil(8);
                let row = &packed[y * row_bytes..(y + 1) * row_bytes];
                out.zip(first..).for_each(|(out, i)| *out = packed_sample(row, i * bits, self.bits) as f32);
            }
            DecodingResult::U8(samples) => fill(out, &samples[range], f32::from),
            DecodingResult::U16(samples) => fill(out, &samples[range], f32::from),
            DecodingResult::U32(samples) => fill(out, &samples[range], |sample| sample as f32),
            DecodingResult::U64(samples) => fill(out, &samples[range], |sample| sample as f32),
            DecodingResult::F16(samples) => fill(out, &samples[range], f32::from),
            DecodingResult::F32(samples) => fill(out, &samples[range], f32::from),
            DecodingResult::F64(samples) => fill(out, &samples[range], |sample| sample as f32),
            // Signed samples were refused before anything was read.
            DecodingResult::I8(_) | DecodingResult::I16(_) | DecodingResult::I32(_) | DecodingResult::I64(_) => {}
        }
    }
}

fn fill<'a, T: Copy>(out: impl Iterator<Item = &'a mut f32>, samples: &[T], convert: impl Fn(T) -> f32) {
    out.zip(samples).for_each(|(out, sample)| *out = convert(*sample));
}

/// A sample of up to 16 bits that begins at bit `at` of a row, the first bit of a byte being the highest.
fn packed_sample(row: &[u8], at: usize, bits: u32) -> u32 {
    let byte = |i: usize| u32::from(row.get(at / 8 + i).copied().unwrap_or(0));
    let window = byte(0) << 24 | byte(1) << 16 | byte(2) << 8;
    window << (at % 8) >> (32 - bits)
}
