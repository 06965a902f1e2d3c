//! Use cases that bring exemplars into a memory and out of it, without a command line: their results have the fields that
//! docs/schemas requires.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use vismem::Memory;
use vismem_app::add::{AddRequest, add};
use vismem_app::encode::{EncodeRequest, encode};
use vismem_app::export::{self, CatalogFormat, CatalogRequest, EmbeddingsRequest, NeighborsRequest};
use vismem_app::import::import;
use vismem_app::models;
use vismem_app::reencode::{ReencodeRequest, reencode};
use vismem_app::sync::{SyncRequest, sync};
use vismem_app::{Error, Failure, Observer, RequestError, Silent};
use vismem_data::npy::NpyWriter;
use vismem_data::{Reading, TableFormat};
use vismem_models::{EncoderRequest, Hub};

fn hub(folder: &Path) -> Hub {
    Hub::new("https://localhost", folder)
}

/// Five rows of embeddings, one of which has no direction.
fn rows(folder: &Path) -> AddRequest {
    let file = folder.join("rows.npy");
    let mut writer = NpyWriter::create(&file, 2).unwrap();
    for row in [[1.0, 0.0], [1.0, 0.1], [0.0, 0.0], [0.1, 1.0], [0.0, 1.0]] {
        writer.push(&row).unwrap();
    }
    writer.finish().unwrap();
    let labels = folder.join("labels.txt");
    fs::write(&labels, "disc\ndisc\ndisc\nsquare\nsquare\n").unwrap();
    AddRequest { paths: vec![file], labels: Some(labels), ..AddRequest::default() }
}

/// The result as JSON, which has the fields of its schema.
#[track_caller]
fn documented(result: &impl Serialize, schema: &str) -> Value {
    let document = serde_json::to_value(result).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(schema).with_extension("json");
    let schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let fields: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, known);
    document
}

/// Remembers what was left out, and ends a call after some steps.
struct Heard {
    failures: Vec<Failure>,
    steps_left: usize,
}

impl Heard {
    fn ending_after(steps_left: usize) -> Self {
        Self { failures: Vec::new(), steps_left }
    }
}

impl Observer for Heard {
    fn step(&mut self, _: &'static str, _: u64, _: Option<u64>) -> ControlFlow<()> {
        match self.steps_left.checked_sub(1) {
            Some(left) => {
                self.steps_left = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }

    fn note(&mut self, _: &str) {}

    fn failed(&mut self, failure: &Failure) {
        self.failures.push(failure.clone());
    }
}

#[test]
fn rows_are_added_and_those_without_a_direction_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("m");
    let mut heard = Heard::ending_after(usize::MAX);
    let report = add(&memory, &rows(folder.path()), &hub(folder.path()), &mut heard).unwrap();
    documented(&report, "add");
    assert_eq!((report.added, report.exemplars, report.labels), (4, 4, 2));
    assert_eq!(report.failed, heard.failures);
    assert!(report.failed[0].error.contains("is all zeros"), "{:?}", report.failed);
    assert!(report.complete && !report.all_in());
}

#[test]
fn an_ended_addition_keeps_what_is_done_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("m");
    let request = AddRequest { commit_every: NonZeroUsize::new(2), ..rows(folder.path()) };
    let ended = add(&memory, &request, &hub(folder.path()), &mut Heard::ending_after(1)).unwrap();
    assert_eq!((ended.added, ended.complete), (2, false));
    let rest = add(&memory, &request, &hub(folder.path()), &mut Silent).unwrap();
    assert_eq!((rest.added, rest.known, rest.complete), (2, 2, true));
}

#[test]
fn an_exported_memory_is_imported_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    add(&path, &rows(folder.path()), &hub(folder.path()), &mut Silent).unwrap();
    let memory = Memory::open(&path).unwrap();
    let output = folder.path().join("exported");
    let request = EmbeddingsRequest { output: output.clone(), metadata: TableFormat::Csv, selection: None };
    documented(&export::embeddings(&memory, &request, &mut Silent).unwrap(), "export");
    let request =
        CatalogRequest { output: output.clone(), format: CatalogFormat::Table(TableFormat::Csv), selection: None };
    assert_eq!(export::catalog(&memory, &request, &mut Silent).unwrap().exemplars, 4);
    let request = NeighborsRequest { output: output.clone(), k: 2 };
    assert_eq!(export::neighbors(&memory, &request, &mut Silent).unwrap().files.len(), 2);

    let imported = import(&folder.path().join("again"), std::slice::from_ref(&output), &mut Silent).unwrap();
    documented(&imported, "add");
    assert_eq!(imported.digest, memory.digest().to_string());
}

