use std::fmt;
use std::str::FromStr;

/// A repository and one of its revisions: `OWNER/NAME` or `OWNER/NAME@REVISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `OWNER/NAME`.
    pub name: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

/// The branch that is meant where none is named.
const MAIN: &str = "main";

/// A text that is not `OWNER/NAME` or `OWNER/NAME@REVISION`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no repository; say OWNER/NAME or OWNER/NAME@REVISION")]
pub struct NotARepository {
    /// The text.
    pub text: String,
}

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let is_part = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(fits) && !part.starts_with('.') && !part.contains("--")
        };
        let is_revision = !revision.is_empty() && revision.split('/').all(is_part);
        match name.split_once('/') {
            Some((owner, repository)) if is_part(owner) && is_part(repository) && is_revision => {
                Ok(Self { name: name.into(), revision: revision.into() })
            }
            _ => Err(NotARepository { text: text.into() }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.revision == MAIN { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read_and_shown_and_nonsense_is_refused() {
        let read = |text: &str| text.parse::<Repository>();
        for text in ["onnx-community/dinov2-small", "a/b@v1.0", "a/b@refs/pr/1", "A_b/c.d@0123abcd"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("a/b@main").unwrap().to_string(), "a/b");
        for text in ["", "a", "/b", "a/", "a/b/c", "a/..", "../b", "a/b@", "a/b@../x", "a b/c", "a--b/c", "a/b?x"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
