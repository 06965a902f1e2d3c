//! Pictures for pages, as they are on disk now.

use std::path::{Path, PathBuf};

use vismem::Source;
use vismem_data::{ResolveError, SourceResolver, inside};
use vismem_encode::decode::{Limits, decode};
use vismem_report::{Picture, shrink};

use crate::embeddings::embedding_row;

/// How pictures are opened to be shown.
#[derive(Debug, Clone, Default)]
pub struct Pictures {
    /// What is refused as too large.
    pub limits: Limits,
    /// Which files may be opened.
    pub resolver: SourceResolver,
}

impl Pictures {
    /// The picture that an exemplar came from; else what to say in its place. It is at most `side` pixels wide and high.
    pub fn of_source(&self, source: Option<&Source>, side: u32) -> Picture {
        match source {
            Some(source) => self.of_file(source.as_path(), side),
            None => Picture::Missing("No picture is known for this exemplar.".into()),
        }
    }

    /// The picture in a file, an archive or a table, made small at once; else what to say in its place.
    pub fn of_file(&self, path: &Path, side: u32) -> Picture {
        if embedding_row(path).is_some() {
            return Picture::Missing("It came as an embedding: there is no picture of it.".into());
        }
        let opened = self.resolver.open(path);
        if let Some((holder, name)) = inside::holder(path) {
            let decoded = opened
                .map_err(|error| error.to_string())
                .and_then(|bytes| decode(&bytes, &self.limits).map_err(|error| error.to_string()));
            let file = holder.file_name().unwrap_or_default().display();
            return match decoded {
                Ok(picture) => Picture::Shown(shrink(&picture, side)),
                Err(error) => Picture::Missing(format!("{} in {file} cannot be shown: {error}", name.display())),
            };
        }
        let name = || path.file_name().map_or_else(|| PathBuf::from(path), PathBuf::from).display().to_string();
        match opened {
            Ok(bytes) => match decode(&bytes, &self.limits) {
                Ok(picture) => Picture::Shown(shrink(&picture, side)),
                Err(error) => Picture::Missing(format!("{} is no longer a picture: {error}", name())),
            },
            Err(ResolveError::NotFound) => {
                Picture::Missing(format!("{} was moved or deleted since it was added.", name()))
            }
            Err(error) => Picture::Missing(format!("{} cannot be read: {error}", name())),
        }
    }
}
