//! Whether a JPEG holds all of its picture. The decoder paints what is missing grey and reports nothing.

use std::cell::OnceCell;

/// The decoder takes no more scans than this.
const MOST_SCANS: usize = 100;

/// The segments before the first scan: their markers and what they hold.
fn segments(file: &[u8]) -> impl Iterator<Item = (u8, &[u8], std::ops::Range<usize>)> {
    let mut at = 2;
    std::iter::from_fn(move || {
        let (marker, body) = next_marker(file, at)?;
        if matches!(marker, 0x01 | 0xD0..=0xDA) {
            return None;
        }
        let end = body + usize::from(u16::from_be_bytes(*file.get(body..)?.first_chunk()?));
        let data = file.get(body + 2..end)?;
        let whole = at..end;
        at = end;
        Some((marker, data, whole))
    })
}

/// The blocks that are called EXIF, which others may precede.
pub(super) fn exif(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let called = segments(file).filter(|(marker, data, _)| *marker == 0xE1 && data.starts_with(b"Exif\0\0"));
    called.map(|(_, data, _)| data)
}

/// The file in two parts, without profiles, texts and EXIF before its first scan: they are not needed for pixels, and the
/// decoder refuses the picture if it does not understand them.
pub(super) fn pixels_only(file: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut kept = file[..2].to_vec();
    let mut end = 2;
    for (marker, _, whole) in segments(file) {
        end = whole.end;
        // But JFIF and Adobe, which say how colours are coded.
        if !matches!(marker, 0xE1..=0xED | 0xEF | 0xFE) {
            kept.extend_from_slice(&file[whole]);
        }
    }
    (kept, &file[end..])
}

/// Whether the end-of-image marker follows the last scan. Skips segments by their length, so that the marker of a
/// thumbnail inside EXIF does not count.
pub(super) fn has_end(file: &[u8]) -> bool {
    let mut at = 2;
    while let Some((marker, body)) = next_marker(file, at) {
        match marker {
            0xD9 => return true,
            // A restart marker, or another without a body.
            0x01 | 0xD0..=0xD8 => at = body,
            _ => {
                let Some(length) = file.get(body..).and_then(|rest| rest.first_chunk()) else { return false };
                at = body + usize::from(u16::from_be_bytes(*length));
            }
        }
    }
    false
}

/// Whether the scans have every bit of every block: a file may be cut and yet end in the end-of-image marker. What is
/// damaged in other ways, or not coded by Huffman's method, is left to the decoder to judge.
pub(super) fn has_every_block(file: &[u8]) -> bool {
    !matches!(walk(file), Err(Stop::Short))
}

/// What the first frame says of the picture.
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: usize,
    is_progressive: bool,
}

/// The bytes of the coefficients that the decoder holds at most while it reads the picture: all of them, if they come in
/// several scans.
pub(super) fn coefficients_held(file: &[u8]) -> u64 {
    let shape = shape(file).filter(|shape| shape.is_progressive);
    shape.map_or(0, |shape| 2 * u64::from(shape.width) * u64::from(shape.height) * shape.components as u64)
}

pub(super) fn shape(file: &[u8]) -> Option<Shape> {
    let mut at = 2;
    loop {
        let (marker, body) = next_marker(file, at)?;
        let length = usize::from(u16::from_be_bytes(*file.get(body..)?.first_chunk()?));
        match marker {
            0x01 | 0xD0..=0xD8 => at = body,
            // All but the tables and extensions that lie between them.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let &[_, h1, h0, w1, w0, components] = file.get(body + 2..)?.first_chunk()?;
                let side = |bytes| u32::from(u16::from_be_bytes(bytes));
                return Some(Shape {
                    width: side([w1, w0]),
                    height: side([h1, h0]),
                    components: components.into(),
                    is_progressive: matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE),
                });
            }
            0xD9 | 0xDA => return None,
            _ => at = body + length,
        }
    }
}

enum Stop {
    /// The data end before the blocks do.
    Short,
    /// Nothing can be said from here on.
    Unknown,
}

