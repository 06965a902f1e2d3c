//! Measures how long it takes to forget one exemplar of many, until nothing of it is left on the disk.
//!
//! `cargo run --release -p vismem --example forget -- VECTORS.f32 DIM FOLDER [NEIGHBOR_LISTS]`
//!
//! VECTORS.f32 holds rows of little-endian f32. The memory is made in FOLDER if it is not there yet, with codes and
//! partitions; with NEIGHBOR_LISTS also the lists of so many nearest neighbours that pruning keeps, which takes long. Prints what
//! making it took, and medians and 99th percentiles: of forgetting one exemplar after the other in one process; of
//! opening, forgetting and closing, as the command line does; and of the disk's own `fdatasync`, since the promise that
//! something is gone takes three of them one after the other.

#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::disallowed_methods, reason = "these are not files of a memory")]

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use vismem::{
    Attributes, BuildOptions, Built, Editor, EncoderIdentity, IndexKind, Memory, NewExemplar, Selector, content_of,
};

/// Exemplars that are forgotten in one process, and one process each.
const FORGOTTEN: usize = 200;
const ALONE: usize = 20;
/// Exemplars that are added in one transaction.
const TOGETHER: usize = 16_384;
const LABELS: usize = 1_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, dim, folder, lists @ ..] = &arguments[..] else {
        return Err("usage: forget VECTORS.f32 DIM FOLDER [NEIGHBOR_LISTS]".into());
    };
    let folder = Path::new(folder);
    let path = folder.join("forget.vismem");
    if !path.exists() {
        let made = Instant::now();
        make(&path, Path::new(vectors), dim.parse()?)?;
        println!("adding them all          {:>9.1} s", made.elapsed().as_secs_f64());
    }
    derive(&path, lists.first().map(|lists| lists.parse()).transpose()?)?;

    let memory = Memory::open(&path)?;
    println!("exemplars                {:>9}", memory.len());
    let (ids, _) = memory.sample(FORGOTTEN + ALONE);
    drop(memory);
    let (alone, together) = ids.split_at(ALONE);
    let mut editor = Editor::open(&path)?;
    let mut times = Vec::with_capacity(together.len());
    for id in together {
        let started = Instant::now();
        forget(&mut editor, *id)?;
        times.push(started.elapsed());
    }
    drop(editor);
    print("forget, the first        ", &mut times[..1]);
    print("forget, the others       ", &mut times[1..]);
    let mut times = Vec::with_capacity(alone.len());
    for id in alone {
        let started = Instant::now();
        forget(&mut Editor::open(&path)?, *id)?;
        times.push(started.elapsed());
    }
    print("open, forget and close   ", &mut times);
    print("the disk's own fdatasync ", &mut syncs(folder)?);
    Ok(())
}

fn forget(editor: &mut Editor, id: u64) -> Result<()> {
    editor.forget(&Selector { ids: vec![id], ..Default::default() })?.ok_or("nothing was forgotten")?;
    Ok(())
}

/// Adds every row of the file.
fn make(path: &Path, vectors: &Path, dim: usize) -> Result<()> {
    let file = File::open(vectors)?;
    let rows = file.metadata()?.len() as usize / (dim * size_of::<f32>());
    let mut editor =
        Editor::open_or_create(path, &EncoderIdentity { name: "measured".into(), hash: String::new(), dim })?;
    let mut batch = editor.batch();
    for first in (0..rows).step_by(TOGETHER) {
        let mut bytes = vec![0; TOGETHER.min(rows - first) * dim * size_of::<f32>()];
        file.read_exact_at(&mut bytes, (first * dim * size_of::<f32>()) as u64)?;
        let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let labels: Vec<String> = (0..LABELS).map(|label| format!("label {label:04}")).collect();
        let exemplars: Vec<NewExemplar<'_>> = (first..)
            .zip(values.chunks_exact(dim))
            .map(|(row, embedding)| NewExemplar {
                embedding,
                label: &labels[row % LABELS],
                source: Some(format!("/data/pictures/{:04}/{row:08}.jpg", row % LABELS).into()),
                content: content_of(embedding, &row.to_le_bytes()),
                attributes: Attributes::new(),
            })
            .collect();
        batch.add(&exemplars)?;
    }
    Ok(())
}

/// Makes what a memory derives, if it is not there.
fn derive(path: &Path, lists: Option<usize>) -> Result<()> {
    let memory = Memory::open(path)?;
    let options = BuildOptions { neighbors: lists, ..Default::default() };
    for kind in IndexKind::ALL {
        let started = Instant::now();
        if (kind != IndexKind::NeighborLists || lists.is_some())
            && memory.build_index(kind, &options, &mut ())? == Built::New
        {
            println!("{kind:<12}             {:>9.1} s", started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

/// How long the disk takes to make a written page durable.
fn syncs(folder: &Path) -> Result<Vec<Duration>> {
    let path = folder.join("sync");
    let file = File::create(&path)?;
    file.write_all_at(&[1; 1 << 20], 0)?;
    file.sync_all()?;
    let sync = |n: usize| -> Result<Duration> {
        file.write_all_at(&n.to_le_bytes(), (n * 4096) as u64 % (1 << 20))?;
        let started = Instant::now();
        file.sync_data()?;
        Ok(started.elapsed())
    };
    let times = (0..FORGOTTEN).map(sync).collect();
    std::fs::remove_file(path)?;
    times
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what} {:>8.2} ms median, {:.2} ms 99th percentile of {}", at(0.5), at(0.99), times.len());
}
