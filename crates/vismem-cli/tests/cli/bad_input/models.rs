use super::documented;
use crate::models::{run, run_with, with_hub};
use crate::server::Sending;

#[test]
fn model_without_a_network() {
    let exit = documented("model_without_a_network");
    let (place, server) = with_hub();
    // Nobody listens there.
    let nowhere = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    let words =
        ["cannot fetch it from http://127.0.0.1:9", "without a network", "hf download onnx-community/dinov2-small"];
    run_with(&place, &server, "add learn --encoder dinov2-small", &nowhere).refused(exit, &words);
    let offline = [("HF_HUB_OFFLINE", "1")];
    run_with(&place, &server, "add learn --encoder dinov2-small", &offline)
        .refused(exit, &["onnx-community/dinov2-small is not in", "HF_HUB_OFFLINE", "copy that folder"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn repository_that_is_not_there() {
    let exit = documented("repository_that_is_not_there");
    let (place, server) = with_hub();
    for name in ["me/other", "me/tiny@v9", "me/private"] {
        run(&place, &server, &format!("model pull {name}"))
            .refused(exit, &["no such repository or revision for you", "check its name", "HF_TOKEN"]);
    }
    run(&place, &server, "model pull me/tiny:int8")
        .refused(exit, &["me/tiny:int8: has no ONNX file int8; it has onnx/model.onnx, onnx/model_fp16.onnx"]);
}

#[test]
fn repository_without_preprocessing() {
    let exit = documented("repository_without_preprocessing");
    let (place, server) = with_hub();
    std::fs::remove_file(place.path("hub/me/tiny/preprocessor_config.json")).unwrap();
    run(&place, &server, "model pull me/tiny").refused(
        exit,
        &[
            "me/tiny: has no preprocessor_config.json",
            "put one beside the ONNX file",
            r#""image_processor_type": "CLIP"#,
        ],
    );
    place.write("hub/me/tiny/preprocessor_config.json", br#"{"image_processor_type": "ViltImageProcessor"}"#);
    run(&place, &server, "model pull me/tiny")
        .refused(exit, &["preprocessor_config.json: `image_processor_type` is ViltImageProcessor"]);
    assert!(!server.requests().iter().any(|request| request.contains(".onnx")), "what cannot be used is not fetched");
}

#[test]
fn preprocessing_that_is_not_done_here() {
    let exit = documented("preprocessing_that_is_not_done_here");
    let (place, server) = with_hub();
    for (key, value) in [("do_grayscale", "true"), ("keep_aspect_ratio", "true"), ("some_key_of_tomorrow", "7")] {
        let json = format!(r#"{{"do_resize": false, "crop_size": 8, "do_normalize": false, "{key}": {value}}}"#);
        place.write("hub/me/tiny/preprocessor_config.json", json.as_bytes());
        run(&place, &server, "add learn --encoder hub/me/tiny")
            .refused(exit, &["preprocessor_config.json: ", &format!("`{key}` is {value}"), "take the key out"]);
    }
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn model_folder_that_is_gone_or_another_one() {
    let exit = documented("model_folder_that_is_gone_or_another_one");
    let (place, server) = with_hub();
    run(&place, &server, "add learn --encoder hub/me/tiny").done();
    run(&place, &server, "classify learn").done();
    place.write(
        "hub/me/tiny/preprocessor_config.json",
        br#"{"do_resize": false, "crop_size": 8, "do_normalize": false, "resample": 2, "rescale_factor": 1}"#,
    );
    run(&place, &server, "classify learn").refused(exit, &["holds embeddings of", "hub/me/tiny", "not of"]);
    std::fs::remove_dir_all(place.path("hub/me/tiny")).unwrap();
    run(&place, &server, "classify learn")
        .refused(exit, &["hub/me/tiny", "nothing there any more", "--encoder FOLDER"]);
}

#[test]
fn model_that_is_damaged_on_the_way() {
    let exit = documented("model_that_is_damaged_on_the_way");
    let (place, server) = with_hub();
    server.send(Sending::Damaged);
    run(&place, &server, "model pull me/tiny")
        .refused(exit, &["me/tiny: ", "was damaged on the way", "give the command again"]);
    server.send(Sending::Cut(0));
    run(&place, &server, "model pull me/tiny").refused(exit, &["me/tiny: cannot fetch it", "goes on where it was"]);
    server.send(Sending::TooLong(1_000_000));
    run(&place, &server, "model pull me/tiny").refused(exit, &["me/tiny: ", "was damaged on the way"]);
    server.send(Sending::Status(503));
    run(&place, &server, "model pull me/tiny").refused(exit, &["answers with status 503", "try again later"]);
}

#[test]
fn memory_whose_model_is_not_here() {
    let exit = documented("memory_whose_model_is_not_here");
    let (place, server) = with_hub();
    run(&place, &server, "add learn --encoder hub:me/tiny").done();
    std::fs::remove_dir_all(place.path("home")).unwrap();
    server.requests();
    run(&place, &server, "classify learn").refused(exit, &["holds embeddings of me/tiny", "vismem model pull me/tiny"]);
    assert_eq!(server.requests(), [""; 0], "nobody is asked without being told to");
}

#[test]
fn names_that_are_no_models() {
    let exit = documented("names_that_are_no_models");
    let (place, server) = with_hub();
    run(&place, &server, "model pull nonsense")
        .refused(exit, &["is not a model's name or a repository", "`vismem model list`"]);
    run(&place, &server, "model pull efficientnet-lite0").refused(exit, &["is built in"]);
    for name in ["me", "me/..", "me/tiny@", "../me/tiny"] {
        run(&place, &server, &format!("add learn --encoder hub:{name}"))
            .refused(exit, &["names no repository", "OWNER/NAME"]);
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn encoder_options_that_do_not_fit() {
    let exit = documented("encoder_options_that_do_not_fit");
    let (place, server) = with_hub();
    run(&place, &server, "add learn --pool cls").refused(exit, &["efficientnet-lite0 has one output, drop --pool"]);
    run(&place, &server, "add learn --preprocessing paper").refused(exit, &["the paper used DINOv2 and CLIP alone"]);
    for device in ["gpu", "cuda:x", "cpu:1", "coreml:0"] {
        run(&place, &server, &format!("add learn --device {device}")).misused(&["is not a device; say cpu, cuda"]);
    }
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn views_other_than_the_memorys() {
    let exit = documented("views_other_than_the_memorys");
    let (place, server) = with_hub();
    place.draw_two_labels("more", 2);
    run(&place, &server, "-m one.vismem add learn").done();
    run(&place, &server, "-m flip.vismem add learn --views flip").done();
    for (memory, held, asked) in [("one", "one", "flip"), ("flip", "flip", "one")] {
        let words = [
            &format!("{memory}.vismem: its exemplars are encoded with the views `{held}`, not `{asked}`"),
            "drop --views",
            &format!("`vismem reencode --again -o FOLDER --views {asked}`"),
        ];
        for command in ["add", "sync"] {
            run(&place, &server, &format!("-m {memory}.vismem {command} more --views {asked}")).refused(exit, &words);
        }
        for queries in ["", "more"] {
            let doctor = format!("-m {memory}.vismem doctor {queries} --views {asked}");
            run(&place, &server, &doctor).refused(exit, &words);
        }
    }
}

#[test]
fn embeddings_of_other_views_than_the_memorys() {
    let exit = documented("embeddings_of_other_views_than_the_memorys");
    let (place, server) = with_hub();
    run(&place, &server, "add learn").done();
    run(&place, &server, "encode learn -o flipped --views flip").done();
    for command in ["add", "import", "classify", "eval aggregation"] {
        run(&place, &server, &format!("{command} flipped")).refused(exit, &["holds embeddings of", "--views"]);
    }
}

#[test]
fn views_of_what_is_no_picture() {
    let exit = documented("views_of_what_is_no_picture");
    let (place, server) = with_hub();
    run(&place, &server, "add learn").done();
    run(&place, &server, "encode learn -o encoded").done();
    let commands = [
        "-m new.vismem add encoded",
        "-m new.vismem add encoded/embeddings.npy --label x",
        "classify encoded",
        "classify encoded/embeddings.npy",
        "explain --id 1",
        "eval aggregation",
        "eval aggregation encoded",
    ];
    for command in commands {
        run(&place, &server, &format!("{command} --views flip")).refused(exit, &["--views belongs to pictures"]);
    }
    assert!(!place.path("new.vismem").exists());
    run(&place, &server, "eval aggregation --neighbors n.json --views flip").misused(&["--views"]);
    run(&place, &server, "add learn --views mirror").misused(&["mirror", "one, flip"]);
}

#[test]
fn device_that_is_not_here() {
    let exit = documented("device_that_is_not_here");
    let (place, server) = with_hub();
    run(&place, &server, "add learn --device cuda --runtime rten")
        .refused(exit, &["rten computes on the processor alone"]);
    // No library at all, or one that is not built for it: no silent fall back to the processor.
    let nothing = [("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")];
    run_with(&place, &server, "add learn --device cuda", &nothing).refused(exit, &["/nowhere/libonnxruntime.so"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn encoding_anew_with_the_same_encoder() {
    let exit = documented("encoding_anew_with_the_same_encoder");
    let (place, server) = with_hub();
    run(&place, &server, "add learn").done();
    run(&place, &server, "reencode -o new.vismem")
        .refused(exit, &["holds embeddings of efficientnet-lite0", "already"]);
    assert!(!place.path("new.vismem").exists());
}
