//! Asks a memory everything for which version 0.1 derives a file: codes, partitions, lists of neighbours, distances, slots.

use vismem::{ClassifyOptions, Memory};

fn main() {
    let dir = std::env::args_os().nth(1).expect("a memory");
    // The first opening keeps the slots.
    drop(Memory::open(dir.as_ref()).unwrap());
    let memory = Memory::open(dir.as_ref()).unwrap();
    assert!(memory.make_partitions());
    memory.reliability(10, &mut |_, _| {}).unwrap();
    memory.classify(&[1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25], &ClassifyOptions::default()).unwrap();
}
