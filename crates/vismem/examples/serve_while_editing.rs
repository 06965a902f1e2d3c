//! A server keeps one memory open and answers from eight threads, while another process adds and forgets.
//!
//! `cargo run --release -p vismem --example serve_while_editing -- [ROUNDS]`
//!
//! The example starts itself again as the other process, which adds an exemplar and forgets it, ROUNDS times (1,000 unless
//! it is given). Each thread has a handle of its own on the memory, which costs next to nothing, and asks it for the
//! latest state. Now and then the answer is compared with that of a reader that opens the memory anew. Prints how many
//! answers there were, how many were compared, and how often a question was asked again because of a forget.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use vismem::{Added, Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Selector, content_of};

const DIM: usize = 64;
const EXEMPLARS: usize = 2_000;
const LABELS: usize = 20;
const THREADS: usize = 8;
const ROUNDS: usize = 1_000;
/// A thread compares each answer of so many with a fresh reader's.
const COMPARED: usize = 10;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => serve(ROUNDS),
        [rounds] => serve(rounds.parse()?),
        [edit, path, rounds] if edit == "edit" => self::edit(Path::new(path), rounds.parse()?),
        _ => Err("usage: serve_while_editing [ROUNDS]".into()),
    }
}

/// The other process.
fn edit(path: &Path, rounds: usize) -> Result<()> {
    for round in 0..rounds {
        let mut editor = Editor::open(path)?;
        let [Added::New(id)] = add(&mut editor, EXEMPLARS + round..EXEMPLARS + round + 1)?[..] else {
            return Err("it was there already".into());
        };
        editor.forget(&Selector { ids: vec![id], ..Default::default() })?;
    }
    Ok(())
}

fn serve(rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = &folder.path().join("served.vismem");
    let encoder = EncoderIdentity { name: "toy".into(), hash: String::new(), dim: DIM };
    add(&mut Editor::open_or_create(path, &encoder)?, 0..EXEMPLARS)?;

    let memory = Memory::open(path)?;
    let started = Instant::now();
    let mut other = Command::new(std::env::current_exe()?).arg("edit").arg(path).arg(rounds.to_string()).spawn()?;
    let (is_over, counts) = (AtomicBool::new(false), Counts::default());
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (memory, is_over, counts) = (memory.clone(), &is_over, &counts);
                scope.spawn(move || answer(memory, path, thread, is_over, counts))
            })
            .collect();
        let ended = other.wait();
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))?;
        if ended?.success() { Ok(()) } else { Err("the other process failed".into()) }
    })?;
    println!("additions, and as many forgets     {rounds:>9}");
    println!("seconds                            {:>9.1}", started.elapsed().as_secs_f64());
    let answers = counts.answers.into_inner();
    println!("answers                            {answers:>9}");
    println!("compared with a fresh reader's     {:>9}", counts.compared.into_inner());
    println!("asked again because of a forget    {:>9}", counts.asked.into_inner() - answers);
    Ok(())
}

#[derive(Default)]
struct Counts {
    answers: AtomicUsize,
    compared: AtomicUsize,
    asked: AtomicUsize,
}

/// One of the threads of the server.
fn answer(mut memory: Memory, path: &Path, thread: usize, is_over: &AtomicBool, counts: &Counts) -> Result<()> {
    for request in 1.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let query = embedding(7 * thread + request);
        let ask = |memory: &Memory| memory.classify(&query, &ClassifyOptions::default());
        let truth = if request % COMPARED == 0 {
            let mut fresh = Memory::open(path)?;
            Some((fresh.latest(ask)?, fresh.digest()))
        } else {
            None
        };
        let answer = memory.latest(|memory| {
            counts.asked.fetch_add(1, Ordering::Relaxed);
            ask(memory)
        })?;
        counts.answers.fetch_add(1, Ordering::Relaxed);
        // Only answers of one state can be compared.
        if let Some((truth, state)) = truth
            && state == memory.digest()
        {
            assert_eq!(answer, truth);
            counts.compared.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn embedding(n: usize) -> [f32; DIM] {
    std::array::from_fn(|i| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin())
}

fn add(editor: &mut Editor, numbers: std::ops::Range<usize>) -> Result<Vec<Added>> {
    let labels: Vec<String> = (0..LABELS).map(|label| format!("label {label}")).collect();
    let embeddings: Vec<_> = numbers.clone().map(embedding).collect();
    let exemplars: Vec<NewExemplar<'_>> = numbers
        .zip(&embeddings)
        .map(|(n, embedding)| NewExemplar {
            embedding,
            label: &labels[n % LABELS],
            source: Some(format!("pictures/{n}.jpg").into()),
            content: content_of(embedding, &n.to_le_bytes()),
            attributes: Attributes::new(),
        })
        .collect();
    Ok(editor.batch().add(&exemplars)?)
}
