//! Names that somebody else gave, as they are shown: labels, sources, names of files and models. They could hold what moves a
//! terminal's cursor, begins a line, turns the direction of writing or cannot be seen, and so say what they do not.

use std::fmt::{self, Display, Formatter, Write};

/// A text in which what is not plain to see is spelt out: `\n`, `\u{1b}`, `\u{202e}`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'t>(pub &'t str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' | '\r' | '\t' => write!(f, "{}", c.escape_default()),
            c if deceives(c) => write!(f, "{}", c.escape_unicode()),
            c => f.write_char(c),
        })
    }
}

/// Whether a character is a control character, a mark that turns the direction of writing, or one that is not seen.
///
/// The joiners U+200C and U+200D are part of how words of several scripts, and emoji, are written.
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{180e}' // unseen
            | '\u{2028}' | '\u{2029}' // lines
            | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_to_see_is_spelt_out_and_the_rest_stays() {
        let hostile = "a\u{1b}[2Jb\nc\r\td\u{202e}gpj\u{2066}e\u{200b}f\u{9b}1m\u{61c}\u{7f}\u{2028}";
        let shown = Shown(hostile).to_string();
        assert_eq!(shown, r"a\u{1b}[2Jb\nc\r\td\u{202e}gpj\u{2066}e\u{200b}f\u{9b}1m\u{61c}\u{7f}\u{2028}");
        assert!(!shown.chars().any(deceives));
        for plain in ["Félin d'Étosha", "كلب", "क्‍ष", "👩‍🔬", "a\u{a0}b", r"C:\cats"] {
            assert_eq!(Shown(plain).to_string(), plain);
        }
    }
}
