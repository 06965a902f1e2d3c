//! Many files to embeddings, on all cores, in order, in bounded memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::encoder::Encoder;
use crate::error::{EncodeError, EncodeErrorKind};

/// An input of [`Encoder::encode_stream`]: any path, or whatever says where its picture is.
pub trait Input {
    /// Where the picture is.
    fn picture(&self) -> Picture<'_>;

    /// Told when the picture is not read again, so that bytes that are here for it need not stay.
    fn release(&mut self) {}
}

/// Where the bytes of a picture are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture<'a> {
    /// In a file of its own.
    File(&'a Path),
    /// Here: read from an archive or a table, where it has this name.
    Bytes(&'a Path, &'a [u8]),
    /// Nowhere, for this reason: what should have it under this name could not be read.
    Missing(&'a Path, &'a str),
}

impl<T: AsRef<Path>> Input for T {
    fn picture(&self) -> Picture<'_> {
        Picture::File(self.as_ref())
    }
}

impl<'a> Picture<'a> {
    /// The file, or the name.
    pub fn name(&self) -> &'a Path {
        match self {
            Self::File(name) | Self::Bytes(name, _) | Self::Missing(name, _) => name,
        }
    }

    /// How many bytes are here for it before it is its turn.
    fn held(&self) -> usize {
        match self {
            Self::Bytes(_, bytes) => bytes.len(),
            Self::File(_) | Self::Missing(..) => 0,
        }
    }
}

/// What became of one input of [`Encoder::encode_stream`].
#[derive(Debug)]
pub struct Encoded<T> {
    /// The input, as it was given.
    pub input: T,
    /// BLAKE3 of the file's bytes, when it could be read.
    pub hash: Option<[u8; 32]>,
    /// The embedding, or why there is none.
    pub outcome: Outcome,
}

/// See [`Encoded`].
#[derive(Debug)]
pub enum Outcome {
    /// The unit-norm embedding.
    Embedded(Vec<f32>),
    /// `wanted` said no, so the file was not decoded.
    Skipped,
    /// This file has no embedding. The others are not affected.
    Failed(EncodeError),
}

/// How many chunks of inputs per worker may be between the input and the sink. A slow picture holds up the sink but not
/// the other workers, as long as they are not this far ahead of it.
const CHUNKS_AHEAD: usize = 32;

/// A worker takes no more inputs at once than until it has bytes of so many.
const HELD: usize = 64 << 20;

/// No worker takes more inputs while the others have bytes of so many.
const HELD_TOGETHER: usize = 256 << 20;

impl Encoder {
    /// Encodes pictures on all [`threads`](Self::threads), and hands the results to `sink` on the calling thread in the
    /// order of `inputs`.
    ///
    /// Each picture is read once. The BLAKE3 hash of its bytes goes to `wanted`; where that returns `false`, the outcome
    /// is [`Outcome::Skipped`] and nothing is decoded. A file that cannot be encoded is [`Outcome::Failed`] and stops
    /// nothing, even if the code that handles it panics. When `sink` breaks, the workers stop after the picture they
    /// are at, and the rest of `inputs` is not consumed.
    ///
    /// Memory is bounded whatever the number of inputs: per thread one file, one decoded picture, and
    /// [`batch`](Self::batch) preprocessed pictures, each in all its [`views`](Self::views); files of more than 64 MiB, and decoded pictures of more than
    /// 24 million pixels, are in memory one at a time. Of inputs that bring their bytes, a thread holds 64 MiB and one
    /// more, and all together 256 MiB and one more.
    ///
    /// # Panics
    /// When `inputs` or `sink` panics.
    pub fn encode_stream<T: Input + Send>(
        &self,
        inputs: impl Iterator<Item = T> + Send,
        wanted: &(dyn Fn(&T, &[u8; 32]) -> bool + Sync),
        sink: &mut dyn FnMut(Encoded<T>) -> ControlFlow<()>,
    ) {
        // A handful of inputs is shared out evenly rather than given to one worker.
        let share = inputs.size_hint().1.map_or(usize::MAX, |len| len.div_ceil(self.threads()));
        let chunk = self.batch().min(share).max(1);
        let queue = Queue::new(inputs, chunk, self.threads() * CHUNKS_AHEAD);
        thread::scope(|scope| {
            // Dropped before the scope waits for the workers, also when the sink panics.
            let _stop = StopOnDrop(&queue);
            let (sender, results) = mpsc::channel();
            for _ in 0..self.threads() {
                let (sender, queue) = (sender.clone(), &queue);
                scope.spawn(move || self.work(queue, wanted, chunk, &sender));
            }
            drop(sender);
            let mut early = BTreeMap::new();
            for (number, chunk) in results {
                early.insert(number, chunk);
                while let Some(chunk) = early.remove(&queue.delivered()) {
                    for encoded in chunk {
                        if sink(encoded).is_break() {
                            return;
                        }
                    }
                    queue.deliver();
                }
            }
        });
    }

