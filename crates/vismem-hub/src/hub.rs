use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;

use crate::cache::RepositoryCache;
use crate::download::Download;
use crate::listing::{Listing, RemoteFile};
use crate::{Error, Repository, Snapshot};

/// The public hub.
const ENDPOINT: &str = "https://huggingface.co";

/// How long nothing may come before a connection counts as broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Told of what is fetched: the file, bytes that are there, bytes in all.
pub type Progress<'p> = &'p mut dyn FnMut(&str, u64, u64);

/// A hub and the cache of what was fetched from it.
#[derive(Debug, Clone)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    offline: bool,
}

impl Hub {
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
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into()).trim_end_matches('/').into(),
            cache,
            token: token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()),
            offline: text("HF_HUB_OFFLINE").is_some_and(|value| is_on(&value)),
        }
    }

    /// Where fetched files are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// What the cache has of a repository. Asks nobody.
    pub fn cached(&self, repository: &Repository) -> Option<Snapshot> {
        RepositoryCache::new(&self.cache, repository).snapshot(&repository.revision)
    }

    /// Fetches files of a repository, unless the cache has them. `choose` is given the names of all files and gives those
    /// that are wanted; where it fails, its error comes back as it is.
    ///
    /// Downloads that were cut off go on where they were. Every file is compared with the hash that the hub lists.
    ///
    /// # Errors
    /// When the hub cannot be reached or may not be asked, does not know the repository, or sends something else than it
    /// lists.
    pub fn pull<E: From<Error>>(
        &self,
        repository: &Repository,
        choose: impl FnOnce(&[String]) -> Result<Vec<String>, E>,
        progress: Progress<'_>,
    ) -> Result<Snapshot, E> {
        if self.offline {
            return Err(Error::Offline { repository: repository.clone(), cache: self.cache.clone() }.into());
        }
        let agent = agent();
        let listing = self.listing(&agent, repository)?;
        let names: Vec<String> = listing.files.iter().map(|file| file.name.clone()).collect();
        let wanted = choose(&names)?;
        let wanted: Vec<&RemoteFile> = listing.files.iter().filter(|file| wanted.contains(&file.name)).collect();
        Ok(self.fetch(&agent, repository, &listing.commit, &wanted, progress)?)
    }

    fn fetch(
        &self,
        agent: &Agent,
        repository: &Repository,
        commit: &str,
        files: &[&RemoteFile],
        progress: Progress<'_>,
    ) -> Result<Snapshot, Error> {
        let cache = RepositoryCache::new(&self.cache, repository);
        for file in files {
            let blob = cache.blob(&file.hash);
            if !blob.is_file() {
                Download { hub: self, agent, repository, commit, file, blob: &blob }.run(progress)?;
            }
            cache.link(commit, &file.name, &file.hash)?;
        }
        // Last, so that the revision never means a snapshot that is not whole.
        cache.refer(&repository.revision, commit)?;
        let snapshot = cache.snapshot(commit);
        snapshot.ok_or_else(|| self.listing_fault(repository, "it holds none of the files that are wanted".into()))
    }

    fn listing(&self, agent: &Agent, repository: &Repository) -> Result<Listing, Error> {
        let Repository { name, revision } = repository;
        let revision = revision.replace('/', "%2F");
        let url = format!("{}/api/models/{name}/revision/{revision}?blobs=true", self.endpoint);
        let mut response = self.get(agent, repository, &url, 0)?;
        let json = response.body_mut().read_to_vec().map_err(|error| self.network(repository, &error))?;
        Listing::of_json(&json).map_err(|reason| self.listing_fault(repository, reason))
    }

    /// Asks for a file from byte `from` on.
    pub(crate) fn get(
        &self,
        agent: &Agent,
        repository: &Repository,
        url: &str,
        from: u64,
    ) -> Result<Response<ureq::Body>, Error> {
        let mut request = agent.get(url);
        if let Some(token) = &self.token {
            // Small files are behind a redirect within the hub, which wants it again; another host does not get it.
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request.call().map_err(|error| self.network(repository, &error))?;
        let (repository, endpoint) = (repository.clone(), self.endpoint.clone());
        match response.status().as_u16() {
            200 | 206 | 416 => Ok(response),
            // The hub says 401 of repositories that do not exist, too.
            401 | 403 | 404 => Err(Error::NotFound { repository, endpoint }),
            status => Err(Error::Refused { repository, endpoint, status }),
        }
    }

    pub(crate) fn url(&self, repository: &Repository, commit: &str, file: &str) -> String {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        let file: String = file.bytes().map(escape).collect();
        format!("{}/{}/resolve/{commit}/{file}", self.endpoint, repository.name)
    }

    pub(crate) fn network(&self, repository: &Repository, reason: &dyn std::fmt::Display) -> Error {
        Error::Network {
            repository: repository.clone(),
            endpoint: self.endpoint.clone(),
            reason: reason.to_string(),
            cache: self.cache.clone(),
        }
    }

    fn listing_fault(&self, repository: &Repository, reason: String) -> Error {
        Error::Listing { repository: repository.clone(), endpoint: self.endpoint.clone(), reason }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("vismem/", env!("CARGO_PKG_VERSION")));
    config.build().new_agent()
}
