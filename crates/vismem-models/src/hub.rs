use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use crate::cache::RepositoryCache;
use crate::{HubError, Progress, Repository, Snapshot};

/// The public hub.
const ENDPOINT: &str = "https://huggingface.co";

/// A hub and the cache of what was fetched from it.
#[derive(Clone)]
pub struct Hub {
    pub(crate) endpoint: String,
    pub(crate) cache: PathBuf,
    pub(crate) token: Option<String>,
    offline: bool,
}

impl Hub {
    /// A hub, such as `https://huggingface.co`, and the folder where fetched files are kept.
    pub fn new(endpoint: &str, cache: impl Into<PathBuf>) -> Self {
        Self { endpoint: endpoint.trim_end_matches('/').into(), cache: cache.into(), token: None, offline: false }
    }

    /// Shows the hub a token, for repositories that not everybody may see.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.trim().to_owned()).filter(|token| !token.is_empty());
        self
    }

    /// Asks the hub for nothing; what the cache has can still be used.
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    /// The hub and the cache that the environment names, as the hub's own tools understand it: `HF_ENDPOINT`; `HF_HUB_CACHE`,
    /// else `hub` in `HF_HOME`, else `~/.cache/huggingface/hub`; `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else `token` in
    /// `HF_HOME`; `HF_HUB_OFFLINE`.
    pub fn from_environment() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let base = set("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| env::home_dir().map(|home| home.join(".cache"))).unwrap_or_else(env::temp_dir);
        let home = set("HF_HOME").map_or_else(|| base.join("huggingface"), PathBuf::from);
        let cache = set("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from);
        let token_file = set("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
        let token = text("HF_TOKEN").or_else(|| fs::read_to_string(token_file).ok());
        let is_on = |value: &str| matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        let hub = Self::new(text("HF_ENDPOINT").as_deref().unwrap_or(ENDPOINT), cache);
        let hub = hub.with_token(&token.unwrap_or_default());
        if text("HF_HUB_OFFLINE").is_some_and(|value| is_on(&value)) { hub.offline() } else { hub }
    }

    /// Where fetched files are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// What the cache has of a repository. Asks nobody.
    pub fn cached(&self, repository: &Repository) -> Option<Snapshot> {
        RepositoryCache::new(&self.cache, repository).snapshot(&repository.revision)
    }

    /// Fetches files of a repository, unless the cache has them. `choose` is given the paths of all files and the folder where
    /// those are that were fetched, and gives those that are wanted; it is asked again, since files can name others, until it
    /// wants nothing more. Where it fails, its error comes back as it is, and the revision stays what it was.
    ///
    /// Downloads that were cut off go on where they were. Every file is compared with the hash that the hub lists.
    ///
    /// # Errors
    /// When the hub cannot be reached or may not be asked, does not know the repository, or sends something else than it
    /// lists. Without the feature `hub`, always [`HubError::WithoutNetwork`].
    pub fn pull<E: From<HubError>>(
        &self,
        repository: &Repository,
        choose: impl FnMut(&[String], &Path) -> Result<Vec<String>, E>,
        progress: Progress<'_>,
    ) -> Result<Snapshot, E> {
        if self.offline {
            return Err(HubError::Offline { repository: repository.clone(), cache: self.cache.clone() }.into());
        }
        #[cfg(feature = "hub")]
        return self.pull_anew(repository, choose, progress);
        #[cfg(not(feature = "hub"))]
        {
            let _ = (choose, progress);
            Err(HubError::WithoutNetwork { repository: repository.clone(), cache: self.cache.clone() }.into())
        }
    }
}

/// Without the token, which is a secret.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, cache, token, offline } = self;
        let mut shown = f.debug_struct("Hub");
        shown.field("endpoint", endpoint).field("cache", cache).field("has_token", &token.is_some());
        shown.field("offline", offline).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let shown = format!("{:?}", Hub::new("http://here/", "cache").with_token("secret"));
        assert!(shown.contains("http://here") && !shown.contains("secret"), "{shown}");
    }
}
