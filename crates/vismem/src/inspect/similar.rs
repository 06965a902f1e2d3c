//! What somebody may have meant who misspelt a name.

/// The one of `known` that is nearest to `name`, if it is near: no more than a third of its letters, and not all, are other ones, missing,
/// too many or exchanged with their neighbour; capitals are as good as small letters.
pub fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let letters = name.chars().count();
    let most = (letters / 3).max(1).min(letters.saturating_sub(1));
    let near = known.into_iter().map(|known| (strsim::damerau_levenshtein(&name, &known.to_lowercase()), known));
    near.filter(|(edits, _)| *edits <= most).min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_another_one_is_not() {
        let known = ["zebra", "leopard", "Okapi"];
        assert_eq!(similar("zbera", known), Some("zebra"));
        assert_eq!(similar("okapi", known), Some("Okapi"));
        assert_eq!(similar("leopards", known), Some("leopard"));
        assert_eq!(similar("horse", known), None);
        assert_eq!(similar("", known), None);
        assert_eq!(similar("x", ["y"]), None);
    }
}
