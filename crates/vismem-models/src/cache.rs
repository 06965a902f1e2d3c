use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
use crate::error::{HubError, IoContext};
#[cfg(feature = "hub")]
use crate::platform;
use crate::{Hash, Repository};

/// A commit of a repository in the cache, or the part of it that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder with its files.
    pub folder: PathBuf,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
}

impl Snapshot {
    /// Paths of the files in it, in order.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.folder, "", &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // A link whose blob is gone is not a file.
        match fs::metadata(entry.path()) {
            Ok(found) if found.is_dir() => collect(&entry.path(), &format!("{name}/"), files),
            Ok(_) => files.push(name),
            Err(_) => {}
        }
    }
}

/// The part of the cache that belongs to a repository.
pub struct RepositoryCache {
    folder: PathBuf,
}

impl RepositoryCache {
    pub fn new(cache: &Path, repository: &Repository) -> Self {
        Self { folder: cache.join(format!("models--{}", repository.name.replace('/', "--"))) }
    }

    /// The folder with the files of a commit.
    pub fn files(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The snapshot that a revision was when it was last fetched.
    pub fn snapshot(&self, revision: &str) -> Option<Snapshot> {
        let named = fs::read_to_string(self.folder.join("refs").join(revision)).ok();
        let commit = named.map_or_else(|| revision.to_owned(), |commit| commit.trim().to_owned());
        Hash::of_text(&commit)?;
        let folder = self.files(&commit);
        folder.is_dir().then_some(Snapshot { folder, commit })
    }
}

#[cfg(feature = "hub")]
impl RepositoryCache {
    pub fn blob(&self, hash: &Hash) -> PathBuf {
        self.folder.join("blobs").join(hash.text())
    }

    /// Puts a blob into a snapshot, under its name.
    pub fn link(&self, commit: &str, name: &str, hash: &Hash) -> Result<(), HubError> {
        let link = self.files(commit).join(name);
        let parent = link.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).at(parent, "create")?;
        let up = "../".repeat(2 + name.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{}", hash.text()));
        match fs::read_link(&link) {
            Ok(there) if there == target => return Ok(()),
            Ok(_) => fs::remove_file(&link).at(&link, "replace")?,
            // A file of its own, as where links cannot be made.
            Err(_) if link.is_file() => fs::remove_file(&link).at(&link, "replace")?,
            Err(_) => {}
        }
        platform::symlink(target, &link).at(&link, "link")
    }

    /// Notes which commit a revision is now.
    pub fn refer(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).at(parent, "create")?;
        fs::write(&path, commit).at(&path, "write")
    }
}
