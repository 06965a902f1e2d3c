//! The header of a `.npy` file: a literal of a Python dictionary. [NumPy's description] is the reference.
//!
//! [NumPy's description]: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

use std::fmt;
use std::io::{self, Read};

/// What the header says of the values behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What each value is.
    pub kind: Kind,
    /// The type as the header has it: `'<f4'`. Of a long one the beginning.
    pub descr: String,
    /// Whether the first axis varies fastest; else the last does.
    pub fortran_order: bool,
    /// The length of each axis.
    pub shape: Vec<u64>,
}

/// What a value is. Sizes are bytes, except of [`Kind::Unicode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IEEE 754, of 2, 4 or 8 bytes.
    Float(usize, Order),
    /// A signed number of 1, 2, 4 or 8 bytes.
    Int(usize, Order),
    /// An unsigned number of 1, 2, 4 or 8 bytes.
    Uint(usize, Order),
    /// Text of so many code points, each of 4 bytes, filled up with zeros.
    Unicode(u64, Order),
    /// Text of so many bytes, filled up with zeros.
    Bytes(u64),
    /// Something else: records, objects, times, complex numbers.
    Other,
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The least significant first.
    Little,
    /// The most significant first.
    Big,
}

/// Why a header cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderError(&'static str);

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for HeaderError {}

/// The longest header that is read. NumPy itself takes up to 10,000 bytes unless it is told otherwise.
const LONGEST: u32 = 1 << 20;

/// The longest type that an error repeats.
const LONGEST_SHOWN: usize = 80;

impl Header {
    /// Reads magic, version, length and dictionary, from the beginning of a file up to its first value.
    ///
    /// # Errors
    /// When the file ends before that, or it is not a header of version 1, 2 or 3, or longer than 1 MiB.
    pub fn read(mut file: impl Read) -> io::Result<Self> {
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, HeaderError(what));
        let mut start = [0; 8];
        file.read_exact(&mut start)?;
        let [magic @ .., major, _] = start;
        if magic != *b"\x93NUMPY" {
            return Err(invalid("it does not begin as one"));
        }
        let len = match major {
            1 => {
                let mut len = [0; 2];
                file.read_exact(&mut len)?;
                u16::from_le_bytes(len).into()
            }
            2 | 3 => {
                let mut len = [0; 4];
                file.read_exact(&mut len)?;
                u32::from_le_bytes(len)
            }
            _ => return Err(invalid("its format is of a version that is not known here")),
        };
        if len > LONGEST {
            return Err(invalid("its header is too long"));
        }
        let mut text = vec![0; len as usize];
        file.read_exact(&mut text)?;
        let text = match major {
            3 => String::from_utf8(text).map_err(|_| invalid("its header is not UTF-8"))?,
            // Older headers are Latin-1.
            _ => text.into_iter().map(char::from).collect(),
        };
        Self::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Reads the dictionary alone.
    ///
    /// # Errors
    /// When it is not a dictionary, or `descr`, `fortran_order` or `shape` is missing or given twice.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let mut rest = Scanner { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        rest.expect('{')?;
        while !rest.take('}') {
            let key = rest.string()?;
            rest.expect(':')?;
            let is_new = match key {
                "descr" => descr.replace(rest.value()?).is_none(),
                "fortran_order" => fortran_order.replace(rest.boolean()?).is_none(),
                "shape" => shape.replace(rest.shape()?).is_none(),
                _ => rest.value().map(|_| true)?,
            };
            if !is_new {
                return Err(HeaderError("its header has a key twice"));
            }
            if !rest.take(',') {
                rest.expect('}')?;
                break;
            }
        }
        if !rest.is_at_end() {
            return Err(HeaderError("its header goes on behind the dictionary"));
        }
        let (Some(descr), Some(fortran_order), Some(shape)) = (descr, fortran_order, shape) else {
            return Err(HeaderError("its header lacks descr, fortran_order or shape"));
        };
        let shown =
            descr.char_indices().nth(LONGEST_SHOWN).map_or(descr.to_owned(), |(end, _)| format!("{}…", &descr[..end]));
        Ok(Self { kind: Kind::of(descr), descr: shown, fortran_order, shape })
    }

    /// How many values there are; `None` where that is not a number of 64 bits.
    pub fn values(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |values, axis| values.checked_mul(*axis))
    }
}

