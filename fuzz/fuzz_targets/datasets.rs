//! Data sets of pictures in one file: any bytes are read as what they are, or refused. The first byte says which kind of file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vismem_data::{Dataset, Finding, LabelledPicture, Reading};

mod panics;

const NAMES: [&str; 6] = ["a.tar", "a.tgz", "a.zip", "a.parquet", "a.json", "a.csv"];

fn take_all(dataset: Dataset) -> Vec<LabelledPicture> {
    // A table may claim any number of rows.
    dataset.pictures.take(10_000).collect()
}

fuzz_target!(init: panics::those_of_parquet_are_expected(), |input: &[u8]| {
    let [kind, bytes @ ..] = input else { return };
    let name = NAMES[usize::from(*kind) % NAMES.len()];
    // A folder of its own, with two pictures for lists that name none.
    let folder = std::env::temp_dir().join(format!("vismem-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    ["1.png", "2.png"].iter().for_each(|picture| std::fs::write(folder.join(picture), "").unwrap());
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    if let Ok(mut dataset) = vismem_data::open(&[&path], &Reading::default()) {
        for taxonomy in std::mem::take(&mut dataset.taxonomies) {
            assert!(taxonomy.labels.values().all(|names| names.len() == taxonomy.levels.len()));
        }
        let is_usable = |picture: &LabelledPicture| !matches!(picture.bytes, Some(Err(_)));
        assert!(take_all(dataset).iter().filter(|picture| is_usable(picture)).all(|picture| !picture.label.is_empty()));
    }
    if let Ok(dataset) = vismem_data::open_truth(&path, &Reading::default()) {
        take_all(dataset);
    }
    if let Ok(dataset) = vismem_data::open_unlabelled(&path, &Finding::default()) {
        assert!(take_all(dataset).iter().all(|picture| picture.label.is_empty()));
    }
});
