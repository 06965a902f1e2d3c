//! JSON from elsewhere: the neighbour files of the paper's authors, and the hub's list of a repository's files. The first byte
//! says which.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use vismem_models::Listing;

fuzz_target!(|input: &[u8]| {
    let [kind, bytes @ ..] = input else { return };
    if kind % 2 == 0 {
        let path = std::env::temp_dir().join(format!("vismem-fuzz-{}-neighbors.json", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        if let Ok(read) = vismem_eval::authors_json::read(&path, Some(&path)) {
            let labels = read.queries.labels.len() as u32;
            assert!(read.queries.exemplars.iter().all(|exemplar| exemplar.label < labels));
        }
    } else if let Ok(listing) = Listing::parse(bytes) {
        let is_inside = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(listing.files.iter().all(|file| is_inside(&file.name)));
    }
});
