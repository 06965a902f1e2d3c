//! Which encoder a request means, and for which memory it is right.

use std::fs;
use std::path::Path;

use vismem_encode::{Pool, Views};
use vismem_models::{EncoderRequest, Held, Hub, LoadError, Loaded, PreprocessingChoice, Purpose, no_progress};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data/tiny.onnx");
const PREPROCESSING: &str = r#"{"do_resize": false, "do_center_crop": true, "crop_size": 8, "image_mean": [0, 0, 0],
    "image_std": [1, 1, 1], "rescale_factor": 0.00392156862745098}"#;
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A folder with a model's files.
fn write_model(folder: &Path) {
    fs::create_dir_all(folder.join("onnx")).unwrap();
    fs::write(folder.join("preprocessor_config.json"), PREPROCESSING).unwrap();
    fs::copy(TINY, folder.join("onnx/model.onnx")).unwrap();
}

/// A hub that nobody answers for, and its cache, which has `me/tiny`.
fn hub(folder: &Path) -> Hub {
    let repository = folder.join("cache/models--me--tiny");
    write_model(&repository.join("snapshots").join(COMMIT));
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), COMMIT).unwrap();
    Hub::new("http://127.0.0.1:9", folder.join("cache")).offline()
}

fn named(model: impl Into<String>) -> EncoderRequest {
    EncoderRequest { model: Some(model.into()), ..Default::default() }
}

fn load(request: &EncoderRequest, hub: &Hub) -> Result<Loaded, LoadError> {
    request.load(hub, None, &mut no_progress())
}

fn load_for(request: &EncoderRequest, hub: &Hub, encoder: &vismem::EncoderIdentity) -> Result<Loaded, LoadError> {
    load_to(Purpose::Exemplars, request, hub, encoder)
}

fn load_to(
    purpose: Purpose,
    request: &EncoderRequest,
    hub: &Hub,
    encoder: &vismem::EncoderIdentity,
) -> Result<Loaded, LoadError> {
    request.load(hub, Some(Held { memory: Path::new("my.vismem"), encoder, purpose }), &mut no_progress())
}

/// The error of what must not load.
fn refused(loaded: Result<Loaded, LoadError>) -> LoadError {
    loaded.err().expect("it was loaded")
}

#[test]
fn a_folder_a_file_in_it_and_a_cached_repository_are_the_same_encoder() {
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let folder = place.path().join("mine");
    write_model(&folder);
    let folder = folder.to_str().unwrap();
    let all = [folder.to_owned(), format!("{folder}/onnx/model.onnx"), "hub:me/tiny".into()];
    let [a, b, c] = all.map(|model| load(&named(model), &hub).unwrap().identity());
    assert!(a.same(&b) && a.same(&c));
    let place = fs::canonicalize(folder).unwrap();
    assert_eq!((Path::new(&a.name), c.name.as_str()), (place.as_path(), "me/tiny"));
    assert_eq!(Path::new(&b.name), place.join("onnx/model.onnx"));
}

#[test]
fn a_memory_means_its_encoder_by_name_and_no_other() {
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let tiny = load(&named("hub:me/tiny"), &hub).unwrap().identity();
    let unnamed = EncoderRequest::default();
    assert!(load_for(&unnamed, &hub, &tiny).unwrap().identity().same(&tiny));

    let changed = vismem::EncoderIdentity { hash: "00".repeat(32), ..tiny.clone() };
    let error = refused(load_for(&unnamed, &hub, &changed));
    assert!(matches!(error, LoadError::AnotherEncoder { is_named: false, .. }) && error.is_wrong_request(), "{error}");
    let error = refused(load_for(&named("efficientnet-lite0"), &hub, &tiny));
    assert!(matches!(error, LoadError::AnotherEncoder { is_named: true, .. }) && !error.is_wrong_request(), "{error}");

    // Nobody is asked for a model that is not here: the hub would refuse with another error.
    let elsewhere = vismem::EncoderIdentity { name: "me/other".into(), ..tiny.clone() };
    assert!(matches!(refused(load_for(&unnamed, &hub, &elsewhere)), LoadError::NotHere { .. }));
    let own = vismem::EncoderIdentity { name: "mine".into(), ..tiny };
    assert!(matches!(refused(load_for(&unnamed, &hub, &own)), LoadError::Nowhere { .. }));
    let unknown = vismem::EncoderIdentity::unknown(4);
    assert!(matches!(refused(load_for(&unnamed, &hub, &unknown)), LoadError::UnknownEncoder { .. }));
}