impl Kind {
    /// The kind that a type has as the header writes it, in quotes.
    fn of(descr: &str) -> Self {
        Self::of_plain(descr.trim_matches(['\'', '"'])).unwrap_or(Self::Other)
    }

    fn of_plain(descr: &str) -> Option<Self> {
        let mut chars = descr.chars();
        let (order, letter) = (chars.next()?, chars.next()?);
        let size = chars.as_str();
        let size: u64 = size.parse().ok().filter(|_| size.bytes().all(|byte| byte.is_ascii_digit()))?;
        let number_order = match order {
            '<' => Order::Little,
            '>' => Order::Big,
            // Only what has one byte has no order.
            '|' if size == 1 || letter == 'S' || letter == 'a' => Order::Little,
            _ => return None,
        };
        let width = usize::try_from(size).ok()?;
        Some(match (letter, size) {
            ('f', 2 | 4 | 8) => Self::Float(width, number_order),
            ('i', 1 | 2 | 4 | 8) => Self::Int(width, number_order),
            ('u', 1 | 2 | 4 | 8) => Self::Uint(width, number_order),
            ('U', _) => Self::Unicode(size, number_order),
            ('S' | 'a', _) => Self::Bytes(size),
            _ => return None,
        })
    }

    /// Bytes of a value; `None` where that is not known or no number of 64 bits.
    pub fn size(self) -> Option<u64> {
        match self {
            Self::Float(size, _) | Self::Int(size, _) | Self::Uint(size, _) => Some(size as u64),
            Self::Unicode(length, _) => length.checked_mul(4),
            Self::Bytes(size) => Some(size),
            Self::Other => None,
        }
    }
}

