//! Numbers in words: counts with their nouns, and shares.

/// Stands where there is no number or no text.
pub const NOTHING: &str = "–";

/// No-break space: a number and its unit stay on one line.
pub const NBSP: char = '\u{a0}';

/// A count with commas between thousands.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 picture`, `20 pictures`. They stay on one line.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    counted_in(number, noun, &format!("{noun}s"))
}

/// A count with its noun, which is irregular: `2 queries`.
pub fn counted_in(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{}{NBSP}{}", count(number), if number == 1 { one } else { many })
}

/// A share 0..=1 as percent: one digit after the point below 10 %, none above. `>99 %` keeps "nearly all" apart from "all".
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return NOTHING.into();
    }
    let value = share.clamp(0.0, 1.0) * 100.0;
    match value {
        0.0 => format!("0{NBSP}%"),
        v if v < 0.1 => format!("<0.1{NBSP}%"),
        v if v < 9.95 => format!("{v:.1}{NBSP}%"),
        v if (99.5..99.999_999).contains(&v) => format!(">99{NBSP}%"),
        v => format!("{v:.0}{NBSP}%"),
    }
}

/// A text as one word of a shell. What begins with a dash is taken for an option; see [`option`], [`operands`], [`path`].
pub fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:%+@".contains(c);
    let is_bare = !text.is_empty() && !text.starts_with(['-', '=']) && text.chars().all(is_plain);
    if is_bare { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// An option with its value, which may begin with a dash: `--to cup`, `--to='-cup'`.
pub fn option(name: &str, value: &str) -> String {
    let joint = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{joint}{}", shell(value))
}

/// Words that are no options at the end of a command, some of which may begin with a dash: `cup`, `-- '-cup' saucer`.
pub fn operands(words: &[impl AsRef<str>]) -> String {
    let are_plain = words.iter().all(|word| !word.as_ref().starts_with('-'));
    let quoted: Vec<String> = words.iter().map(|word| shell(word.as_ref())).collect();
    format!("{}{}", if are_plain { "" } else { "-- " }, quoted.join(" "))
}

/// A path as one word of a shell, which no command takes for an option.
pub fn path(path: &str) -> String {
    if path.starts_with('-') { shell(&format!("./{path}")) } else { shell(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_all_is_not_written_as_all() {
        assert_eq!(percent(0.9999), ">99\u{a0}%");
        assert_eq!(percent(1.0), "100\u{a0}%");
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.0001), "<0.1\u{a0}%");
        assert_eq!(percent(0.0996), "10\u{a0}%");
        assert_eq!(percent(0.0312), "3.1\u{a0}%");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(count(7u64), "7");
        assert_eq!(count(1_281_167u64), "1,281,167");
        assert_eq!(counted(0usize, "picture"), "0\u{a0}pictures");
        assert_eq!(counted(1usize, "picture"), "1\u{a0}picture");
        assert_eq!(counted_in(1_000u64, "query", "queries"), "1,000\u{a0}queries");
    }

    #[test]
    fn words_are_quoted_for_a_shell_where_they_must_be() {
        assert_eq!(shell("cup"), "cup");
        assert_eq!(shell("a/b-c_d.npy"), "a/b-c_d.npy");
        assert_eq!(shell("it's a cup"), r"'it'\''s a cup'");
        assert_eq!(shell("-k"), "'-k'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn no_value_is_taken_for_an_option() {
        assert_eq!(option("--to", "cup"), "--to cup");
        assert_eq!(option("--to", "-dash dog"), "--to='-dash dog'");
        assert_eq!(operands(&["cup", "a mug"]), "cup 'a mug'");
        assert_eq!(operands(&["cup", "-m"]), "-- cup '-m'");
        assert_eq!((path("-odd.npy"), path("a b")), ("./-odd.npy".into(), "'a b'".into()));
    }
}
