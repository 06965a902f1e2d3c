/// What the hub says that a file's content hashes to; in hexadecimal digits, as the cache names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256 of the content, of files in large file storage.
    Sha256(String),
    /// Git's own for a file: SHA-1 over `blob`, the length and the content.
    Git(String),
}

impl Hash {
    /// Recognises a hash by its length.
    pub fn of_text(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text.into())),
            40 if is_hex => Some(Self::Git(text.into())),
            _ => None,
        }
    }

    /// The digits.
    pub fn text(&self) -> &str {
        match self {
            Self::Sha256(text) | Self::Git(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_a_hash_is_not_taken_for_one() {
        assert!(matches!(Hash::of_text(&"a".repeat(64)), Some(Hash::Sha256(_))));
        assert!(matches!(Hash::of_text(&"0".repeat(40)), Some(Hash::Git(_))));
        assert_eq!(Hash::of_text("abc"), None);
        assert_eq!(Hash::of_text(&"g".repeat(40)), None);
    }
}
