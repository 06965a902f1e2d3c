//! JSON from elsewhere: the neighbour files of the paper's authors, the hub's list of a repository's files, and receipts. The
//! first byte says which.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use vismem::Receipt;
use vismem_models::Listing;

fuzz_target!(|input: &[u8]| {
    let [kind, bytes @ ..] = input else { return };
    let path = std::env::temp_dir().join(format!("vismem-fuzz-{}.json", std::process::id()));
    if kind % 3 == 0 {
        std::fs::write(&path, bytes).unwrap();
        if let Ok(read) = vismem_eval::authors_json::read(&path, Some(&path)) {
            let labels = read.queries.labels.len() as u32;
            assert!(read.queries.exemplars.iter().all(|exemplar| exemplar.label < labels));
        }
    } else if kind % 3 == 1 {
        if let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) {
            let _ = receipt.hash();
        }
    } else if let Ok(listing) = Listing::parse(bytes) {
        let is_inside = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(listing.files.iter().all(|file| is_inside(&file.name)));
    }
});