/// The next marker's code at or after `at`, and where what follows it begins.
fn next_marker(file: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += file.get(at..)?.iter().position(|&byte| byte == 0xFF)? + 1;
        match *file.get(at)? {
            // A stuffed zero inside a scan.
            0x00 => at += 1,
            // A fill byte: the marker's code is still to come.
            0xFF => {}
            marker => return Some((marker, at + 1)),
        }
    }
}

fn walk(file: &[u8]) -> Result<(), Stop> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    let mut at = 2;
    loop {
        let (marker, body) = next_marker(file, at).ok_or(Stop::Short)?;
        if marker == 0xD9 {
            let frame = frame.ok_or(Stop::Unknown)?;
            return if frame.components.iter().all(|c| c.exact == u64::MAX) { Ok(()) } else { Err(Stop::Short) };
        }
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            at = body;
            continue;
        }
        let length = file.get(body..).and_then(|rest| rest.first_chunk()).ok_or(Stop::Short)?;
        let end = body + usize::from(u16::from_be_bytes(*length));
        let segment = file.get(body + 2..end).ok_or(Stop::Unknown)?;
        at = end;
        match marker {
            0xC4 => tables.read_huffman(segment)?,
            0xDD => tables.restart = usize::from(u16::from_be_bytes(*segment.first_chunk().ok_or(Stop::Unknown)?)),
            0xC0..=0xC2 if frame.is_none() => frame = Some(Frame::read(segment, marker == 0xC2)?),
            // Lossless, hierarchical and arithmetic frames.
            0xC0..=0xCF => return Err(Stop::Unknown),
            0xDA => {
                scans += 1;
                if scans > MOST_SCANS {
                    return Err(Stop::Unknown);
                }
                let mut bits = Bits { file, at, held: 0, count: 0 };
                frame.as_mut().ok_or(Stop::Unknown)?.scan(segment, &tables, &mut bits)?;
                at = bits.at;
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Tables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// Units between restart markers; 0 for none.
    restart: usize,
}

impl Tables {
    fn read_huffman(&mut self, mut segment: &[u8]) -> Result<(), Stop> {
        while let Some((&[class_and_id, ref counts @ ..], rest)) = segment.split_first_chunk::<17>() {
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(Stop::Unknown)?;
            let set = if class_and_id >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let place = set.get_mut(usize::from(class_and_id & 15)).ok_or(Stop::Unknown)?;
            *place = Some(Huffman::new(counts, symbols));
            segment = rest;
        }
        Ok(())
    }
}

/// Codes up to this length are looked up.
const QUICK: u32 = 9;

/// Bits that several codes are looked up by at once.
const SEVERAL: u32 = 10;

/// Canonical codes: those of one length are consecutive numbers.
struct Huffman {
    /// By the next [`QUICK`] bits: the length of the code that they begin with, and its symbol; 0 if it is longer.
    quick: Box<[u16; 1 << QUICK]>,
    /// What [`Steps`] the next [`SEVERAL`] bits are, made when it is first needed.
    several: OnceCell<Box<[Steps; 1 << SEVERAL]>>,
    /// By length: the first number that is no longer a code of this length, and what to add to a code for its symbol.
    lengths: [(u32, i32); 16],
    symbols: Vec<u8>,
}

impl Huffman {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Self {
        let (mut code, mut symbol) = (0u32, 0i32);
        let lengths = counts.map(|count| {
            let first = code;
            code += u32::from(count);
            let entry = (code, symbol - first as i32);
            symbol += i32::from(count);
            code <<= 1;
            entry
        });
        let quick = Self::quick(counts, symbols);
        Self { quick, several: OnceCell::new(), lengths, symbols: symbols.to_vec() }
    }

    fn several(&self) -> &[Steps; 1 << SEVERAL] {
        self.several.get_or_init(|| Box::new(std::array::from_fn(|window| Steps::read(window, &self.quick))))
    }

    fn quick(counts: &[u8; 16], symbols: &[u8]) -> Box<[u16; 1 << QUICK]> {
        let mut quick = Box::new([0; 1 << QUICK]);
        let (mut next, mut symbols) = (0, symbols.iter());
        for (length, count) in (1..=QUICK).zip(counts) {
            let each = 1 << (QUICK - length);
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                // A table of more codes than there can be has no place for the last ones.
                let Some(places) = quick.get_mut(next..next + each) else { return quick };
                places.fill(u16::from(*symbol) | (length as u16) << 8);
                next += each;
            }
        }
        quick
    }
}

