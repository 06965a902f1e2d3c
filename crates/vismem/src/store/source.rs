use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};

use crate::platform;

/// Where an exemplar came from: usually the path of a picture, else whatever the user said.
///
/// Stored as text; a path that is not UTF-8 is stored as its bytes, so that it still names the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source(OsString);

impl Source {
    /// As a path, for opening the picture.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_encoded_bytes()
    }
}

impl<S: Into<OsString>> From<S> for Source {
    fn from(source: S) -> Self {
        Self(source.into())
    }
}

/// As text; bytes that are not UTF-8 are shown as �.
impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string_lossy())
    }
}

/// Bytes that are not UTF-8 are shown as �.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().fmt(f)
    }
}

impl ToSql for Source {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0.to_str() {
            Some(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            None => ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())),
        })
    }
}

impl FromSql for Source {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(platform::from_bytes(value.as_bytes()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_utf8_survives_the_catalogue() {
        let source = Source(platform::from_bytes(b"caf\xe9.jpg"));
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let back: Source = db.query_row("SELECT ?1", [&source], |row| row.get(0)).unwrap();
        assert_eq!(back, source);
        assert_eq!(back.to_string(), "caf�.jpg");
    }
}
