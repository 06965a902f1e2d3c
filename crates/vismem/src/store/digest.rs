//! The digest of a memory: a multiset hash over its exemplars.
//!
//! It is LtHash (Bellare and Micciancio's AdHash over vectors, as in Lewi et al., "Securing Update Propagation with
//! Homomorphic Hashing", 2019) with 1,024 lanes of 16 bits: each exemplar is expanded by BLAKE3 to 2,048 bytes, and
//! the lanes of all exemplars are summed modulo 2¹⁶. Addition commutes and has an inverse, so the digest depends on
//! what the memory holds and not on the order or the detours by which it came to hold it.

use std::borrow::Cow;
use std::fmt;

use crate::{AttributeValue, Attributes};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const LANES: usize = 1024;
/// Length of the sum as it is stored.
pub(crate) const STATE_BYTES: usize = 2 * LANES;

const ELEMENT: &str = "vismem 2026-11 exemplar of the multiset digest";
const DIGEST: &str = "vismem 2026-11 multiset digest";

/// What an exemplar contributes to the digest: its content, not its id, slot or time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// BLAKE3 of the embedding's bytes (f32, little-endian).
    pub vector: &'a [u8; 32],
    /// Hash of the content that the embedding was made from.
    pub content: &'a [u8; 32],
    pub label: &'a str,
    pub source: Option<&'a [u8]>,
    pub attributes: &'a Attributes,
}

/// The sum over all exemplars.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DigestState {
    lanes: Box<[u16; LANES]>,
}

impl DigestState {
    pub(crate) fn empty() -> Self {
        Self { lanes: Box::new([0; LANES]) }
    }

    pub(crate) fn from_bytes(bytes: &[u8; STATE_BYTES]) -> Self {
        let mut state = Self::empty();
        for (lane, bytes) in state.lanes.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *lane = u16::from_le_bytes(*bytes);
        }
        state
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    pub(crate) fn add(&mut self, element: &Element<'_>) {
        for (lane, value) in self.lanes.iter_mut().zip(expand(element)) {
            *lane = lane.wrapping_add(value);
        }
    }

    pub(crate) fn subtract(&mut self, element: &Element<'_>) {
        for (lane, value) in self.lanes.iter_mut().zip(expand(element)) {
            *lane = lane.wrapping_sub(value);
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest(blake3::derive_key(DIGEST, &self.to_bytes()))
    }
}

fn expand(element: &Element<'_>) -> [u16; LANES] {
    let mut hasher = blake3::Hasher::new_derive_key(ELEMENT);
    hasher.update(element.vector).update(element.content);
    // Lengths stand before what varies in length, so that no two exemplars hash the same bytes.
    hasher.update(&(element.label.len() as u64).to_le_bytes()).update(element.label.as_bytes());
    match (element.source, element.attributes.is_empty()) {
        (None, true) => hasher.update(&[0]),
        (Some(source), true) => hasher.update(&[1]).update(source),
        (None, false) => hasher.update(&[2]),
        (Some(source), false) => hasher.update(&[3]).update(&(source.len() as u64).to_le_bytes()).update(source),
    };
    for (name, value) in element.attributes.iter() {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        match value {
            AttributeValue::Text(text) => {
                hasher.update(&[0]).update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes())
            }
            AttributeValue::Number(number) => hasher.update(&[1]).update(&number.to_le_bytes()),
            AttributeValue::Boolean(boolean) => hasher.update(&[2, u8::from(*boolean)]),
            AttributeValue::Date(date) => hasher.update(&[3]).update(date.to_string().as_bytes()),
        };
    }
    let mut bytes = [0; STATE_BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    let mut lanes = [0; LANES];
    for (lane, bytes) in lanes.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *lane = u16::from_le_bytes(*bytes);
    }
    lanes
}

/// What a memory holds, in 32 bytes; printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits, as a digest is printed.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// As text, 64 hexadecimal digits.
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a digest")))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(labels: &[String]) -> DigestState {
        let mut state = DigestState::empty();
        for label in labels {
            state.add(&Element {
                vector: &[1; 32],
                content: &[2; 32],
                label,
                source: None,
                attributes: &Attributes::new(),
            });
        }
        state
    }

    proptest! {
        #[test]
        fn the_digest_does_not_depend_on_order(mut labels in prop::collection::vec("[a-c]{0,3}", 0..8)) {
            let before = sum(&labels).digest();
            labels.reverse();
            prop_assert_eq!(before, sum(&labels).digest());
            labels.push("one more".into());
            prop_assert_ne!(before, sum(&labels).digest());
        }
    }

    #[test]
    fn the_state_survives_storage() {
        let state = sum(&["a".into(), "b".into()]);
        let bytes: [u8; STATE_BYTES] = state.to_bytes().try_into().unwrap();
        assert!(DigestState::from_bytes(&bytes) == state);
        assert_eq!(Digest::from_hex(&state.digest().to_string()), Some(state.digest()));
        assert_eq!(Digest::from_hex("ab"), None);
        assert_eq!(Digest::from_hex(&"x".repeat(64)), None);
    }

    #[test]
    fn every_part_of_an_exemplar_counts() {
        let base = Element {
            vector: &[1; 32],
            content: &[2; 32],
            label: "ab",
            source: Some(b"c"),
            attributes: &Attributes::new(),
        };
        let with = |pairs: &[(&str, AttributeValue)]| {
            let mut attributes = Attributes::new();
            pairs.iter().for_each(|(name, value)| drop(attributes.insert(*name, value.clone()).unwrap()));
            attributes
        };
        let day: crate::Date = "2020-01-02".parse().unwrap();
        let attributes = [
            with(&[("a", "b".into())]),
            with(&[("ab", "".into())]),
            with(&[("a", "b".into()), ("c", "d".into())]),
            with(&[("a", 1.0.into())]),
            with(&[("a", true.into())]),
            with(&[("a", day.into())]),
            with(&[("a", "2020-01-02".into())]),
            // The source could end in what looks like attributes.
            with(&[("a", "".into())]),
        ];
        let sources = [None, Some(&b"c"[..]), Some(b"")];
        let with_attributes =
            attributes.iter().flat_map(|attributes| sources.map(|source| Element { attributes, source, ..base }));
        let all: Vec<Element<'_>> = [
            base,
            Element { vector: &[9; 32], ..base },
            Element { content: &[9; 32], ..base },
            Element { label: "a", source: Some(b"bc"), ..base },
            Element { source: None, ..base },
            Element { source: Some(b""), ..base },
        ]
        .into_iter()
        .chain(with_attributes)
        .collect();
        let digests: std::collections::HashSet<Digest> = all
            .iter()
            .map(|element| {
                let mut state = DigestState::empty();
                state.add(element);
                state.digest()
            })
            .collect();
        assert_eq!(digests.len(), all.len());
    }
}
