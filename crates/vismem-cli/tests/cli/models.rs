//! Models from a hub on this machine: fetched once, used without a network, checked.

use std::path::Path;

use serde_json::Value;

use crate::common::{Place, Run};
use crate::server::{COMMIT, Sending, Server};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data/tiny.onnx");
const PREPROCESSING: &str = r#"{"do_resize": false, "do_center_crop": true, "crop_size": 8, "image_mean": [0, 0, 0],
    "image_std": [1, 1, 1], "rescale_factor": 0.00392156862745098}"#;

/// A place with a hub that has the repositories `me/tiny` and `me/private`.
pub fn with_hub() -> (Place, Server) {
    let place = Place::new();
    for name in ["tiny", "private"] {
        let file = |file: &str, bytes: &[u8]| drop(place.write(format!("hub/me/{name}/{file}"), bytes));
        file("config.json", b"{}");
        file("preprocessor_config.json", PREPROCESSING.as_bytes());
        file("onnx/model.onnx", &std::fs::read(TINY).unwrap());
        file("onnx/model_fp16.onnx", &std::fs::read(TINY).unwrap());
        file("model.safetensors", &[7; 5000]);
    }
    place.draw_two_labels("learn", 2);
    let server = Server::start(&place.path("hub"));
    (place, server)
}

/// Runs `vismem ARGS` with that hub.
pub fn run(place: &Place, server: &Server, args: &str) -> Run {
    run_with(place, server, args, &[])
}

pub fn run_with(place: &Place, server: &Server, args: &str, environment: &[(&str, &str)]) -> Run {
    let mut command = place.command(args.split_whitespace());
    command.env("HF_ENDPOINT", &server.endpoint).env("HF_HOME", place.path("home"));
    command.envs(environment.iter().copied());
    let mut run = Run::of(command.output().unwrap());
    run.stderr =
        run.stderr.lines().filter(|line| !line.starts_with("fetching ")).map(|line| format!("{line}\n")).collect();
    run
}

/// The model's folder in the cache.
fn snapshot(place: &Place, name: &str) -> std::path::PathBuf {
    place.path(format!("home/hub/models--me--{name}/snapshots/{COMMIT}"))
}

