//! JSON from elsewhere: the neighbour files of the paper's authors, the hub's list of a repository's files, and receipts. The
//! first byte says which.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../crates/vismem-hub/src/hash.rs"]
mod hash;
#[allow(dead_code)]
#[path = "../../crates/vismem-hub/src/listing.rs"]
mod listing;

fuzz_target!(|input: &[u8]| {
    let [kind, bytes @ ..] = input else { return };
    if kind % 3 == 0 {
        let path = std::env::temp_dir().join(format!("vismem-fuzz-{}-neighbors.json", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        if let Ok(read) = vismem_eval::authors_json::read(&path, Some(&path)) {
            let labels = read.queries.labels.len() as u32;
            assert!(read.queries.exemplars.iter().all(|exemplar| exemplar.label < labels));
        }
    } else if kind % 3 == 1 {
        if let Ok(receipt) = serde_json::from_slice::<vismem::Receipt>(bytes) {
            let _ = receipt.hash();
        }
    } else if let Ok(listing) = listing::Listing::of_json(bytes) {
        let is_inside = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(listing.files.iter().all(|file| is_inside(&file.name)));
    }
});
