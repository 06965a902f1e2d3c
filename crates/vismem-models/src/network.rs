use std::time::Duration;

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;

use crate::cache::RepositoryCache;
use crate::download::Download;
use crate::{Hub, HubError, Listing, Progress, RemoteFile, Repository, Snapshot};

/// How long nothing may come before a connection counts as broken.
const PATIENCE: Duration = Duration::from_secs(30);

impl Hub {
    /// [`Hub::pull`], where the hub may be asked.
    pub(crate) fn pull_anew<E: From<HubError>>(
        &self,
        repository: &Repository,
        choose: impl FnOnce(&[String]) -> Result<Vec<String>, E>,
        progress: Progress<'_>,
    ) -> Result<Snapshot, E> {
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
    ) -> Result<Snapshot, HubError> {
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

    fn listing(&self, agent: &Agent, repository: &Repository) -> Result<Listing, HubError> {
        let Repository { name, revision } = repository;
        let revision = revision.replace('/', "%2F");
        let url = format!("{}/api/models/{name}/revision/{revision}?blobs=true", self.endpoint);
        let mut response = self.get(agent, repository, &url, 0)?;
        let json = response.body_mut().read_to_vec().map_err(|error| self.network(repository, &error))?;
        Listing::parse(&json).map_err(|reason| self.listing_fault(repository, reason.to_string()))
    }

    /// Asks for a file from byte `from` on.
    pub(crate) fn get(
        &self,
        agent: &Agent,
        repository: &Repository,
        url: &str,
        from: u64,
    ) -> Result<Response<ureq::Body>, HubError> {
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
            401 | 403 | 404 => Err(HubError::NotFound { repository, endpoint }),
            status => Err(HubError::Refused { repository, endpoint, status }),
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
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("vismem/", env!("CARGO_PKG_VERSION")));
    config.build().new_agent()
}