#[test]
fn what_cannot_be_meant_is_a_request_error() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("m");
    let refused = |request: AddRequest| match add(&memory, &request, &hub(folder.path()), &mut Silent) {
        Err(Error::Request(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(AddRequest::default()), RequestError::NoPath);
    let rows = || rows(folder.path());
    let file = rows().paths[0].clone();
    assert_eq!(refused(AddRequest { labels: None, ..rows() }), RequestError::NoLabels { path: file.clone() });
    assert_eq!(refused(AddRequest { paths: vec![file.clone(), folder.path().into()], ..rows() }), RequestError::Mixed);
    let reading = Reading { nested: Some("family".into()), ..Reading::default() };
    assert_eq!(refused(AddRequest { reading, ..rows() }), RequestError::ForPictures { field: "nested" });
    assert!(!memory.exists());
}

/// A folder of two pictures with two labels.
fn pictures(folder: &Path) -> PathBuf {
    let pictures = folder.join("pictures");
    for (label, color) in [("dark", 20), ("light", 230)] {
        fs::create_dir_all(pictures.join(label)).unwrap();
        image::RgbImage::from_pixel(32, 32, image::Rgb([color; 3])).save(pictures.join(label).join("1.png")).unwrap();
    }
    pictures
}

#[test]
fn a_memory_follows_a_folder_of_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, hub, pictures) = (folder.path().join("m"), hub(folder.path()), pictures(folder.path()));
    let request = SyncRequest { folder: pictures.clone(), ..SyncRequest::default() };
    assert_eq!(sync(&memory, &request, &hub, &mut Silent).unwrap().add.added, 2);
    fs::remove_file(pictures.join("dark/1.png")).unwrap();
    let request = SyncRequest { forget_missing: true, ..request };
    let asked = sync(&memory, &request, &hub, &mut Silent).unwrap();
    assert_eq!((asked.forgotten, asked.held_back.unwrap().share), (0, 0.5));
    let request = SyncRequest { confirmed: true, ..request };
    let report = sync(&memory, &request, &hub, &mut Silent).unwrap();
    documented(&report, "sync");
    assert_eq!((report.add.known, report.missing.len(), report.forgotten, report.add.exemplars), (1, 1, 1, 1));

    let anew = ReencodeRequest { output: folder.path().join("anew"), ..ReencodeRequest::default() };
    let refused = reencode(&Memory::open(&memory).unwrap(), &anew, &hub, &mut Silent);
    assert!(matches!(refused, Err(Error::Request(RequestError::SameEncoder { .. }))), "{refused:?}");
}

#[test]
fn pictures_that_are_encoded_into_files_are_imported_later() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, output) = (hub(folder.path()), folder.path().join("encoded"));
    let request = EncodeRequest {
        paths: vec![pictures(folder.path())],
        output: output.clone(),
        share: None,
        metadata: TableFormat::Parquet,
        encoder: EncoderRequest::default(),
        reading: Reading::default(),
    };
    let ended = encode(&request, &hub, &mut Heard::ending_after(1));
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    let memory = folder.path().join("m");
    assert!(import(&memory, std::slice::from_ref(&output), &mut Silent).is_err());
    let report = encode(&request, &hub, &mut Silent).unwrap();
    documented(&report, "encode");
    assert_eq!((report.encoded, report.failed.len()), (2, 0));
    assert_eq!(import(&memory, &[output], &mut Silent).unwrap().added, 2);
}

#[test]
fn models_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path());
    let listing = models::list(&hub);
    documented(&listing, "model-list");
    assert!(listing.models.iter().skip(1).all(|model| !model.here), "{listing:?}");
    let shown = models::show(&EncoderRequest::default(), &hub, &mut Silent).unwrap();
    documented(&shown, "model-show");
    assert_eq!((shown.dim, shown.file), (1280, None));
}