#[test]
fn a_memory_means_its_views_and_only_its_exemplars_must_be_in_them() {
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let of = |model: Option<&str>, views| EncoderRequest { model: model.map(Into::into), views, ..Default::default() };
    let tiny = Some("hub:me/tiny");
    for (held, other) in [(Views::One, Views::Flip), (Views::Flip, Views::One)] {
        let identity = load(&of(tiny, Some(held)), &hub).unwrap().identity();
        for model in [None, tiny] {
            for purpose in [Purpose::Exemplars, Purpose::Queries, Purpose::AnotherMemory] {
                for views in [None, Some(held)] {
                    let loaded = load_to(purpose, &of(model, views), &hub, &identity).unwrap();
                    assert_eq!(loaded.encoder.views(), held, "{purpose:?}, {views:?}");
                    assert!(loaded.identity().same(&identity));
                }
            }
            for purpose in [Purpose::Queries, Purpose::AnotherMemory] {
                let loaded = load_to(purpose, &of(model, Some(other)), &hub, &identity).unwrap();
                assert_eq!(loaded.encoder.views(), other, "{purpose:?}");
                assert!(!loaded.identity().same(&identity), "{purpose:?}");
            }
            let error = refused(load_to(Purpose::Exemplars, &of(model, Some(other)), &hub, &identity));
            assert!(matches!(error, LoadError::OtherViews { .. }) && error.is_wrong_request(), "{error}");
            assert!(error.to_string().contains(&format!("`{held}`, not `{other}`")), "{error}");
        }
        // Other views do not make another model the memory's.
        let error = refused(load_to(Purpose::Queries, &of(Some("efficientnet-lite0"), Some(other)), &hub, &identity));
        assert!(matches!(error, LoadError::AnotherEncoder { .. }), "{error}");
    }
}

#[test]
fn a_memory_means_the_folder_that_it_was_filled_with() {
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let folder = place.path().join("mine");
    write_model(&folder);
    let unnamed = EncoderRequest::default();
    for model in [folder.clone(), folder.join("onnx/model.onnx")] {
        let identity = load(&named(model.to_str().unwrap()), &hub).unwrap().identity();
        assert!(load_for(&unnamed, &hub, &identity).unwrap().identity().same(&identity));
    }
    let identity = load(&named(folder.to_str().unwrap()), &hub).unwrap().identity();
    fs::write(folder.join("preprocessor_config.json"), PREPROCESSING.replace("[1, 1, 1]", "[1, 1, 2]")).unwrap();
    let error = refused(load_for(&unnamed, &hub, &identity));
    let LoadError::AnotherEncoder { held, found, is_named: false, .. } = &error else { panic!("{error}") };
    let text = error.to_string();
    assert!(text.contains(&held.hash[..12]) && text.contains(&found.hash[..12]), "{text}");
    fs::remove_dir_all(&folder).unwrap();
    let error = refused(load_for(&unnamed, &hub, &identity));
    assert!(matches!(error, LoadError::Gone { .. }) && error.to_string().contains(&identity.hash[..12]), "{error}");
}

#[test]
fn what_is_not_a_model_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let error = refused(load(&named("dinov2-samll"), &hub));
    assert_eq!(error.to_string(), "dinov2-samll: is neither a folder nor a model's name; did you mean dinov2-small?");
    assert!(matches!(refused(load(&named("hub:me"), &hub)), LoadError::NotARepository(_)));
    assert!(matches!(refused(load(&named("hub:me/other"), &hub)), LoadError::Hub(_)));
    let alone = place.path().join("alone.onnx");
    fs::copy(TINY, &alone).unwrap();
    let error = refused(load(&named(alone.to_str().unwrap()), &hub));
    assert!(matches!(error, LoadError::Model(vismem_encode::LoadError::NoPreprocessing { .. })), "{error}");
}

#[test]
fn wishes_that_do_not_fit_the_model_are_refused() {
    let hub = Hub::new("http://127.0.0.1:9", "nowhere");
    let pool = EncoderRequest { pool: Some(Pool::Cls), ..Default::default() };
    assert!(matches!(refused(load(&pool, &hub)), LoadError::OneOutput { .. }));
    let paper = EncoderRequest { preprocessing: PreprocessingChoice::Paper, ..Default::default() };
    let error = refused(load(&paper, &hub));
    assert!(matches!(error, LoadError::NotInThePaper { .. }) && error.is_wrong_request(), "{error}");
}
