//! A calibrated memory stays calibrated, whatever use case changes it: by what is in it then.

use std::path::{Path, PathBuf};

use vismem::{
    Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Pruning, content_of, is_calibrated,
};
use vismem_app::{Criterion, Encoding, Selection, Silent, calibration, compact, forget, prune, relabel, taxonomy};
use vismem_models::{EncoderRequest, Hub};

/// Four labels with so many exemplars each, on a circle; neighbours overlap.
fn memory(folder: &Path, each: u32) -> PathBuf {
    let path = folder.join("circle.vismem");
    let encoder = EncoderIdentity { name: "test".into(), hash: "00".into(), dim: 2 };
    let embedding = |row: u32| {
        let angle = f64::from(row % 4) + 1.2 * (f64::from(row) * 0.618).fract();
        [angle.cos() as f32, angle.sin() as f32]
    };
    let rows: Vec<([f32; 2], String)> =
        (0..4 * each).map(|row| (embedding(row), format!("label-{}", row % 4))).collect();
    let exemplars = rows.iter().zip(0u32..).map(|((embedding, label), row)| NewExemplar {
        embedding,
        label,
        source: None,
        content: content_of(embedding, &row.to_le_bytes()),
        attributes: Attributes::default(),
    });
    let exemplars: Vec<NewExemplar<'_>> = exemplars.collect();
    Editor::open_or_create(&path, &encoder).unwrap().batch().add(&exemplars).unwrap();
    path
}

fn some(folder: &Path, criterion: Criterion) -> Selection {
    let encoding = Encoding { request: EncoderRequest::default(), hub: Hub::new("https://localhost", folder) };
    Selection { criteria: vec![criterion], encoding }
}

#[test]
fn every_use_case_that_ends_a_calibration_makes_it_again_before_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, path) = (folder.path(), memory(folder.path(), 12));
    let first = |ids: &[u64]| some(folder, Criterion::Ids(ids.to_vec()));
    let forget = |ids: &[u64]| forget::forget(&path, &first(ids), None, &mut Silent).unwrap();
    forget(&[1]);
    assert!(!is_calibrated(&path), "nobody asked for it");

    assert_eq!(calibration::renew(&path, &mut Silent).unwrap().unwrap().asked, 47);
    let is_that_of_the_memory = |what: &str| {
        let memory = Memory::open(&path).unwrap();
        let kept = memory.calibration().unwrap_or_else(|| panic!("{what}: none"));
        assert_eq!(*kept, memory.calibrate(&mut ()).unwrap().unwrap(), "{what}");
        let options = ClassifyOptions { coverage: Some(0.9), ..Default::default() };
        assert!(memory.classify(&[1.0, 0.1], &options).unwrap()[0].probability().is_some(), "{what}");
    };
    is_that_of_the_memory("renew");
    forget(&[2, 3]);
    is_that_of_the_memory("forget");
    relabel::relabel(&path, &first(&[4]), "label-0", &mut Silent).unwrap();
    is_that_of_the_memory("relabel");
    relabel::undo(&path, &mut Silent).unwrap();
    is_that_of_the_memory("undo");
    relabel::merge(&path, &["label-3".into()], "label-2", &mut Silent).unwrap();
    is_that_of_the_memory("merge");
    relabel::split(&path, "label-2", &first(&[8, 12, 16]), "label-3", &mut Silent).unwrap();
    is_that_of_the_memory("split");
    prune::set(&path, Pruning::SOFT, false, None, &mut Silent).unwrap();
    is_that_of_the_memory("prune");
    prune::off(&path, &mut Silent).unwrap();
    is_that_of_the_memory("prune off");
    let file = folder.join("taxonomy.csv");
    std::fs::write(&file, "label,half\nlabel-0,first\nlabel-1,first\nlabel-2,second\nlabel-3,second\n").unwrap();
    taxonomy::set(&path, &file, &mut Silent).unwrap();
    is_that_of_the_memory("taxonomy");
    compact::compact(&path, &mut Silent).unwrap();
    is_that_of_the_memory("compact");
}

#[test]
fn where_too_little_is_left_to_know_from_the_memory_is_calibrated_no_more_and_that_is_said() {
    struct Notes(Vec<String>);
    impl vismem_app::Observer for Notes {
        fn step(&mut self, _: &'static str, _: u64, _: Option<u64>) -> std::ops::ControlFlow<()> {
            std::ops::ControlFlow::Continue(())
        }
        fn note(&mut self, line: &str) {
            self.0.push(line.into());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = memory(folder.path(), 5);
    calibration::renew(&path, &mut Silent).unwrap().unwrap();
    let mut notes = Notes(Vec::new());
    forget::forget(&path, &some(folder.path(), Criterion::Ids(vec![1])), None, &mut notes).unwrap();
    assert!(!is_calibrated(&path) && notes.0.iter().any(|note| note.contains("too few exemplars")), "{:?}", notes.0);
    let options = ClassifyOptions::default();
    assert_eq!(Memory::open(&path).unwrap().classify(&[1.0, 0.1], &options).unwrap()[0].probability(), None);
}