/// AC codes of a sequential frame that stand whole, with their values, at the beginning of some bits.
#[derive(Clone, Copy, Default)]
struct Steps {
    /// How many of the bits they are; 0 if there is no such code.
    bits: u8,
    /// The coefficients that they pass over.
    coefficients: u8,
    /// 1 if the block ends with them.
    ends: u8,
}

impl Steps {
    fn read(window: usize, quick: &[u16; 1 << QUICK]) -> Self {
        let mut steps = Self::default();
        while steps.ends == 0 {
            let rest = window << steps.bits & ((1 << SEVERAL) - 1);
            let found = quick[rest >> (SEVERAL - QUICK)];
            let symbol = found as u8;
            let bits = steps.bits + (found >> 8) as u8 + (symbol & 15);
            let coefficients = steps.coefficients + (symbol >> 4) + 1;
            if found == 0 || u32::from(bits) > SEVERAL || coefficients > 63 {
                break;
            }
            steps.bits = bits;
            if is_end(symbol) {
                steps.ends = 1;
            } else {
                steps.coefficients = coefficients;
            }
        }
        steps
    }
}

/// Whether an AC symbol says that the rest of a block is zero.
fn is_end(symbol: u8) -> bool {
    symbol & 15 == 0 && symbol < 0xF0
}

struct Component {
    id: u8,
    horizontal: usize,
    vertical: usize,
    /// Blocks that the picture needs, across and down.
    needed: (usize, usize),
    /// Blocks in a row, with those that only fill up the last unit.
    stride: usize,
    /// A progressive frame's coefficients that are not zero, a bit each: later scans have a code for each of them.
    nonzero: Vec<u64>,
    /// The coefficients of which the last bit has come, a bit each.
    exact: u64,
}

struct Frame {
    progressive: bool,
    components: Vec<Component>,
    units: (usize, usize),
}

impl Frame {
    fn read(segment: &[u8], progressive: bool) -> Result<Self, Stop> {
        let &[_, h1, h0, w1, w0, count, ref rest @ ..] = segment else { return Err(Stop::Unknown) };
        let (width, height) = (usize::from(u16::from_be_bytes([w1, w0])), usize::from(u16::from_be_bytes([h1, h0])));
        let parts: Vec<(u8, usize, usize)> =
            rest.chunks_exact(3).map(|c| (c[0], usize::from(c[1] >> 4), usize::from(c[1] & 15))).collect();
        let allowed = parts.iter().all(|&(_, h, v)| (1..=4).contains(&h) && (1..=4).contains(&v));
        // A height of zero comes after the first scan.
        if parts.len() != usize::from(count) || !(1..=4).contains(&parts.len()) || !allowed || width * height == 0 {
            return Err(Stop::Unknown);
        }
        let widest = parts.iter().map(|p| p.1).max().unwrap_or(1);
        let tallest = parts.iter().map(|p| p.2).max().unwrap_or(1);
        let units = (width.div_ceil(8 * widest), height.div_ceil(8 * tallest));
        let components = parts
            .into_iter()
            .map(|(id, horizontal, vertical)| {
                let stride = units.0 * horizontal;
                let blocks = if progressive { stride * units.1 * vertical } else { 0 };
                let needed = ((width * horizontal).div_ceil(8 * widest), (height * vertical).div_ceil(8 * tallest));
                Component { id, horizontal, vertical, needed, stride, nonzero: vec![0; blocks], exact: 0 }
            })
            .collect();
        Ok(Self { progressive, components, units })
    }

