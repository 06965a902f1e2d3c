use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;

use crate::cache::RepositoryCache;
use crate::download::Download;
use crate::place::Place;
use crate::{Hub, HubError, Listing, Progress, RemoteFile, Repository, Snapshot};

/// More than any hub needs to send somebody on.
const MOST_REDIRECTS: u32 = 10;

/// How long nothing may come before a connection counts as broken.
const PATIENCE: Duration = Duration::from_secs(30);

impl Hub {
    /// [`Hub::pull`], where the hub may be asked.
    pub(crate) fn pull_anew<E: From<HubError>>(
        &self,
        repository: &Repository,
        mut choose: impl FnMut(&[String], &Path) -> Result<Vec<String>, E>,
        progress: Progress<'_>,
    ) -> Result<Snapshot, E> {
        let agent = agent();
        let Listing { commit, files } = self.listing(&agent, repository)?;
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        let cache = RepositoryCache::new(&self.cache, repository);
        let folder = cache.files(&commit);
        let mut here: Vec<&str> = Vec::new();
        loop {
            let wanted = choose(&names, &folder)?;
            let is_missing = |file: &&RemoteFile| wanted.contains(&file.name) && !here.contains(&file.name.as_str());
            let missing: Vec<&RemoteFile> = files.iter().filter(is_missing).collect();
            if missing.is_empty() {
                break;
            }
            for file in missing {
                let blob = cache.blob(&file.hash);
                if !blob.is_file() {
                    Download { hub: self, agent: &agent, repository, commit: &commit, file, blob: &blob }
                        .run(progress)?;
                }
                cache.link(&commit, &file.name, &file.hash)?;
                here.push(&file.name);
            }
        }
        // Last, so that the revision never means a snapshot that is not whole.
        cache.refer(&repository.revision, &commit)?;
        let nothing = || self.listing_fault(repository, "it holds none of the files that are wanted".into());
        Ok(cache.snapshot(&commit).ok_or_else(nothing)?)
    }

    fn listing(&self, agent: &Agent, repository: &Repository) -> Result<Listing, HubError> {
        let Repository { name, revision } = repository;
        let revision = revision.replace('/', "%2F");
        let url = format!("{}/api/models/{name}/revision/{revision}?blobs=true", self.endpoint);
        let mut response = self.get(agent, repository, &url, 0)?;
        let json = response.body_mut().read_to_vec().map_err(|error| self.network(repository, &error))?;
        Listing::parse(&json).map_err(|reason| self.listing_fault(repository, reason.to_string()))
    }

    /// Asks for a file from byte `from` on, and follows whoever sends on.
    pub(crate) fn get(
        &self,
        agent: &Agent,
        repository: &Repository,
        url: &str,
        from: u64,
    ) -> Result<Response<ureq::Body>, HubError> {
        let home = Place::of(&self.endpoint).ok_or_else(|| self.network(repository, &"it is no address of the web"))?;
        let mut place = Place::of(url).ok_or_else(|| self.network(repository, &"it is no address of the web"))?;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = agent.get(&place.url);
            // Small files are behind a redirect within the hub, which wants it again; nobody else gets it.
            if let Some(token) = self.token.as_ref().filter(|_| place.origin == home.origin) {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            if from > 0 {
                request = request.header("Range", format!("bytes={from}-"));
            }
            let response = request.call().map_err(|error| self.network(repository, &error))?;
            let (repository, endpoint) = (repository.clone(), self.endpoint.clone());
            match response.status().as_u16() {
                200 | 206 | 416 => return Ok(response),
                // The hub says 401 of repositories that do not exist, too.
                401 | 403 | 404 => return Err(HubError::NotFound { repository, endpoint }),
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
                    let location = location.unwrap_or_default();
                    place = place.follow(location).ok_or_else(|| HubError::Redirected {
                        repository,
                        endpoint,
                        location: location.to_owned(),
                    })?;
                }
                status => return Err(HubError::Refused { repository, endpoint, status }),
            }
        }
        Err(self.network(repository, &"it sends on without end"))
    }

    pub(crate) fn url(&self, repository: &Repository, commit: &str, file: &str) -> String {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        let file: String = file.bytes().map(escape).collect();
        format!("{}/{}/resolve/{commit}/{file}", self.endpoint, repository.name)
    }

    pub(crate) fn network(&self, repository: &Repository, reason: &dyn std::fmt::Display) -> HubError {
        HubError::Network {
            repository: repository.clone(),
            endpoint: self.endpoint.clone(),
            reason: reason.to_string(),
            cache: self.cache.clone(),
        }
    }

    fn listing_fault(&self, repository: &Repository, reason: String) -> HubError {
        HubError::Listing { repository: repository.clone(), endpoint: self.endpoint.clone(), reason }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Followed here: who gets the token, and which schemes are followed, is decided by more than the host.
        .max_redirects(0)
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("vismem/", env!("CARGO_PKG_VERSION")));
    config.build().new_agent()
}
