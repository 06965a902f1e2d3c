//! A loaded model: pictures in, unit-norm embeddings out.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::iter;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use image::RgbImage;

use crate::decode::{Header, Limits};
use crate::error::{EncodeError, EncodeErrorKind, LoadError};
use crate::head::{Head, Unclear};
use crate::identity::{self, Identity};
use crate::model::{BUILTIN, Model};
use crate::onnx::{Layout, Outline};
use crate::pipeline::{Input, alone_if_large};
use crate::runtime::{self, Device, Graph, Onnx, OnnxRuntimeError, RuntimeChoice, Session};
use crate::views::{self, Views};

/// Options of [`Encoder::load`].
#[derive(Debug, Clone, Default)]
pub struct EncoderOptions {
    /// What runs the model.
    pub runtime: RuntimeChoice,
    /// What it runs on.
    pub device: Device,
    /// What one image may cost.
    pub limits: Limits,
    /// How many threads encode, together. `None`: as many as rayon's pool has where the encoder is loaded, which is one
    /// per core unless the caller or `RAYON_NUM_THREADS` said otherwise.
    pub threads: Option<NonZeroUsize>,
    /// How many pictures go through the model at once, if the ONNX file leaves that open; at least 1. `None`: one on the
    /// processor, where its numbers then stay in the core's cache and no picture's embedding depends on its neighbours;
    /// 32 on other devices.
    pub batch: Option<usize>,
}

/// A loaded model: pictures in, unit-norm embeddings out. Can be shared between threads.
pub struct Encoder {
    model: Model,
    head: Head,
    identity: Identity,
    /// Of the model's bytes.
    hash: blake3::Hash,
    views: Views,
    limits: Limits,
    threads: usize,
    sessions: SessionPool,
    runtime: String,
    fallback: Option<OnnxRuntimeError>,
}

/// Pictures that go through the model at once where the processor does not compute.
const DEVICE_BATCH: usize = 32;

/// A second copy of a model's weights for each session is fine for small models only.
const WEIGHT_COPIES: u64 = 1 << 30;

/// Pictures larger than this are decoded one at a time, so that many cores do not hold many of them at once.
const LARGE_IMAGE: u64 = 24_000_000;
static LARGE: Mutex<()> = Mutex::new(());

