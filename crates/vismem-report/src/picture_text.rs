//! Texts that fit their place in a picture.

use crate::fonts::{Fonts, Weight};

const ELLIPSIS: char = '…';
/// No place in a picture holds more characters; measuring more would be wasted.
const LONGEST: usize = 240;

/// `text`, its end replaced by an ellipsis if it is wider than `width` pixels.
pub fn shorten_end(text: &str, width: f64, size: f64, weight: Weight, fonts: &Fonts) -> String {
    let chars: Vec<char> = text.chars().collect();
    shorten(&chars, width, size, weight, fonts, |keep| {
        let kept: String = chars[..keep].iter().collect();
        format!("{}{ELLIPSIS}", kept.trim_end())
    })
}

/// `text`, its start replaced by an ellipsis if it is wider than `width` pixels: paths tell most at their end.
pub fn shorten_start(text: &str, width: f64, size: f64, weight: Weight, fonts: &Fonts) -> String {
    let chars: Vec<char> = text.chars().collect();
    shorten(&chars, width, size, weight, fonts, |keep| {
        let kept: String = chars[chars.len() - keep..].iter().collect();
        format!("{ELLIPSIS}{}", kept.trim_start())
    })
}

fn shorten(
    chars: &[char],
    width: f64,
    size: f64,
    weight: Weight,
    fonts: &Fonts,
    cut: impl Fn(usize) -> String,
) -> String {
    let fits = |text: &str| fonts.width(text, size, weight) <= width;
    if chars.len() <= LONGEST {
        let whole: String = chars.iter().collect();
        if fits(&whole) {
            return whole;
        }
    }
    // The longest piece that fits: widths grow with the number of characters.
    let (mut low, mut high) = (0, chars.len().saturating_sub(1).min(LONGEST));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(&cut(middle)) { low = middle } else { high = middle - 1 }
    }
    cut(low)
}

/// `text` broken at spaces into at most `lines` lines of at most `width` pixels; what does not fit ends in an ellipsis.
pub fn wrap(text: &str, width: f64, lines: usize, size: f64, weight: Weight, fonts: &Fonts) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|w| !w.is_empty()).peekable();
    while words.peek().is_some() && out.len() < lines {
        if out.len() + 1 == lines {
            let rest = words.by_ref().collect::<Vec<_>>().join(" ");
            out.push(shorten_end(&rest, width, size, weight, fonts));
            break;
        }
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() { (*word).to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && fonts.width(&longer, size, weight) > width {
                break;
            }
            line = longer;
            words.next();
        }
        out.push(shorten_end(&line, width, size, weight, fonts));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fonts() -> Fonts {
        Fonts::for_texts(std::iter::empty())
    }

    #[test]
    fn shortened_texts_fit_and_say_that_they_are_shortened() {
        let fonts = fonts();
        let long = "W".repeat(10_000);
        for short in [
            shorten_end(&long, 200.0, 16.0, Weight::Regular, &fonts),
            shorten_start(&long, 200.0, 16.0, Weight::Regular, &fonts),
        ] {
            assert!(fonts.width(&short, 16.0, Weight::Regular) <= 200.0);
            assert!(short.contains('…') && short.len() > 8, "{short}");
        }
        assert_eq!(shorten_end("short", 200.0, 16.0, Weight::Regular, &fonts), "short");
        assert_eq!(shorten_end("", 200.0, 16.0, Weight::Regular, &fonts), "");
    }

    #[test]
    fn a_shortened_path_keeps_its_end() {
        let path = "a/very/long/way/down/to/the/picture/cat.jpg";
        assert!(shorten_start(path, 120.0, 16.0, Weight::Regular, &fonts()).ends_with("/cat.jpg"));
    }

    #[test]
    fn wrapped_lines_fit_and_keep_all_words_while_there_is_room() {
        let fonts = fonts();
        let text = "one two three four five six seven eight nine ten";
        let lines = wrap(text, 120.0, 9, 16.0, Weight::Regular, &fonts);
        assert_eq!(lines.join(" "), text);
        assert!(lines.iter().all(|l| fonts.width(l, 16.0, Weight::Regular) <= 120.0));
        let cut = wrap(text, 120.0, 2, 16.0, Weight::Regular, &fonts);
        assert!(cut.len() == 2 && cut[1].ends_with('…'));
    }
}
