//! The cache and the downloads against a hub on this machine.

mod server;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use server::{COMMIT, Sending, Server};
use vismem_hub::{Error, Hub, Repository, Snapshot};

/// The environment is the process's, so one test at a time.
static ENVIRONMENT: Mutex<()> = Mutex::new(());

/// Does `work` with a hub that serves `OWNER/NAME` with two files, and with the cache in a folder.
fn with_hub(work: impl FnOnce(&Hub, &Server, &Path)) {
    let _one = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("hub/OWNER/NAME");
    std::fs::create_dir_all(repository.join("deep")).unwrap();
    std::fs::write(repository.join("small.json"), "{}").unwrap();
    std::fs::write(repository.join("deep/large.bin"), large()).unwrap();
    let server = Server::start(&folder.path().join("hub"));
    for (name, value) in [
        ("HF_ENDPOINT", server.endpoint.as_str()),
        ("HF_HOME", folder.path().join("home").to_str().unwrap()),
        ("HF_HUB_CACHE", ""),
        ("HF_TOKEN_PATH", ""),
        ("HF_HUB_OFFLINE", ""),
        ("HF_TOKEN", ""),
    ] {
        // SAFETY: no other thread of this process reads or changes the environment meanwhile: tests hold the lock, and the
        // server's threads do not look at it.
        unsafe { std::env::set_var(name, value) };
    }
    work(&Hub::from_environment(), &server, folder.path());
}

fn large() -> Vec<u8> {
    (0..300_000u32).map(|n| (n % 251) as u8).collect()
}

fn pull(hub: &Hub) -> Result<Snapshot, Error> {
    let repository: Repository = "OWNER/NAME".parse().unwrap();
    hub.pull(&repository, |names| Ok(names.to_vec()), &mut |_, here, total| assert!(here <= total))
}

#[test]
fn files_are_laid_out_as_other_programs_look_for_them() {
    with_hub(|hub, server, folder| {
        let snapshot = pull(hub).unwrap();
        let base = folder.join("home/hub/models--OWNER--NAME");
        assert_eq!(snapshot, Snapshot { folder: base.join("snapshots").join(COMMIT), commit: COMMIT.into() });
        assert_eq!(snapshot.files(), ["deep/large.bin", "small.json"]);
        assert_eq!(std::fs::read(snapshot.folder.join("deep/large.bin")).unwrap(), large());
        assert_eq!(std::fs::read_to_string(base.join("refs/main")).unwrap(), COMMIT);
        let link = std::fs::read_link(snapshot.folder.join("deep/large.bin")).unwrap();
        assert!(link.starts_with("../../../blobs"), "{}", link.display());
        // Named by its SHA-256, a small file by what git calls it.
        assert_eq!(link.file_name().unwrap().len(), 64);
        assert_eq!(std::fs::read_link(snapshot.folder.join("small.json")).unwrap().file_name().unwrap().len(), 40);
        server.requests();
        assert_eq!(hub.cached(&"OWNER/NAME".parse().unwrap()), Some(snapshot.clone()));
        assert_eq!(hub.cached(&format!("OWNER/NAME@{COMMIT}").parse().unwrap()), Some(snapshot));
        assert_eq!(hub.cached(&"OWNER/NAME@other".parse().unwrap()), None);
        assert_eq!(server.requests(), [""; 0]);
    });
}

#[test]
fn what_was_cut_off_goes_on_in_the_next_run() {
    with_hub(|hub, server, folder| {
        // Nothing more comes, three times.
        server.send(Sending::Cut(0));
        assert!(matches!(pull(hub), Err(Error::Network { .. })));
        server.send(Sending::Whole);
        pull(hub).unwrap();
        std::fs::remove_dir_all(folder.join("home")).unwrap();

        server.requests();
        server.send(Sending::Cut(100_000));
        pull(hub).unwrap();
        let ranges: Vec<String> = server.requests().into_iter().filter(|path| path.contains("large.bin")).collect();
        assert_eq!(ranges.len(), 3, "{ranges:?}");
        assert!(ranges[1].ends_with("from 100000") && ranges[2].ends_with("from 200000"), "{ranges:?}");
    });
}

#[test]
fn what_is_damaged_or_refused_leaves_nothing_behind() {
    with_hub(|hub, server, folder| {
        server.send(Sending::Damaged);
        assert!(matches!(pull(hub), Err(Error::Damaged { .. })));
        server.send(Sending::Status(500));
        assert!(matches!(pull(hub), Err(Error::Refused { status: 500, .. })));
        assert_eq!(hub.cached(&"OWNER/NAME".parse().unwrap()), None);
        let blobs = folder.join("home/hub/models--OWNER--NAME/blobs");
        let left: Vec<_> =
            std::fs::read_dir(blobs).unwrap().flatten().filter(|entry| entry.metadata().unwrap().len() > 0).collect();
        assert!(left.is_empty(), "{left:?}");
        let unknown: Repository = "OWNER/OTHER".parse().unwrap();
        let error = hub.pull(&unknown, |names| Ok::<_, Error>(names.to_vec()), &mut |_, _, _| {}).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    });
}