impl Encoder {
    /// Loads a model and runs it once on a black picture, so that a model that cannot work fails here.
    ///
    /// # Errors
    /// [`LoadError`] names the file or the setting at fault.
    pub fn load(model: Model, options: &EncoderOptions) -> Result<Self, LoadError> {
        let selected = runtime::select(options.runtime, options.device)?;
        let runtime = &*selected.runtime;
        let failed = |reason| LoadError::Run { model: model.name().to_owned(), runtime: runtime.name(), reason };
        let (onnx, outline) = match model.onnx_path() {
            None => (Onnx::Static(BUILTIN), None),
            Some(path) => {
                let outline = Outline::read(path)?;
                check_sizes(&model, path, &outline)?;
                (Onnx::Files(outline.files(path)?), Some(outline))
            }
        };
        let graph = runtime.load(&onnx).map_err(failed)?;
        let shape = input_shape(&model, &*graph, outline.as_ref(), options)?;
        let chosen = model.head.choose(graph.outputs()).ok_or_else(|| LoadError::NoEmbedding {
            model: model.name().to_owned(),
            outputs: graph.outputs().iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        let threads = options.threads.map_or_else(rayon::current_num_threads, NonZeroUsize::get);
        // Apart from memory, one single-threaded session per core beats one session on all cores: see docs/encoders.md.
        let copies = match options.device {
            Device::Cpu => WEIGHT_COPIES.checked_div(graph.bytes_per_session()).unwrap_or(u64::MAX).max(1),
            _ => 1,
        };
        let sessions = threads.min(usize::try_from(copies).unwrap_or(usize::MAX));
        let sessions = SessionPool::new(graph, chosen.output().to_owned(), shape, sessions, threads / sessions);

        let black = vec![0.0; shape.iter().product()];
        let (output, values) = sessions.run(&black).map_err(failed)?;
        let [_, _, height, width] = shape;
        let head = model.head.settle(&chosen, &output, [height, width]).map_err(|unclear| {
            let model = model.name().to_owned();
            match unclear {
                Unclear::Patches(tokens) => LoadError::UnclearTokens { model, tokens, height, width },
                Unclear::Cls => LoadError::NoClassToken { model },
            }
        })?;
        let (dim, _) = head.pooling.pool(shape[0], &output, values).map_err(failed)?;
        let (hash, views) = (identity::hash_of(&onnx)?, Views::One);
        let identity = Identity::of(&model, &hash, &head, dim, views);
        let described = runtime.describe();
        Ok(Self {
            head,
            identity,
            hash,
            views,
            limits: options.limits,
            threads,
            sessions,
            runtime: described,
            fallback: selected.fallback,
            model,
        })
    }

    /// Encodes other views of each picture, which makes another encoder of it.
    pub fn with_views(self, views: Views) -> Self {
        let identity = Identity::of(&self.model, &self.hash, &self.head, self.dim(), views);
        Self { identity, views, ..self }
    }

    /// Which views of a picture are encoded: [`Views::One`] unless [`with_views`](Self::with_views) said otherwise.
    pub fn views(&self) -> Views {
        self.views
    }

    /// Who computes these embeddings.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Length of the embeddings.
    pub fn dim(&self) -> usize {
        self.identity.dim
    }

    /// The model that was loaded.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The output in use and its pooling.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The runtime in use, with the path of its library if it has one.
    pub fn runtime(&self) -> &str {
        &self.runtime
    }

    /// Why ONNX Runtime is not in use, when [`RuntimeChoice::Auto`] fell back to rten.
    pub fn fallback_reason(&self) -> Option<&OnnxRuntimeError> {
        self.fallback.as_ref()
    }

    /// How many threads [`encode_stream`](Self::encode_stream) uses.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The limits that files are held to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Encodes one decoded picture.
    ///
    /// # Errors
    /// When the model fails on it, or its output has no direction.
    pub fn encode(&self, image: &RgbImage) -> Result<Vec<f32>, EncodeError> {
        let mut input = vec![0.0; self.input_len()];
        self.preprocess(Cow::Borrowed(image), &mut input);
        self.embed(&input).pop().expect("one picture gives one result").map_err(EncodeError::from)
    }

    /// Reads, decodes and encodes one file, or what stands in its place.
    ///
    /// # Errors
    /// When the file cannot be read or is not a picture within the limits; the message names it.
    pub fn encode_file(&self, file: impl Input) -> Result<Vec<f32>, EncodeError> {
        let picture = file.picture();
        let mut input = vec![0.0; self.input_len()];
        let mut encode = || {
            let _alone = alone_if_large(picture);
            let bytes = self.bytes_of(picture)?;
            self.prepare(&bytes, &mut input)?;
            self.embed(&input).pop().expect("one picture gives one result")
        };
        encode().map_err(|kind| EncodeError::at(picture.name(), kind))
    }

    /// Encodes decoded pictures, on all threads; results in the order of the pictures.
    pub fn encode_images(&self, images: &[RgbImage]) -> Vec<Result<Vec<f32>, EncodeError>> {
        let share = images.len().div_ceil(self.threads).max(1);
        thread::scope(|scope| {
            let workers: Vec<_> = images
                .chunks(share)
                .map(|images| scope.spawn(move || images.iter().map(|image| self.encode(image)).collect::<Vec<_>>()))
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    }

    /// Elements of the model's inputs for all views of one picture.
    pub(crate) fn input_len(&self) -> usize {
        self.views.count() * self.view_len()
    }

    /// Elements of the model's input for one view.
    fn view_len(&self) -> usize {
        self.sessions.shape[1..].iter().product()
    }

    /// The whole file, if it is one and not too large.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, EncodeErrorKind> {
        // Before opening: opening a pipe would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(EncodeErrorKind::NotAFile);
        }
        let file = File::open(path)?;
        let (limit, len) = (self.limits.max_file_bytes, file.metadata()?.len());
        let mut bytes = Vec::new();
        if len <= limit {
            bytes.reserve_exact(len as usize + 1);
            // The file may grow while it is read.
            file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        }
        let len = len.max(bytes.len() as u64);
        if len > limit {
            return Err(EncodeErrorKind::TooManyBytes { bytes: len, limit });
        }
        Ok(bytes)
    }

    /// Decodes and preprocesses.
    pub(crate) fn prepare(&self, bytes: &[u8], input: &mut [f32]) -> Result<(), EncodeErrorKind> {
        let header = Header::read(bytes, &self.limits)?;
        let large = header.pixels() > LARGE_IMAGE;
        let _one_at_a_time = large.then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
        self.preprocess(Cow::Owned(header.decode()?), input);
        Ok(())
    }

    /// Makes the model's input of each view of a picture, one behind the other.
    ///
    /// It is the picture that is mirrored, not the input that was made of it: that is not the input of the mirror image where
    /// the crop lies off the middle by half a pixel, or the filter takes one of two pixels that are as near.
    fn preprocess(&self, image: Cow<'_, RgbImage>, input: &mut [f32]) {
        let (first, second) = input.split_at_mut(self.view_len());
        self.model.preprocessing().apply(&image, first);
        if self.views == Views::Flip {
            let mut image = image.into_owned();
            views::mirror(&mut image);
            self.model.preprocessing().apply(&image, second);
        }
    }

    /// How many pictures, or views of pictures, go through the model at once.
    pub fn batch(&self) -> usize {
        self.sessions.shape[0]
    }

    /// Runs preprocessed pictures. A result for each picture, of all its views.
    pub(crate) fn embed(&self, inputs: &[f32]) -> Vec<Result<Vec<f32>, EncodeErrorKind>> {
        let mut views = inputs.chunks(self.batch() * self.view_len()).flat_map(|part| self.embed_part(part));
        match self.views {
            Views::One => views.collect(),
            Views::Flip => iter::from_fn(|| {
                let (picture, mirrored) = (views.next()?, views.next()?);
                Some(picture.and_then(|picture| views::mean(&picture, &mirrored?)))
            })
            .collect(),
        }
    }

    /// Runs as many views as go through the model at once, or fewer, and normalises the results.
    fn embed_part(&self, inputs: &[f32]) -> Vec<Result<Vec<f32>, EncodeErrorKind>> {
        let (len, batch) = (self.view_len(), self.batch());
        let count = inputs.len() / len;
        let full = match count == batch {
            true => Cow::Borrowed(inputs),
            false => Cow::Owned([inputs, &vec![0.0; (batch - count) * len]].concat()),
        };
        let pooled = self.sessions.run(&full).and_then(|(shape, data)| self.head.pooling.pool(batch, &shape, data));
        match pooled {
            Ok((dim, all)) => all.chunks_exact(dim).take(count).map(normalized).collect(),
            // One picture may be to blame; the others should not suffer.
            Err(_) if count > 1 => inputs.chunks_exact(len).flat_map(|one| self.embed_part(one)).collect(),
            Err(reason) => vec![Err(EncodeErrorKind::Run(reason))],
        }
    }
}

/// Before a runtime computes what does not depend on the picture.
fn check_sizes(model: &Model, path: &Path, outline: &Outline) -> Result<(), LoadError> {
    let [height, width] = model.preprocessing().output_size().unwrap_or_default();
    let checked = outline.check_sizes([1, 3, height as usize, width as usize]);
    checked.map_err(|reason| LoadError::Onnx { path: path.to_owned(), reason })
}

/// What the model reads in one run: N × 3 × height × width.
fn input_shape(
    model: &Model,
    graph: &dyn Graph,
    outline: Option<&Outline>,
    options: &EncoderOptions,
) -> Result<[usize; 4], LoadError> {
    let wrong = |reason: String| LoadError::Input { model: model.name().to_owned(), reason };
    let [height, width] = model.preprocessing().output_size().ok_or_else(|| {
        wrong("its preprocessing has no fixed output size; set a crop, or resize to an exact size".to_owned())
    })?;
    let [port] = graph.inputs() else {
        let names: Vec<_> = graph.inputs().iter().map(|port| port.name.as_str()).collect();
        let names = names.join(", ");
        return Err(wrong(format!(
            "it has the inputs [{names}], expected one for pictures; use the ONNX file of the vision part alone"
        )));
    };
    let dims = port.dims.clone().unwrap_or_else(|| vec![None; 4]);
    let shape: Vec<_> = dims.iter().map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string())).collect();
    let shape = shape.join(" x ");
    let is_open = !matches!(dims[..], [_, Some(_), ..]);
    if is_open && outline.is_some_and(|outline| outline.layout(&port.name) != Some(Layout::ChannelsFirst)) {
        return Err(wrong(format!(
            "its input `{}` has the shape {shape}, which does not tell that the channels come first, as they must: \
             N x 3 x height x width; export the model so, with a fixed number of channels",
            port.name
        )));
    }
    let fits = |dim: Option<usize>, size: usize| dim.is_none_or(|d| d == size);
    let (height, width) = (height as usize, width as usize);
    let wanted = options.batch.unwrap_or(if options.device == Device::Cpu { 1 } else { DEVICE_BATCH }).max(1);
    match dims[..] {
        [batch, c, h, w] if batch != Some(0) && fits(c, 3) && fits(h, height) && fits(w, width) => {
            Ok([batch.unwrap_or(wanted), 3, height, width])
        }
        _ => Err(wrong(format!(
            "its input `{}` has the shape {shape}, but the preprocessing makes N x 3 x {height} x {width}; \
             use the preprocessor_config.json that belongs to this ONNX file",
            port.name
        ))),
    }
}