#[test]
fn a_model_is_fetched_once_and_used_without_a_network_from_then_on() {
    let (place, server) = with_hub();
    let pulled = run(&place, &server, "model pull me/tiny --format json").done().json();
    assert_eq!((&pulled["commit"], &pulled["repository"]), (&COMMIT.into(), &"me/tiny".into()));
    assert_eq!(pulled["files"], serde_json::json!(["config.json", "onnx/model.onnx", "preprocessor_config.json"]));
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "the list, and the three files that are needed: {requests:?}");
    assert_eq!(std::fs::read(snapshot(&place, "tiny").join("onnx/model.onnx")).unwrap(), std::fs::read(TINY).unwrap());
    assert_eq!(std::fs::read_to_string(place.path("home/hub/models--me--tiny/refs/main")).unwrap(), COMMIT);

    run(&place, &server, "add learn --encoder hub:me/tiny").done().says(&["added 4 pictures"]);
    // A memory knows its encoder by name, so that it need not be said again.
    run(&place, &server, "classify learn/disc").done();
    let offline = [("HF_HUB_OFFLINE", "1")];
    run_with(&place, &server, "-m two.vismem add learn --encoder hub:me/tiny", &offline).done();
    assert_eq!(server.requests(), [""; 0], "the hub was asked for what is here");

    // What is here already is not fetched again.
    run(&place, &server, "model pull me/tiny").done().says(&["me/tiny is here"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_memory_remembers_the_folder_of_its_model() {
    let (place, server) = with_hub();
    run(&place, &server, "add learn --encoder hub/me/tiny").done();
    run(&place, &server, "classify learn").done();
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    let mut command = place.command(["classify", "../learn"]);
    command.current_dir(place.path("elsewhere")).env("VISMEM_MEMORY", place.path("memory.vismem"));
    Run::of(command.output().unwrap()).done();
}

#[test]
fn a_model_is_fetched_when_it_is_first_named() {
    let (place, server) = with_hub();
    run(&place, &server, "add learn --encoder hub:me/tiny@v1:fp16").done().says(&["added 4 pictures"]);
    let stats = run(&place, &server, "stats --format json").done().json();
    assert_eq!(stats["encoder"]["name"], "me/tiny@v1:fp16");
    assert!(snapshot(&place, "tiny").join("onnx/model_fp16.onnx").is_file());
    assert!(!snapshot(&place, "tiny").join("onnx/model.onnx").exists());
    // The folder, and the file in it, are the same encoder.
    for encoder in [snapshot(&place, "tiny"), snapshot(&place, "tiny").join("onnx/model_fp16.onnx")] {
        run(&place, &server, &format!("classify learn --encoder {}", encoder.display())).done();
    }
}

#[test]
fn a_download_that_was_cut_off_goes_on_where_it_was() {
    let (place, server) = with_hub();
    let size = std::fs::metadata(TINY).unwrap().len() as usize;
    // Each answer brings some more, and every byte is fetched once.
    server.send(Sending::Cut(size / 3));
    run(&place, &server, "model pull me/tiny").done();
    let requests = server.requests();
    let resumed: Vec<_> = requests.iter().filter(|request| request.contains("model.onnx from ")).collect();
    assert!(resumed.len() >= 2, "{requests:?}");
    assert!(resumed[0].ends_with(&format!(" from {}", size / 3)), "{requests:?}");
    run(&place, &server, "model show --encoder hub:me/tiny").done();
}

#[test]
fn a_damaged_download_is_thrown_away_and_never_used() {
    let (place, server) = with_hub();
    server.send(Sending::Damaged);
    let words = ["was damaged on the way", "its hash is another one", "give the command again"];
    run(&place, &server, "add learn --encoder hub:me/tiny").refused(1, &words);
    assert!(!place.path("memory.vismem").exists());
    let blobs = std::fs::read_dir(place.path("home/hub/models--me--tiny/blobs")).unwrap().flatten();
    assert_eq!(blobs.count(), 0, "damaged files are kept");
    server.send(Sending::Whole);
    run(&place, &server, "add learn --encoder hub:me/tiny").done();
}

#[test]
fn a_private_repository_needs_the_token() {
    let (place, server) = with_hub();
    run(&place, &server, "model pull me/private").refused(1, &["no such repository or revision for you", "HF_TOKEN"]);
    run_with(&place, &server, "model pull me/private", &[("HF_TOKEN", "secret")]).done();
    place.write("home/token", "secret\n");
    std::fs::remove_dir_all(place.path("home/hub")).unwrap();
    run(&place, &server, "model pull me/private").done();
}

#[test]
fn a_model_of_the_hub_is_the_encoder_that_its_folder_is() {
    let hub = vismem_goldens::hub().unwrap();
    let place = Place::new();
    for name in ["tiny-clip", "tiny-dinov2"] {
        copy(&hub.path().join(name), &place.path("hub/test").join(name));
    }
    place.draw_two_labels("learn", 1);
    let server = Server::start(&place.path("hub"));
    for (name, pooling) in [("tiny-dinov2", "first token"), ("tiny-clip", "none")] {
        let shown = run(&place, &server, &format!("model show --encoder hub:test/{name} --format json")).done().json();
        let folder = hub.path().join(name);
        let local =
            run(&place, &server, &format!("model show --encoder {} --format json", folder.display())).done().json();
        for field in ["hash", "dim", "description", "output"] {
            assert_eq!(shown[field], local[field], "{name}");
        }
        assert_eq!(shown["pooling"], pooling);
    }

    // The paper prepares pictures for DINOv2 as the hub does, for CLIP otherwise: that is another encoder.
    let hash = |options: &str| {
        run(&place, &server, &format!("model show --encoder {options} --format json")).done().json()["hash"].clone()
    };
    assert_eq!(hash("hub:test/tiny-dinov2"), hash("hub:test/tiny-dinov2 --preprocessing paper"));
    assert_ne!(hash("hub:test/tiny-clip"), hash("hub:test/tiny-clip --preprocessing paper"));
    let encoder = "--encoder hub:test/tiny-clip";
    run(&place, &server, &format!("add learn {encoder} --preprocessing paper")).done();
    // The memory says which of both is meant, where nobody says it again.
    for said in ["", encoder, "--preprocessing paper", "--preprocessing paper --encoder hub:test/tiny-clip"] {
        run(&place, &server, &format!("classify learn {said}")).done().says(&["(the memory holds it: id 1)"]);
    }
    run(&place, &server, "classify learn --pool cls").refused(1, &["choose another pooling"]);
    run(&place, &server, "classify learn --encoder hub:test/tiny-dinov2")
        .refused(1, &["holds embeddings of test/tiny-clip"]);
    let pooled = "-m pooled.vismem add learn --encoder hub:test/tiny-dinov2 --pool mean";
    run(&place, &server, pooled).done();
    run(&place, &server, "-m pooled.vismem classify learn").done().says(&["(the memory holds it: id 1)"]);
    run(&place, &server, "-m pooled.vismem classify learn --pool cls")
        .refused(2, &["holds embeddings of test/tiny-dinov2"]);
    // Whichever views it was filled with besides.
    let flipped = "-m flipped.vismem add learn --encoder hub:test/tiny-dinov2 --pool mean --views flip";
    run(&place, &server, flipped).done();
    for said in ["", "--pool mean", "--views flip"] {
        run(&place, &server, &format!("-m flipped.vismem classify learn {said}"))
            .done()
            .says(&["(the memory holds it: id 1)"]);
    }
    let mean =
        run(&place, &server, "model show --encoder hub:test/tiny-dinov2 --pool mean --format json").done().json();
    assert_eq!(mean["pooling"], "mean of the tokens after the first 1");
    run(&place, &server, "model show --encoder hub:test/tiny-dinov2 --pool projected")
        .refused(1, &["choose another pooling"]);
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(entry.path(), target).unwrap();
    }
}

#[test]
fn models_with_names_are_listed_with_whether_they_are_here() {
    let (place, server) = with_hub();
    let listed = run(&place, &server, "model list --format json").done().json();
    let models = listed["models"].as_array().unwrap();
    assert_eq!((&models[0]["name"], &models[0]["here"]), (&"efficientnet-lite0".into(), &true.into()));
    let small: &Value = models.iter().find(|model| model["name"] == "dinov2-small").unwrap();
    assert_eq!((&small["here"], &small["dim"]), (&false.into(), &384.into()));
    run(&place, &server, "model list").done().says(&["dinov2-small", "to be fetched", "onnx-community/dinov2-small"]);
    assert_eq!(server.requests(), [""; 0]);

    // A named model is a repository like any other.
    copy(&place.path("hub/me/tiny"), &place.path("hub/onnx-community/dinov2-small"));
    run(&place, &server, "add learn --encoder dinov2-small").done();
    let stats = run(&place, &server, "stats --format json").done().json();
    assert_eq!(stats["encoder"]["name"], "dinov2-small");
    run(&place, &server, "classify learn").done();
    run(&place, &server, "model list").done().says(&["here"]);
}
