//! Pictures per second of the whole pipeline: files to embeddings.
//!
//! `cargo run --release -p vismem-encode --example throughput -- FOLDER [auto|rten|onnxruntime] [BATCH] [MODEL_FOLDER]`

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vismem_encode::{Encoder, EncoderOptions, Model, Outcome, RuntimeChoice};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: throughput FOLDER [auto|rten|onnxruntime] [BATCH] [MODEL_FOLDER]")?;
    let runtime = match arguments.next().as_deref() {
        None | Some("auto") => RuntimeChoice::Auto,
        Some("rten") => RuntimeChoice::Rten,
        Some("onnxruntime") => RuntimeChoice::OnnxRuntime,
        Some(other) => return Err(format!("unknown runtime {other}").into()),
    };
    let batch = arguments.next().map(|batch| batch.parse()).transpose()?;
    let model = arguments.next().map_or(Ok(Model::builtin()), Model::from_folder)?;

    let mut files = Vec::new();
    files_below(Path::new(&folder), &mut files)?;
    files.sort();

    let start = Instant::now();
    let encoder = Encoder::load(model, &EncoderOptions { runtime, batch, ..Default::default() })?;
    let loaded = start.elapsed();
    let (mut embedded, mut failed) = (0, 0);
    encoder.encode_stream(files.into_iter(), &|_, _| true, &mut |encoded| {
        match encoded.outcome {
            Outcome::Embedded(_) => embedded += 1,
            Outcome::Skipped => {}
            Outcome::Failed(error) => {
                failed += 1;
                eprintln!("{error}");
            }
        }
        ControlFlow::Continue(())
    });
    let all = start.elapsed();
    println!(
        "{} | {} threads, batch {} | load {:.0} ms | {embedded} pictures ({failed} failed) in {:.2} s = {:.1} img/s",
        encoder.runtime(),
        encoder.threads(),
        encoder.batch(),
        loaded.as_secs_f64() * 1e3,
        all.as_secs_f64(),
        f64::from(embedded) / all.as_secs_f64(),
    );
    Ok(())
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
