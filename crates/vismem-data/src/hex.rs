//! Bytes as hexadecimal digits.

use std::fmt::Write;

/// Two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that [`encode`] was given; `None` of anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<Vec<_>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_nonsense_does_not() {
        assert_eq!(encode(&[0, 9, 255]), "0009ff");
        assert_eq!(decode("0009ff"), Some(vec![0, 9, 255]));
        assert_eq!(decode("0"), None);
        assert_eq!(decode("0g"), None);
    }
}
