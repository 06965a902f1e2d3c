//! Opening the picture that a source names, if it may be opened.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::error::ResolveError;
use crate::picture::LARGEST;
use crate::{inside, platform};

/// Opens pictures by the sources that exemplars have: paths, `ARCHIVE#NAME`, `TABLE#ROW`.
///
/// A memory may come from elsewhere and say any source, so whoever opens pictures for others names the folders in which
/// they may lie. Links and `..` are followed before that is decided. It is decided for the file that was there at that
/// moment: that nobody puts links into these folders meanwhile is for their owner to see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceResolver {
    /// The folders in which pictures may lie; with none, anywhere.
    pub roots: Vec<PathBuf>,
    /// The most bytes that a picture may have.
    pub max_bytes: u64,
}

impl Default for SourceResolver {
    /// Pictures anywhere, of up to 1 GiB.
    fn default() -> Self {
        Self { roots: Vec::new(), max_bytes: LARGEST }
    }
}

impl SourceResolver {
    /// The bytes of the picture that `source` names.
    ///
    /// # Errors
    /// When it may not be opened, is not there, is not a regular file, or is too large.
    pub fn open(&self, source: &Path) -> Result<Vec<u8>, ResolveError> {
        let own = self.resolve(source);
        let may_be_inside = inside::possible_holders(source).next().is_some();
        if own.as_ref().is_ok_and(|path| path.is_file()) || !may_be_inside {
            return self.read_file(&own?);
        }
        for (called, name) in inside::possible_holders(source) {
            let holder = match self.resolve(called) {
                Ok(holder) if holder.is_file() => holder,
                Ok(_) | Err(ResolveError::NotFound) => continue,
                Err(error) => return Err(error),
            };
            return inside::read(&holder, called, name, None, self.max_bytes);
        }
        Err(ResolveError::NotFound)
    }

    /// Where a path leads to, if pictures may lie there.
    fn resolve(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        match path.canonicalize() {
            Ok(path) => {
                let mut roots = self.roots.iter().filter_map(|root| root.canonicalize().ok());
                let may = self.roots.is_empty() || roots.any(|root| path.starts_with(root));
                if may { Ok(path) } else { Err(ResolveError::Outside) }
            }
            // Whether there is something outside of the roots is nobody's business.
            Err(_) if !self.roots.is_empty() && !self.is_named_inside(path) => Err(ResolveError::Outside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ResolveError::NotFound),
            Err(error) => Err(ResolveError::Io(error)),
        }
    }

    /// Whether a path begins as one of the roots and does not turn back, whatever is there.
    fn is_named_inside(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else { return false };
        let names = self.roots.iter().flat_map(|root| [std::path::absolute(root), root.canonicalize()]);
        path.components().all(|part| part != Component::ParentDir) && names.flatten().any(|root| path.starts_with(root))
    }

    fn read_file(&self, path: &Path) -> Result<Vec<u8>, ResolveError> {
        let limit = self.max_bytes;
        let opened = platform::open_regular(path).map_err(ResolveError::Io)?;
        let (file, _) = opened.ok_or(ResolveError::NotAFile)?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(ResolveError::Io)?;
        if bytes.len() as u64 > limit { Err(ResolveError::TooLarge { limit }) } else { Ok(bytes) }
    }
}