    fn work<T: Input, I: Iterator<Item = T>>(
        &self,
        queue: &Queue<I>,
        wanted: &(dyn Fn(&T, &[u8; 32]) -> bool + Sync),
        chunk: usize,
        results: &Sender<(usize, Vec<Encoded<T>>)>,
    ) {
        let _stop = StopIfPanicking(queue);
        let len = self.input_len();
        let mut pixels = vec![0.0; chunk * len];
        while let Some((number, inputs, held)) = queue.next() {
            let mut encoded = Vec::with_capacity(inputs.len());
            // Where in `encoded` the pictures are that go through the model, in order.
            let mut places = Vec::new();
            for mut input in inputs {
                if queue.stopped() {
                    return;
                }
                let slot = &mut pixels[places.len() * len..][..len];
                let mut hash = None;
                let prepared = guarded(|| {
                    let picture = input.picture();
                    let _alone = alone_if_large(picture);
                    let bytes = self.bytes_of(picture)?;
                    let digest = *hash.insert(*blake3::hash(&bytes).as_bytes());
                    if !wanted(&input, &digest) {
                        return Ok(false);
                    }
                    self.prepare(&bytes, slot).map(|()| true)
                });
                let outcome = match prepared {
                    Ok(false) => Outcome::Skipped,
                    Ok(true) => {
                        places.push(encoded.len());
                        Outcome::Skipped
                    }
                    Err(kind) => Outcome::Failed(EncodeError::at(input.picture().name(), kind)),
                };
                input.release();
                encoded.push(Encoded { input, hash, outcome });
            }
            queue.release(held);
            let filled = &pixels[..places.len() * len];
            let vectors = match guarded(|| Ok(self.embed(filled))) {
                Ok(vectors) => vectors,
                Err(kind) => places.iter().map(|_| Err(EncodeErrorKind::Panicked(kind.to_string()))).collect(),
            };
            for (place, vector) in places.into_iter().zip(vectors) {
                let Encoded { input, outcome, .. } = &mut encoded[place];
                *outcome = match vector {
                    Ok(vector) => Outcome::Embedded(vector),
                    Err(kind) => Outcome::Failed(EncodeError::at(input.picture().name(), kind)),
                };
            }
            if results.send((number, encoded)).is_err() {
                return;
            }
        }
    }
}

impl Encoder {
    /// The whole picture, if it is there and not too large.
    pub(crate) fn bytes_of<'a>(&self, picture: Picture<'a>) -> Result<Cow<'a, [u8]>, EncodeErrorKind> {
        let limit = self.limits().max_file_bytes;
        match picture {
            Picture::File(path) => self.read(path).map(Cow::Owned),
            Picture::Bytes(_, bytes) if bytes.len() as u64 > limit => {
                Err(EncodeErrorKind::TooManyBytes { bytes: bytes.len() as u64, limit })
            }
            Picture::Bytes(_, bytes) => Ok(Cow::Borrowed(bytes)),
            Picture::Missing(_, reason) => Err(EncodeErrorKind::Missing(reason.to_owned())),
        }
    }
}

/// Waits until no other large file is in memory, if this one is large.
pub(crate) fn alone_if_large(picture: Picture<'_>) -> Option<MutexGuard<'static, ()>> {
    static LARGE: Mutex<()> = Mutex::new(());
    let is_large = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.len() > HELD as u64);
    match picture {
        Picture::File(path) if is_large(path) => Some(LARGE.lock().unwrap_or_else(PoisonError::into_inner)),
        _ => None,
    }
}

/// Turns a panic into an error of the one picture.
fn guarded<R>(work: impl FnOnce() -> Result<R, EncodeErrorKind>) -> Result<R, EncodeErrorKind> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text =
            panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
        Err(EncodeErrorKind::Panicked(text.unwrap_or_else(|| "a panic without a message".to_owned())))
    })
}

/// The inputs in numbered chunks, and how far the results are.
struct Queue<I> {
    state: Mutex<State<I>>,
    advanced: Condvar,
    stop: AtomicBool,
    chunk: usize,
    window: usize,
}

struct State<I> {
    inputs: I,
    ended: bool,
    taken: usize,
    delivered: usize,
    /// Bytes that workers have of inputs that bring theirs.
    held: usize,
}

impl<I: Iterator<Item: Input>> Queue<I> {
    fn new(inputs: I, chunk: usize, window: usize) -> Self {
        let state = Mutex::new(State { inputs, ended: false, taken: 0, delivered: 0, held: 0 });
        Self { state, advanced: Condvar::new(), stop: AtomicBool::new(false), chunk, window }
    }

    /// The next chunk, its number and the bytes that it brings, or `None` at the end. Waits while the window is full or the
    /// others have too many bytes: a worker that holds a chunk never waits here, so the chunk that the sink waits for always
    /// gets done.
    fn next(&self) -> Option<(usize, Vec<I::Item>, usize)> {
        let mut state = self.lock();
        while !self.stopped() && (state.taken >= state.delivered + self.window || state.held >= HELD_TOGETHER) {
            state = self.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if self.stopped() {
            return None;
        }
        // An iterator need not stay at its end once it was there.
        if state.ended {
            return None;
        }
        let (mut inputs, mut held) = (Vec::with_capacity(self.chunk), 0);
        while inputs.len() < self.chunk && held < HELD && !state.ended {
            match state.inputs.next() {
                Some(input) => {
                    held += input.picture().held();
                    inputs.push(input);
                }
                None => state.ended = true,
            }
        }
        if inputs.is_empty() {
            return None;
        }
        state.taken += 1;
        state.held += held;
        Some((state.taken - 1, inputs, held))
    }

    fn delivered(&self) -> usize {
        self.lock().delivered
    }

    /// The bytes of a chunk are of no more use.
    fn release(&self, held: usize) {
        if held > 0 {
            self.lock().held -= held;
            self.advanced.notify_all();
        }
    }

    fn deliver(&self) {
        self.lock().delivered += 1;
        self.advanced.notify_all();
    }
}

impl<I> Queue<I> {
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        // Under the lock, so that no worker is between looking at the flag and going to sleep.
        let _state = self.lock();
        self.stop.store(true, Ordering::Relaxed);
        self.advanced.notify_all();
    }
}

struct StopOnDrop<'a, I>(&'a Queue<I>);

impl<I> Drop for StopOnDrop<'_, I> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Only the caller's iterator can make a worker panic. The other workers then stop, and the scope passes the panic on.
struct StopIfPanicking<'a, I>(&'a Queue<I>);

impl<I> Drop for StopIfPanicking<'_, I> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}