    fn scan(&mut self, segment: &[u8], tables: &Tables, bits: &mut Bits<'_>) -> Result<(), Stop> {
        let (&count, rest) = segment.split_first().ok_or(Stop::Unknown)?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(Stop::Unknown)?;
        let &[first, last, approximation, ..] = rest else { return Err(Stop::Unknown) };
        let band = if self.progressive { (first, last) } else { (0, 63) };
        if band.0 > band.1 || band.1 > 63 || (self.progressive && band.0 == 0 && band.1 != 0) {
            return Err(Stop::Unknown);
        }
        let mut parts = Vec::new();
        for pair in chosen.chunks_exact(2) {
            let component = self.components.iter().position(|c| c.id == pair[0]).ok_or(Stop::Unknown)?;
            let dc = tables.dc.get(usize::from(pair[1] >> 4)).and_then(Option::as_ref);
            let ac = tables.ac.get(usize::from(pair[1] & 15)).and_then(Option::as_ref);
            parts.push((component, Coder { dc, ac, band, refines: self.progressive && approximation >> 4 != 0 }));
        }
        let alone = match &parts[..] {
            [] => return Err(Stop::Unknown),
            [(component, _)] => Some(*component),
            _ if self.progressive && band.0 > 0 => return Err(Stop::Unknown),
            _ => None,
        };
        let (across, down) = alone.map_or(self.units, |component| self.components[component].needed);
        // How many further blocks have no coefficient that is new.
        let mut run = 0;
        for unit in 0..across * down {
            if tables.restart > 0 && unit > 0 && unit % tables.restart == 0 {
                bits.restart()?;
                run = 0;
            }
            let (x, y) = (unit % across, unit / across);
            for (component, coder) in &parts {
                let component = &mut self.components[*component];
                let (h, v) = if alone.is_some() { (1, 1) } else { (component.horizontal, component.vertical) };
                for block in 0..h * v {
                    if !self.progressive {
                        coder.sequential_block(bits)?;
                        continue;
                    }
                    let place = (y * v + block / h) * component.stride + x * h + block % h;
                    let nonzero = component.nonzero.get_mut(place).ok_or(Stop::Unknown)?;
                    coder.block(bits, nonzero, &mut run)?;
                }
            }
        }
        if !self.progressive || approximation & 15 == 0 {
            for (component, _) in &parts {
                self.components[*component].exact |= coefficients(band.0, band.1);
            }
        }
        Ok(())
    }
}

/// A bit for each coefficient from `first` to `last`.
fn coefficients(first: u8, last: u8) -> u64 {
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// How the blocks of one component are coded in a scan.
struct Coder<'a> {
    dc: Option<&'a Huffman>,
    ac: Option<&'a Huffman>,
    band: (u8, u8),
    refines: bool,
}

