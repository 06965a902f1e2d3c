use std::path::{Component, Path};

use serde::Deserialize;

use crate::Hash;

/// What a repository holds at a revision, as the hub's API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// The files; the paths of all lie inside of the repository.
    pub files: Vec<RemoteFile>,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path in the repository.
    pub name: String,
    /// What its content hashes to.
    pub hash: Hash,
    /// Bytes, if they are told.
    pub size: Option<u64>,
}

/// Why an answer is not a list of files that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// It is not the JSON document that the API describes.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// What stands in the place of the commit is not one.
    #[error("{0:?} is not a commit")]
    Commit(String),
    /// A file's path leads out of the repository.
    #[error("the file {0:?} would lie outside of it")]
    Outside(String),
    /// A file's path has characters that are not shown, or that change what is shown around them.
    #[error("the file {0:?} has characters in its name that cannot be shown")]
    Unprintable(String),
    /// A file has no hash, so that nobody could tell whether it is whole.
    #[error("{0} has no hash")]
    NoHash(String),
}

#[derive(Deserialize)]
struct Document {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: Option<u64>,
}

impl Listing {
    /// Reads the answer of `/api/models/OWNER/NAME/revision/REVISION?blobs=true`.
    ///
    /// # Errors
    /// [`ListingError`], when it is not one. Paths that lead out of the repository are refused as well.
    pub fn parse(json: &[u8]) -> Result<Self, ListingError> {
        let document: Document = serde_json::from_slice(json)?;
        if !matches!(Hash::of_text(&document.sha), Some(Hash::Git(_))) {
            return Err(ListingError::Commit(document.sha));
        }
        let files = document.siblings.into_iter().map(|sibling| {
            let name = sibling.rfilename;
            let is_inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            if name.is_empty() || !is_inside {
                return Err(ListingError::Outside(name));
            }
            if name.chars().any(is_unprintable) {
                return Err(ListingError::Unprintable(name));
            }
            let (hash, size) = match sibling.lfs {
                Some(lfs) => (Some(lfs.sha256), lfs.size.or(sibling.size)),
                None => (sibling.blob_id, sibling.size),
            };
            match hash.as_deref().and_then(Hash::of_text) {
                Some(hash) => Ok(RemoteFile { name, hash, size }),
                None => Err(ListingError::NoHash(name)),
            }
        });
        Ok(Self { commit: document.sha, files: files.collect::<Result<_, _>>()? })
    }
}

/// Whether a character is not shown, or changes the direction of those around it.
fn is_unprintable(c: char) -> bool {
    let is_format = |c| matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || is_format(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(name: &str) -> String {
        let (sha1, sha256) = ("a".repeat(40), "b".repeat(64));
        format!(
            r#"{{"sha": "{sha1}", "other": 1, "siblings": [
                {{"rfilename": "config.json", "size": 3, "blobId": "{sha1}"}},
                {{"rfilename": "{name}", "size": 9, "blobId": "{sha1}", "lfs": {{"sha256": "{sha256}", "size": 9, "pointerSize": 1}}}}
            ]}}"#
        )
    }

    #[test]
    fn files_are_listed_with_the_hash_of_their_content() {
        let listing = Listing::parse(json("onnx/model.onnx").as_bytes()).unwrap();
        assert_eq!(listing.files[0].hash, Hash::Git("a".repeat(40)));
        assert_eq!((&listing.files[1].hash, listing.files[1].size), (&Hash::Sha256("b".repeat(64)), Some(9)));
    }

    #[test]
    fn names_that_lead_out_of_the_repository_or_cannot_be_shown_are_refused() {
        for name in ["../x", "/etc/x", "a/../../x", ""] {
            let read = Listing::parse(json(name).as_bytes());
            assert!(matches!(read, Err(ListingError::Outside(_))), "{name}: {read:?}");
        }
        for name in [r"a\u001b[31m.onnx", r"a\n.onnx", r"a\u202egpj.onnx", r"a\u200f.onnx"] {
            let read = Listing::parse(json(name).as_bytes());
            assert!(matches!(read, Err(ListingError::Unprintable(_))), "{name}: {read:?}");
        }
        assert!(Listing::parse(json("größe größe 'x' 雪.onnx").as_bytes()).is_ok());
        assert!(Listing::parse(b"[]").is_err());
        assert!(Listing::parse(json("x").replace(&"a".repeat(40), "../x").as_bytes()).is_err());
    }
}