fn normalized(vector: &[f32]) -> Result<Vec<f32>, EncodeErrorKind> {
    let norm = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if !norm.is_finite() || norm == 0.0 {
        return Err(EncodeErrorKind::NotFinite);
    }
    Ok(vector.iter().map(|&x| (f64::from(x) / norm) as f32).collect())
}

/// Sessions that are lent to one thread at a time, opened when they are needed: optimising a model takes a while, and one
/// picture needs one.
struct SessionPool {
    graph: Box<dyn Graph>,
    output: String,
    /// N × 3 × height × width.
    shape: [usize; 4],
    threads: usize,
    state: Mutex<Sessions>,
    returned: Condvar,
}

struct Sessions {
    free: Vec<Box<dyn Session>>,
    /// How many more may be opened.
    unopened: usize,
}

impl SessionPool {
    /// At most `most` sessions of `threads` threads each.
    fn new(graph: Box<dyn Graph>, output: String, shape: [usize; 4], most: usize, threads: usize) -> Self {
        let state = Mutex::new(Sessions { free: Vec::new(), unopened: most });
        Self { graph, output, shape, threads, state, returned: Condvar::new() }
    }

    /// Runs a full batch. Returns the shape and the values of the output.
    fn run(&self, pixels: &[f32]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let mut lent = self.take()?;
        let session = lent.session.as_mut().expect("it is taken back on drop only");
        session.run(pixels)
    }

    fn take(&self) -> Result<Lent<'_>, String> {
        let mut state = self.lock();
        while state.free.is_empty() && state.unopened == 0 {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lent = Lent { pool: self, session: state.free.pop() };
        if lent.session.is_none() {
            state.unopened -= 1;
            drop(state);
            lent.session = Some(self.graph.session(&self.output, self.shape, self.threads)?);
        }
        Ok(lent)
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the session back, or the right to open it where that failed; also when a run panics. Otherwise the threads that
/// wait for one would wait for ever.
struct Lent<'a> {
    pool: &'a SessionPool,
    session: Option<Box<dyn Session>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        match self.session.take() {
            Some(session) => state.free.push(session),
            None => state.unopened += 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
