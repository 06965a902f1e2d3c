//! A checksum of parts that change one at a time.

use twox_hash::XxHash3_128;

/// The sum over parts of XXH3 (128 bits) of their bytes, seeded with their number, modulo 2¹²⁸: when a part changes, the
/// others need not be looked at. It finds damage, not intent, and keeps up with memory: all of a file goes through it
/// before anything is answered from the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checksum(u128);

impl Checksum {
    /// Of one part.
    pub(crate) fn of(part: usize, bytes: &[u8]) -> Self {
        Self(XxHash3_128::oneshot_with_seed(part as u64, bytes))
    }

    /// From what a file has.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(u128::from_le_bytes(*bytes.first_chunk().expect("16 of 32 bytes")))
    }

    /// As a file has it: the sum, little-endian, and zeros.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.0.to_le_bytes());
        bytes
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl std::iter::Sum for Checksum {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::plus)
    }
}
