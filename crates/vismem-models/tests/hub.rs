//! The cache and the downloads against a hub on this machine.

#![cfg(feature = "hub")]

mod server;

use std::ops::ControlFlow;
use std::path::Path;

use server::{COMMIT, Sending, Server};
use vismem_models::{Fetching, Hub, HubError, HubModel, LoadError, Repository, Snapshot, no_progress};

/// Does `work` with a hub that serves `OWNER/NAME` with two files, and with the folder that it and its cache are in.
fn with_hub(work: impl FnOnce(&Hub, &Server, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("hub/OWNER/NAME");
    std::fs::create_dir_all(repository.join("deep")).unwrap();
    std::fs::write(repository.join("small.json"), "{}").unwrap();
    std::fs::write(repository.join("deep/large.bin"), large()).unwrap();
    let server = Server::start(&folder.path().join("hub"));
    work(&Hub::new(&server.endpoint, folder.path().join("cache")), &server, folder.path());
}

fn large() -> Vec<u8> {
    (0..300_000u32).map(|n| (n % 251) as u8).collect()
}

fn pull(hub: &Hub) -> Result<Snapshot, HubError> {
    let mut progress = |Fetching { here, total, .. }: Fetching| {
        assert!(here <= total);
        ControlFlow::Continue(())
    };
    hub.pull(&"OWNER/NAME".parse().unwrap(), |names, _| Ok(names.to_vec()), &mut progress)
}

#[test]
fn files_are_laid_out_as_other_programs_look_for_them() {
    with_hub(|hub, server, folder| {
        let snapshot = pull(hub).unwrap();
        let base = folder.join("cache/models--OWNER--NAME");
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
        assert!(matches!(pull(hub), Err(HubError::Network { .. })));
        server.send(Sending::Whole);
        pull(hub).unwrap();
        std::fs::remove_dir_all(folder.join("cache")).unwrap();

        server.requests();
        server.send(Sending::Cut(100_000));
        pull(hub).unwrap();
        let ranges: Vec<String> = server.requests().into_iter().filter(|path| path.contains("large.bin")).collect();
        assert_eq!(ranges.len(), 3, "{ranges:?}");
        assert!(ranges[1].ends_with("from 100000") && ranges[2].ends_with("from 200000"), "{ranges:?}");
    });
}

#[test]
fn what_was_cancelled_goes_on_in_the_next_run() {
    with_hub(|hub, server, _| {
        let repository: Repository = "OWNER/NAME".parse().unwrap();
        let all = |names: &[String], _: &Path| Ok::<_, HubError>(names.to_vec());
        let cancelled = hub.pull(&repository, all, &mut |_| ControlFlow::Break(())).unwrap_err();
        assert!(matches!(cancelled, HubError::Cancelled { .. }), "{cancelled}");
        assert_eq!(hub.cached(&repository), None);
        server.requests();
        let snapshot = pull(hub).unwrap();
        assert_eq!(std::fs::read(snapshot.folder.join("deep/large.bin")).unwrap(), large());
        let requests = server.requests();
        assert!(requests.iter().any(|request| request.contains("large.bin from ")), "{requests:?}");
    });
}

#[test]
fn who_may_not_ask_the_hub_has_what_the_cache_has() {
    with_hub(|hub, server, _| {
        let offline = hub.clone().offline();
        assert!(matches!(pull(&offline), Err(HubError::Offline { .. })));
        assert_eq!(server.requests(), [""; 0]);
        let snapshot = pull(hub).unwrap();
        assert_eq!(offline.cached(&"OWNER/NAME".parse().unwrap()), Some(snapshot));
    });
}

#[test]
fn what_is_damaged_or_refused_leaves_nothing_behind() {
    with_hub(|hub, server, folder| {
        server.send(Sending::Damaged);
        assert!(matches!(pull(hub), Err(HubError::Damaged { .. })));
        server.send(Sending::Status(500));
        assert!(matches!(pull(hub), Err(HubError::Refused { status: 500, .. })));
        assert_eq!(hub.cached(&"OWNER/NAME".parse().unwrap()), None);
        let blobs = folder.join("cache/models--OWNER--NAME/blobs");
        let left: Vec<_> =
            std::fs::read_dir(blobs).unwrap().flatten().filter(|entry| entry.metadata().unwrap().len() > 0).collect();
        assert!(left.is_empty(), "{left:?}");
        let unknown: Repository = "OWNER/OTHER".parse().unwrap();
        let error = hub.pull(&unknown, |names, _| Ok::<_, HubError>(names.to_vec()), &mut no_progress()).unwrap_err();
        assert!(matches!(error, HubError::NotFound { .. }), "{error}");
    });
}

#[test]
fn no_more_is_taken_of_a_file_than_the_hub_lists() {
    with_hub(|hub, server, folder| {
        server.send(Sending::TooLong(5_000_000));
        let mut most = 0;
        let mut progress = |Fetching { here, .. }: Fetching| {
            most = most.max(here);
            ControlFlow::Continue(())
        };
        let all = |names: &[String], _: &Path| Ok::<_, HubError>(names.to_vec());
        let error = hub.pull(&"OWNER/NAME".parse().unwrap(), all, &mut progress).unwrap_err();
        assert!(matches!(error, HubError::Damaged { .. }), "{error}");
        assert!(most <= large().len() as u64);
        let left = std::fs::read_dir(folder.join("cache/models--OWNER--NAME/blobs")).unwrap().flatten();
        assert_eq!(left.map(|entry| entry.metadata().unwrap().len()).sum::<u64>(), 0);
    });
}

#[test]
fn a_file_whose_size_is_not_listed_is_taken_up_to_a_limit() {
    with_hub(|hub, server, _| {
        server.send(Sending::Unlisted(20 << 20));
        let error = pull(hub).unwrap_err();
        assert!(matches!(error, HubError::Unlisted { .. }), "{error}");
        server.send(Sending::Unlisted(0));
        assert_eq!(pull(hub).unwrap().files(), ["deep/large.bin", "small.json"]);
    });
}

#[test]
fn nobody_is_followed_to_another_scheme() {
    with_hub(|hub, server, _| {
        for location in ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", ""] {
            server.send(Sending::From(location));
            let error = pull(hub).unwrap_err();
            assert!(
                matches!(&error, HubError::Redirected { location: to, .. } if to == location),
                "{location}: {error}"
            );
        }
        // In a circle.
        server.send(Sending::From("/OWNER/NAME/resolve/x"));
        assert!(matches!(pull(hub), Err(HubError::Network { .. })));
    });
}

