//! Files that users bring: any bytes are read as what they are, or refused. The first byte says which kind of file.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use vismem_data::clip_retrieval::Shard;
use vismem_data::{Embeddings, labels, taxonomy};

mod panics;

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vismem-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fuzz_target!(init: panics::those_of_parquet_are_expected(), |input: &[u8]| {
    let [kind, bytes @ ..] = input else { return };
    match kind % 7 {
        0 => {
            if let Ok(mut embeddings) = Embeddings::open(&file("rows.npy", bytes)) {
                let (rows, dim) = (embeddings.rows, embeddings.dim);
                if let Ok(values) = embeddings.next_rows(rows) {
                    assert_eq!(values.len(), rows * dim);
                }
            }
        }
        1 => drop(labels::read(&file("labels.npy", bytes), "label")),
        2 => drop(labels::read(&file("labels.csv", bytes), "label")),
        3 => drop(labels::read(&file("labels.txt", bytes), "label")),
        4 => {
            if let Ok(taxonomy) = taxonomy::read(&file("taxonomy.csv", bytes)) {
                assert!(taxonomy.labels.values().all(|names| names.len() == taxonomy.levels.len()));
            }
        }
        5 => drop(labels::read(&file("labels.parquet", bytes), "label")),
        _ => {
            let shard = Shard { embeddings: PathBuf::new(), metadata: file("metadata.parquet", bytes) };
            drop(shard.sources());
        }
    }
});
