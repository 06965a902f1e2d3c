use std::fmt;

use serde::Serialize;

/// Identity of the encoder whose embeddings a memory holds.
///
/// Distances between embeddings of different encoders mean nothing, so a memory takes those of one encoder only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EncoderIdentity {
    /// Name for people.
    pub name: String,
    /// Hash of model and preprocessing; what identity is decided by. Empty where nobody knows it.
    pub hash: String,
    /// Dimension of the embeddings.
    pub dim: usize,
}

impl EncoderIdentity {
    /// The stand-in for embeddings that came as numbers, without word of what made them.
    pub fn unknown(dim: usize) -> Self {
        Self { name: "unknown".into(), hash: String::new(), dim }
    }

    /// Whether embeddings of `other` may be compared with those of this encoder.
    pub fn same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.dim == other.dim
    }
}

/// Name, dimension and the beginning of the hash.
impl fmt::Display for EncoderIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} dimensions", self.name, self.dim)?;
        match self.hash.get(..12) {
            Some(hash) => write!(f, ", {hash})"),
            None => write!(f, ")"),
        }
    }
}