impl Coder<'_> {
    /// Passes over one block of a sequential frame.
    fn sequential_block(&self, bits: &mut Bits<'_>) -> Result<(), Stop> {
        let (dc, ac) = self.dc.zip(self.ac).ok_or(Stop::Unknown)?;
        let size = bits.symbol(dc)?;
        bits.skip(value_size(size)?)?;
        let several = ac.several();
        let mut k = 1;
        while k < 64 {
            // Not those that belong to the next block.
            if let Some(steps) = bits.peek(SEVERAL).map(|window| several[window])
                && steps.bits > 0
                && k + steps.coefficients + steps.ends <= 64
            {
                bits.count -= u32::from(steps.bits);
                k += steps.coefficients;
                if steps.ends == 1 {
                    break;
                }
                continue;
            }
            let symbol = bits.symbol(ac)?;
            bits.skip(u32::from(symbol & 15))?;
            if is_end(symbol) {
                break;
            }
            k += (symbol >> 4) + 1;
        }
        Ok(())
    }

    /// Passes over one block of a progressive frame.
    fn block(&self, bits: &mut Bits<'_>, nonzero: &mut u64, run: &mut u32) -> Result<(), Stop> {
        let (mut k, last) = self.band;
        if k == 0 {
            if self.refines {
                return bits.skip(1);
            }
            let size = bits.symbol(self.dc.ok_or(Stop::Unknown)?)?;
            bits.skip(value_size(size)?)?;
            k = 1;
        }
        if k > last {
            return Ok(());
        }
        let table = self.ac.ok_or(Stop::Unknown)?;
        while *run == 0 && k <= last {
            let symbol = bits.symbol(table)?;
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            if size == 0 && zeros < 15 {
                // The rest of this block, and of as many further ones as the bits say, has nothing new.
                *run = (1 << zeros) + bits.take(zeros.into())?;
                break;
            }
            bits.skip(u32::from(size))?;
            // Over as many coefficients as are still zero, with a bit for each that is not.
            while k <= last {
                if self.refines && *nonzero >> k & 1 == 1 {
                    bits.skip(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if size > 0 && k <= last {
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if *run > 0 {
            *run -= 1;
            if self.refines && k <= last {
                let codes = (*nonzero & coefficients(k, last)).count_ones();
                (0..codes).try_for_each(|_| bits.skip(1))?;
            }
        }
        Ok(())
    }
}

/// The bits of a difference of DC coefficients: 16 at most.
fn value_size(symbol: u8) -> Result<u32, Stop> {
    if symbol <= 16 { Ok(symbol.into()) } else { Err(Stop::Unknown) }
}

/// The bits of a scan, up to the next marker.
struct Bits<'a> {
    file: &'a [u8],
    at: usize,
    /// Bits read ahead, the last one lowest.
    held: u64,
    count: u32,
}

impl Bits<'_> {
    #[inline]
    fn fill(&mut self) {
        // Four bytes at once where none of them is the beginning of a marker.
        if self.count <= 24
            && let Some(word) = self.file.get(self.at..).and_then(|rest| rest.first_chunk())
            && !word.contains(&0xFF)
        {
            self.held = self.held << 32 | u64::from(u32::from_be_bytes(*word));
            self.count += 32;
            self.at += 4;
            return;
        }
        while self.count <= 48 {
            let Some(&byte) = self.file.get(self.at) else { return };
            if byte == 0xFF {
                match self.file.get(self.at + 1) {
                    Some(0x00) => self.at += 1,
                    Some(0xFF) => {
                        self.at += 1;
                        continue;
                    }
                    _ => return,
                }
            }
            self.at += 1;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> Result<u32, Stop> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count).ok_or(Stop::Short)?;
        Ok((self.held >> self.count & ((1 << count) - 1)) as u32)
    }

    fn skip(&mut self, count: u32) -> Result<(), Stop> {
        self.take(count).map(drop)
    }

    /// The next bits, if there are as many.
    #[inline]
    fn peek(&mut self, count: u32) -> Option<usize> {
        if self.count < count {
            self.fill();
        }
        let rest = self.count.checked_sub(count)?;
        Some((self.held >> rest) as usize % (1 << count))
    }

    fn symbol(&mut self, table: &Huffman) -> Result<u8, Stop> {
        if self.count < 16 {
            self.fill();
        }
        if let Some(found) = self.peek(QUICK).map(|window| table.quick[window])
            && found != 0
        {
            self.count -= u32::from(found >> 8);
            return Ok(found as u8);
        }
        for (length, &(end, offset)) in (1..).zip(&table.lengths) {
            let rest = self.count.checked_sub(length).ok_or(Stop::Short)?;
            let code = (self.held >> rest & ((1 << length) - 1)) as u32;
            if code < end {
                self.count = rest;
                let symbol = usize::try_from(code as i32 + offset).map_err(|_| Stop::Unknown)?;
                return table.symbols.get(symbol).copied().ok_or(Stop::Unknown);
            }
        }
        Err(Stop::Unknown)
    }

    /// Goes behind the restart marker that must come next.
    fn restart(&mut self) -> Result<(), Stop> {
        self.count = 0;
        match next_marker(self.file, self.at) {
            Some((0xD0..=0xD7, after)) => {
                self.at = after;
                Ok(())
            }
            _ => Err(Stop::Short),
        }
    }
}