/// Reads literals of Python, as far as headers have them. White space before each does not count.
struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), HeaderError> {
        if self.take(wanted) { Ok(()) } else { Err(HeaderError("its header is not a dictionary of Python")) }
    }

    /// What is next, up to this many bytes.
    fn split(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// A string, with its quotes.
    fn quoted(&mut self) -> Result<&'t str, HeaderError> {
        self.skip_space();
        let quote = self.rest.chars().next().filter(|quote| ['\'', '"'].contains(quote));
        let quote = quote.ok_or(HeaderError("its header has no string where one belongs"))?;
        let mut escaped = false;
        for (at, char) in self.rest.char_indices().skip(1) {
            match char {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if char == quote => return Ok(self.split(at + 1)),
                _ => {}
            }
        }
        Err(HeaderError("a string in its header does not end"))
    }

    /// A string without its quotes.
    fn string(&mut self) -> Result<&'t str, HeaderError> {
        self.quoted().map(|quoted| &quoted[1..quoted.len() - 1])
    }

    fn boolean(&mut self) -> Result<bool, HeaderError> {
        self.skip_space();
        for (name, value) in [("True", true), ("False", false)] {
            if self.rest.starts_with(name) {
                self.split(name.len());
                return Ok(value);
            }
        }
        Err(HeaderError("fortran_order is neither True nor False"))
    }

    /// A tuple or list of whole numbers.
    fn shape(&mut self) -> Result<Vec<u64>, HeaderError> {
        let end = if self.take('(') {
            ')'
        } else {
            self.expect('[')?;
            ']'
        };
        let mut shape = Vec::new();
        while !self.take(end) {
            self.skip_space();
            let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = self.split(digits).parse();
            shape.push(number.map_err(|_| HeaderError("an axis of its shape has no length of 64 bits"))?);
            // As Python 2 wrote it.
            self.take('L');
            if !self.take(',') {
                self.expect(end)?;
                break;
            }
        }
        Ok(shape)
    }

    /// Any value, as it is written. Brackets are only counted: what is in them is not looked at.
    fn value(&mut self) -> Result<&'t str, HeaderError> {
        self.skip_space();
        let all = self.rest;
        let mut depth = 0usize;
        loop {
            self.skip_space();
            match self.rest.chars().next() {
                Some('\'' | '"') => drop(self.quoted()?),
                Some('(' | '[' | '{') => {
                    depth += 1;
                    self.split(1);
                }
                Some(')' | ']' | '}') if depth > 0 => {
                    depth -= 1;
                    self.split(1);
                }
                Some(',' | ':') if depth > 0 => drop(self.split(1)),
                Some(char) if char.is_alphanumeric() || ['_', '.', '+', '-'].contains(&char) => {
                    let is_word = |char: &char| char.is_alphanumeric() || ['_', '.', '+', '-'].contains(char);
                    let word = self.rest.chars().take_while(is_word).map(char::len_utf8).sum();
                    self.split(word);
                }
                _ => return Err(HeaderError("its header is not a dictionary of Python")),
            }
            if depth == 0 {
                return Ok(&all[..all.len() - self.rest.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> &'static str {
        Header::parse(text).unwrap_err().0
    }

    #[test]
    fn records_are_jumped_over_and_called_by_their_name() {
        let text =
            "{'descr': [('a\\'b', '<f4', (2, 3)), ('c', [('d', '|S3')])], 'fortran_order': False, 'shape': (3L,), }\n";
        let header = Header::parse(text).unwrap();
        assert_eq!((header.kind, &header.shape[..]), (Kind::Other, &[3][..]));
        assert!(header.descr.starts_with("[('a\\'b', '<f4'"), "{}", header.descr);
        let long = format!("{{'descr': '{}', 'fortran_order': True, 'shape': ()}}", "é".repeat(500));
        assert_eq!(Header::parse(&long).unwrap().descr.chars().count(), LONGEST_SHOWN + 1);
    }

    #[test]
    fn what_is_no_header_is_refused_with_the_reason() {
        assert_eq!(refused(""), "its header is not a dictionary of Python");
        assert_eq!(refused("{'descr': '<f4', 'shape': (3,)}"), "its header lacks descr, fortran_order or shape");
        assert_eq!(refused("{'shape': (3,), 'shape': (3,)}"), "its header has a key twice");
        assert_eq!(refused("{'shape': (-3,)}"), "an axis of its shape has no length of 64 bits");
        assert_eq!(refused("{'shape': (99999999999999999999,)}"), "an axis of its shape has no length of 64 bits");
        assert_eq!(refused("{'fortran_order': 1}"), "fortran_order is neither True nor False");
        assert_eq!(refused("{'descr': '<f4"), "a string in its header does not end");
        assert_eq!(refused(&format!("{{'descr': {}", "[".repeat(1 << 20))), "its header is not a dictionary of Python");
        let whole = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}";
        assert_eq!(refused(&format!("{whole} {whole}")), "its header goes on behind the dictionary");
    }

    #[test]
    fn a_length_that_nothing_follows_reserves_no_memory() {
        let mut file = b"\x93NUMPY\x02\x00".to_vec();
        file.extend(u32::MAX.to_le_bytes());
        assert_eq!(Header::read(&file[..]).unwrap_err().to_string(), "its header is too long");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            letter in "[fiu]", size in prop::sample::select(vec![1usize, 2, 4, 8]), is_big: bool,
            fortran_order: bool, shape in prop::collection::vec(any::<u64>(), 0..5), space in "[ \n\t]{0,3}",
        ) {
            prop_assume!(letter != "f" || size > 1);
            let (sign, order) = if is_big { ('>', Order::Big) } else { ('<', Order::Little) };
            let axes: String = shape.iter().map(|axis| format!("{axis},{space}")).collect();
            let python = if fortran_order { "True" } else { "False" };
            let text = format!(
                "{space}{{{space}'shape':{space}({axes}){space},{space}'fortran_order':{python}, \"descr\": '{sign}{letter}{size}'{space}}}{space}"
            );
            let kind = match letter.as_str() {
                "f" => Kind::Float(size, order),
                "i" => Kind::Int(size, order),
                _ => Kind::Uint(size, order),
            };
            let descr = format!("'{sign}{letter}{size}'");
            prop_assert_eq!(Header::parse(&text), Ok(Header { kind, descr, fortran_order, shape }));
        }

        #[test]
        fn no_text_panics(text in "[{}()\\[\\]'\":, a-zé0-9\\\\]{0,60}") {
            let _ = Header::parse(&text);
            let _ = Header::parse(&format!("{{'descr': {text}, 'fortran_order': False, 'shape': ({text})}}"));
        }
    }
}