#[test]
fn files_that_others_name_are_fetched_in_turn() {
    with_hub(|hub, server, _| {
        let choose = |_: &[String], folder: &Path| {
            let small = vec!["small.json".to_owned()];
            let is_here = folder.join("small.json").is_file();
            Ok::<_, HubError>(if is_here { [small, vec!["deep/large.bin".to_owned()]].concat() } else { small })
        };
        let snapshot = hub.pull(&"OWNER/NAME".parse().unwrap(), choose, &mut no_progress()).unwrap();
        assert_eq!(snapshot.files(), ["deep/large.bin", "small.json"]);
        assert_eq!(server.requests().len(), 3, "the list, and each file once");
    });
}

#[test]
fn the_token_stays_with_the_hubs_own_port() {
    with_hub(|hub, server, folder| {
        // On the same host, and it takes nobody who brings a token.
        let other = Server::start(&folder.join("hub"));
        let location: &'static str = Box::leak(format!("{}/storage/OWNER/NAME/small.json", other.endpoint).into());
        server.send(Sending::From(location));
        let small = |_: &[String], _: &Path| Ok::<_, HubError>(vec!["small.json".to_owned()]);
        let hub = hub.clone().with_token("secret");
        let snapshot = hub.pull(&"OWNER/NAME".parse().unwrap(), small, &mut no_progress()).unwrap();
        assert_eq!(snapshot.files(), ["small.json"]);
    });
}

/// A field of a protobuf message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// An ONNX file that names a file of weights, and has nothing else.
fn onnx_with_weights_in(location: &str) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let is_external = [14 << 3, 1];
    let tensor = [&field(13, &entry)[..], &is_external].concat();
    field(7, &field(5, &tensor))
}

#[test]
fn a_model_is_fetched_with_the_weights_that_it_names_and_nothing_else() {
    with_hub(|hub, server, folder| {
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join("hub/OWNER/NAME").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let model = HubModel::in_repository("OWNER/NAME").unwrap();
        write("onnx/model.onnx", &onnx_with_weights_in("parts/weights.bin"));
        write("onnx/model.onnx_data", &[1; 2000]);

        // Nothing says how pictures are prepared, or what says it cannot be followed.
        let pull = || model.pull(hub, &mut no_progress());
        let is_refused = |error| matches!(error, LoadError::Model(vismem_encode::LoadError::NoPreprocessing { .. }));
        assert!(is_refused(pull().unwrap_err()));
        write("preprocessor_config.json", br#"{"do_pad": true}"#);
        let error = pull().unwrap_err();
        assert!(matches!(error, LoadError::Model(vismem_encode::LoadError::Preprocessing { .. })), "{error}");
        assert!(!server.requests().iter().any(|request| request.contains("onnx")));

        write("preprocessor_config.json", br#"{"do_resize": false, "crop_size": 8, "do_normalize": false}"#);
        let error = pull().unwrap_err();
        assert!(matches!(error, LoadError::Model(vismem_encode::LoadError::Weights { .. })), "{error}");
        assert_eq!(model.cached(hub), None);

        write("onnx/parts/weights.bin", &[2; 3000]);
        let pulled = pull().unwrap();
        assert_eq!(pulled.files, ["onnx/model.onnx", "onnx/parts/weights.bin", "preprocessor_config.json"]);
        assert_eq!(model.cached(hub), Some(pulled.clone()));
        std::fs::remove_file(pulled.snapshot.folder.join("onnx/parts/weights.bin")).unwrap();
        assert_eq!(model.cached(hub), None, "it is not whole");

        for outside in ["../../../secret", "/etc/hostname"] {
            write("onnx/model.onnx", &onnx_with_weights_in(outside));
            let error = pull().unwrap_err();
            assert!(matches!(error, LoadError::Model(vismem_encode::LoadError::Onnx { .. })), "{outside}: {error}");
        }
    });
}
