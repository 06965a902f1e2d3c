//! What `encode_stream` promises: order, isolation, bounded memory, and an end in every case.

mod common;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{cosine, runtimes, tiny};
use image::{Rgb, RgbImage};
use vismem_encode::decode::DecodeError;
use vismem_encode::{EncodeErrorKind, Encoded, Encoder, EncoderOptions, Input, Model, Outcome, Picture, RuntimeChoice};

const THREADS: usize = 2;

fn encoder(threads: usize, batch: usize) -> Encoder {
    let (threads, batch) = (NonZeroUsize::new(threads), Some(batch));
    let options = EncoderOptions { runtime: RuntimeChoice::Rten, threads, batch, ..Default::default() };
    Encoder::load(tiny(), &options).unwrap()
}

fn all(_: &PathBuf, _: &[u8; 32]) -> bool {
    true
}

fn collect(encoder: &Encoder, files: &[PathBuf]) -> Vec<Encoded<PathBuf>> {
    let mut results = Vec::new();
    encoder.encode_stream(files.iter().cloned(), &all, &mut |encoded| {
        results.push(encoded);
        ControlFlow::Continue(())
    });
    results
}

fn embedding(encoded: &Encoded<PathBuf>) -> &[f32] {
    match &encoded.outcome {
        Outcome::Embedded(vector) => vector,
        other => panic!("{}: {other:?}", encoded.input.display()),
    }
}

/// Files of one colour each, no two alike, and the direction of each colour: the embedding of the tiny model.
fn colours(folder: &Path, count: u8) -> (Vec<PathBuf>, Vec<[f32; 3]>) {
    (0..count)
        .map(|i| {
            let colour = [200 - i, 10 + i, 100];
            let path = folder.join(format!("{i:03}.png"));
            RgbImage::from_pixel(12, 9, Rgb(colour)).save(&path).unwrap();
            let norm = colour.iter().map(|&c| f32::from(c).powi(2)).sum::<f32>().sqrt();
            (path, colour.map(|c| f32::from(c) / norm))
        })
        .unzip()
}

/// Fails, rather than waits for ever, when `work` does not end.
fn must_end<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, result) = mpsc::channel();
    thread::spawn(move || drop(sender.send(catch_unwind(AssertUnwindSafe(work)))));
    match result.recv_timeout(Duration::from_secs(30)) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => panic!("it did not end within 30 s"),
    }
}

#[test]
fn results_come_in_the_order_of_the_inputs_with_the_hash_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (files, expected) = colours(folder.path(), 100);
    for (threads, batch) in [(1, 1), (1, 4), (2, 1), (2, 4), (5, 3)] {
        let results = collect(&encoder(threads, batch), &files);
        assert_eq!(results.len(), files.len());
        for ((encoded, file), expected) in results.iter().zip(&files).zip(&expected) {
            assert_eq!(&encoded.input, file, "{threads} threads, batch {batch}");
            assert_eq!(encoded.hash, Some(*blake3::hash(&std::fs::read(file).unwrap()).as_bytes()));
            let ours = embedding(encoded);
            assert!(ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?} {expected:?}");
        }
    }
}

#[test]
fn a_model_exported_for_three_pictures_at_once_takes_any_number() {
    let folder = tempfile::tempdir().unwrap();
    let (files, expected) = colours(folder.path(), 10);
    let model = Model::from_onnx(common::data("tiny_three_at_once.onnx"), tiny().preprocessing().clone());
    for runtime in runtimes() {
        // What the file says counts, not what was asked for.
        for batch in [None, Some(8)] {
            let options = EncoderOptions { runtime, threads: NonZeroUsize::new(THREADS), batch, ..Default::default() };
            let encoder = Encoder::load(model.clone(), &options).unwrap();
            assert_eq!(encoder.batch(), 3);
            for (encoded, expected) in collect(&encoder, &files).iter().zip(&expected) {
                assert!(cosine(embedding(encoded), expected) > 0.999_999, "{runtime:?}: {encoded:?}");
            }
            assert!(cosine(&encoder.encode_file(&files[4]).unwrap(), &expected[4]) > 0.999_999);
        }
    }
}

#[test]
fn the_order_holds_when_the_first_picture_is_the_slowest() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 12);
    let slow = |path: &PathBuf, _: &[u8; 32]| {
        if path.ends_with("000.png") {
            thread::sleep(Duration::from_millis(200));
        }
        true
    };
    let mut order = Vec::new();
    encoder(THREADS, 1).encode_stream(files.iter().cloned(), &slow, &mut |encoded| {
        order.push(encoded.input);
        ControlFlow::Continue(())
    });
    assert_eq!(order, files);
}

#[test]
fn a_file_that_cannot_be_encoded_is_named_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (good, expected) = colours(folder.path(), 12);
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let png = std::fs::read(&good[0]).unwrap();
    let black = folder.path().join("black.png");
    RgbImage::new(12, 9).save(&black).unwrap();
    let bad = [
        put("empty.jpg", b""),
        put("text.jpg", b"not a picture"),
        put("truncated.png", &png[..png.len() / 2]),
        folder.path().join("missing.png"),
        folder.path().to_owned(),
        // Its colour has no direction.
        black,
    ];
    // Each bad one between good ones, so that both kinds share batches.
    let mut files = good.clone();
    for (i, bad) in bad.iter().enumerate() {
        files.insert(i * 3 + 1, bad.clone());
    }
    for (threads, batch) in [(1, 4), (2, 1), (2, 4), (2, 100)] {
        let results = collect(&encoder(threads, batch), &files);
        assert_eq!(results.iter().map(|r| &r.input).collect::<Vec<_>>(), files.iter().collect::<Vec<_>>());
        for encoded in &results {
            if let Some(at) = good.iter().position(|file| *file == encoded.input) {
                assert!(cosine(embedding(encoded), &expected[at]) > 0.999_999, "{}", encoded.input.display());
                continue;
            }
            let Outcome::Failed(error) = &encoded.outcome else { panic!("{encoded:?}") };
            assert_eq!(error.path(), Some(&*encoded.input));
            assert!(error.to_string().starts_with(&encoded.input.display().to_string()), "{error}");
        }
        let kinds: Vec<_> = bad.iter().map(|bad| results.iter().find(|r| r.input == *bad).unwrap()).collect();
        let kind = |at: usize| match &kinds[at].outcome {
            Outcome::Failed(error) => error.kind(),
            other => panic!("{other:?}"),
        };
        assert!(matches!(kind(0), EncodeErrorKind::Decode(DecodeError::Empty)));
        assert!(matches!(kind(1), EncodeErrorKind::Decode(DecodeError::NotAnImage)));
        assert!(matches!(kind(2), EncodeErrorKind::Decode(DecodeError::Truncated { format: "PNG" })));
        assert!(matches!(kind(3), EncodeErrorKind::Read(e) if e.kind() == std::io::ErrorKind::NotFound));
        assert!(matches!(kind(4), EncodeErrorKind::NotAFile));
        assert!(matches!(kind(5), EncodeErrorKind::NotFinite));
        // What could be read has a hash, whether or not it is a picture.
        assert_eq!(kinds.iter().map(|r| r.hash.is_some()).collect::<Vec<_>>(), [true, true, true, false, false, true]);
    }
}

#[test]
fn files_over_the_limits_are_refused_by_name_and_size() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 1);
    let bytes = files[0].metadata().unwrap().len();
    let with = |limits| {
        let options = EncoderOptions { runtime: RuntimeChoice::Rten, limits, ..Default::default() };
        Encoder::load(tiny(), &options).unwrap().encode_file(&files[0])
    };
    let limits = vismem_encode::decode::Limits { max_pixels: 12 * 9, max_file_bytes: bytes };
    assert!(with(limits).is_ok());
    let error = with(vismem_encode::decode::Limits { max_file_bytes: bytes - 1, ..limits }).unwrap_err();
    assert!(
        matches!(error.kind(), EncodeErrorKind::TooManyBytes { bytes: b, limit } if (*b, *limit) == (bytes, bytes - 1))
    );
    let error = with(vismem_encode::decode::Limits { max_pixels: 12 * 9 - 1, ..limits }).unwrap_err();
    assert!(matches!(error.kind(), EncodeErrorKind::Decode(DecodeError::TooManyPixels { width: 12, height: 9, .. })));
}

#[test]
fn a_hash_that_is_not_wanted_is_skipped_before_it_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, expected) = colours(folder.path(), 9);
    // It would fail if anything looked into it.
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, "no picture").unwrap();
    files.insert(4, broken.clone());
    let known = [&files[0], &broken].map(|file| *blake3::hash(&std::fs::read(file).unwrap()).as_bytes());
    for batch in [1, 4, 100] {
        let mut results = Vec::new();
        let wanted = |_: &PathBuf, hash: &[u8; 32]| !known.contains(hash);
        encoder(THREADS, batch).encode_stream(files.iter().cloned(), &wanted, &mut |encoded| {
            results.push(encoded);
            ControlFlow::Continue(())
        });
        for at in [0, 4] {
            assert!(matches!(results[at].outcome, Outcome::Skipped), "{:?}", results[at]);
            assert!(known.iter().any(|hash| results[at].hash == Some(*hash)));
        }
        // The others in the same batch keep their own results.
        for (at, expected) in [1, 2, 3, 5, 6, 7, 8, 9].into_iter().zip(&expected[1..]) {
            assert!(cosine(embedding(&results[at]), expected) > 0.999_999, "{at}");
        }
    }
}

#[test]
fn a_panic_while_a_picture_is_handled_fails_that_picture_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 20);
    let mut failed = Vec::new();
    let wanted = |path: &PathBuf, _: &[u8; 32]| {
        assert!(!path.ends_with("007.png"), "seven is not liked");
        true
    };
    encoder(THREADS, 4).encode_stream(files.iter().cloned(), &wanted, &mut |encoded| {
        if let Outcome::Failed(error) = encoded.outcome {
            failed.push(error.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].contains("007.png") && failed[0].contains("seven is not liked"), "{failed:?}");
}

#[test]
fn a_sink_that_breaks_gets_nothing_more_and_the_rest_is_not_consumed() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 1);
    let consumed = AtomicUsize::new(0);
    let endless = std::iter::repeat_with(|| {
        consumed.fetch_add(1, Ordering::Relaxed);
        files[0].clone()
    });
    let mut calls = 0;
    encoder(THREADS, 1).encode_stream(endless, &all, &mut |_| {
        calls += 1;
        if calls == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(calls, 5);
    assert!(consumed.load(Ordering::Relaxed) <= 5 + WINDOW, "{consumed:?} inputs were consumed");
}

/// Chunks of inputs between the input and the sink.
const WINDOW: usize = 32 * THREADS;

#[test]
fn a_slow_first_picture_does_not_let_the_input_run_away() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 2);
    for batch in [1, 3] {
        let (consumed, released) = (AtomicUsize::new(0), AtomicBool::new(false));
        let inputs = (0..1000).map(|i| {
            consumed.fetch_add(1, Ordering::SeqCst);
            files[usize::from(i > 0)].clone()
        });
        let hold_the_first = |path: &PathBuf, _: &[u8; 32]| {
            while *path == files[0] && !released.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            true
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let deadline = Instant::now() + Duration::from_secs(20);
                while consumed.load(Ordering::SeqCst) < WINDOW * batch && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(1));
                }
                // Time to run away in.
                thread::sleep(Duration::from_millis(200));
                let ahead = consumed.load(Ordering::SeqCst);
                released.store(true, Ordering::SeqCst);
                assert_eq!(ahead, WINDOW * batch, "inputs consumed while the first was held, batch {batch}");
            });
            let mut results = 0;
            encoder(THREADS, batch).encode_stream(inputs, &hold_the_first, &mut |_| {
                results += 1;
                ControlFlow::Continue(())
            });
            assert_eq!(results, 1000);
        });
    }
}

#[test]
fn a_slow_sink_does_not_let_the_workers_run_away() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 1);
    let consumed = AtomicUsize::new(0);
    let inputs = (0..300).map(|_| {
        consumed.fetch_add(1, Ordering::SeqCst);
        files[0].clone()
    });
    let mut taken = 0;
    encoder(THREADS, 1).encode_stream(inputs, &all, &mut |_| {
        if taken < 5 {
            thread::sleep(Duration::from_millis(50));
        }
        let consumed = consumed.load(Ordering::SeqCst);
        assert!(consumed <= taken + WINDOW, "{consumed} inputs consumed, {taken} results taken");
        taken += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(taken, 300);
}

/// An input that brings 40 MiB, and counts how many of its kind still hold them.
struct Heavy {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Input for Heavy {
    fn picture(&self) -> Picture<'_> {
        Picture::Bytes(Path::new("heavy"), &self.bytes)
    }

    fn release(&mut self) {
        self.bytes = Vec::new();
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn inputs_that_bring_many_bytes_are_taken_few_at_a_time_and_released_once_read() {
    // Two of them are more than 64 MiB for a thread; seven are more than 256 MiB for all, beside what the last one takes.
    for (threads, bound) in [(THREADS, 2 * THREADS), (16, 8)] {
        let (alive, most) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let inputs = (0..24).map(|_| {
            most.fetch_max(alive.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            Heavy { bytes: vec![0; 40 << 20], alive: Arc::clone(&alive) }
        });
        let mut taken = 0;
        encoder(threads, 4).encode_stream(inputs, &|_, _| false, &mut |encoded| {
            assert!(matches!(encoded.outcome, Outcome::Skipped));
            taken += 1;
            ControlFlow::Continue(())
        });
        assert_eq!((taken, alive.load(Ordering::Relaxed)), (24, 0));
        assert!(most.load(Ordering::Relaxed) <= bound, "{most:?} at once with {threads} threads");
    }
}

#[test]
fn a_panic_of_the_input_or_the_sink_reaches_the_caller_and_nothing_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 40);
    for at in [0, 1, 17, 39] {
        let files = files.clone();
        let panicked = must_end(move || {
            let input = files.into_iter().enumerate().map(|(i, file)| if i == at { panic!("the input") } else { file });
            let run = || {
                encoder(THREADS, 2).encode_stream(input, &all, &mut |_| ControlFlow::Continue(()));
            };
            catch_unwind(AssertUnwindSafe(run)).is_err()
        });
        assert!(panicked, "the input panicked at {at}");
    }
    for at in [0, 1, 17, 39] {
        let files = files.clone();
        let text = must_end(move || {
            let mut calls = 0;
            let run = || {
                encoder(THREADS, 2).encode_stream(files.into_iter(), &all, &mut |_| {
                    assert!(calls < at, "the sink");
                    calls += 1;
                    ControlFlow::Continue(())
                });
            };
            catch_unwind(AssertUnwindSafe(run)).unwrap_err().downcast_ref::<&str>().map(|text| (*text).to_owned())
        });
        assert_eq!(text.as_deref(), Some("the sink"));
    }
}

#[test]
fn no_input_gives_no_result() {
    let encoder = Arc::new(encoder(THREADS, 1));
    let calls = must_end(move || {
        let mut calls = 0;
        encoder.encode_stream(std::iter::empty::<PathBuf>(), &all, &mut |_| {
            calls += 1;
            ControlFlow::Continue(())
        });
        calls
    });
    assert_eq!(calls, 0);
    assert!(self::encoder(THREADS, 1).encode_images(&[]).is_empty());
}

#[test]
fn an_iterator_is_not_asked_again_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = colours(folder.path(), 3);
    let ended = Mutex::new(false);
    let mut left = files.into_iter();
    let inputs = std::iter::from_fn(|| {
        let next = left.next();
        let was_over = std::mem::replace(&mut *ended.lock().unwrap(), next.is_none());
        assert!(!was_over, "asked again after the end");
        next
    });
    let mut results = 0;
    encoder(THREADS, 2).encode_stream(inputs, &all, &mut |_| {
        results += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(results, 3);
}

#[test]
fn threads_and_batches_do_not_change_what_the_built_in_model_says() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..10u32)
        .map(|i| {
            let path = folder.path().join(format!("{i}.png"));
            let image =
                RgbImage::from_fn(280 + i * 9, 260, |x, y| Rgb([(x * (i + 1)) as u8, (y * 3) as u8, (x ^ y) as u8]));
            image.save(&path).unwrap();
            path
        })
        .collect();
    for runtime in runtimes() {
        let load = |threads, batch| {
            let options = EncoderOptions { runtime, threads: NonZeroUsize::new(threads), batch, ..Default::default() };
            Encoder::load(Model::builtin(), &options).unwrap()
        };
        let (one, two) = (load(1, None), load(2, None));
        let reference = collect(&one, &files);
        let compare = |what: &str, results: &[Encoded<PathBuf>], tolerance: f32| {
            for (a, b) in reference.iter().zip(results) {
                let worst = embedding(a).iter().zip(embedding(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= tolerance, "{runtime:?}, {what}: differs by {worst:e}");
            }
        };
        // Threads only share out the pictures.
        compare("2 threads", &collect(&two, &files), 0.0);
        // A runtime may add up in another order for another batch; elements are about 0.03.
        compare("batch 4", &collect(&load(1, Some(4)), &files), 1e-6);
        compare("2 threads, batch 4", &collect(&load(2, Some(4)), &files), 1e-6);

        let images: Vec<_> = files.iter().map(|file| image::open(file).unwrap().into_rgb8()).collect();
        let by_images = two.encode_images(&images);
        for ((a, file), b) in reference.iter().zip(&files).zip(by_images) {
            assert_eq!(embedding(a), b.unwrap());
            assert_eq!(embedding(a), one.encode_file(file).unwrap());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_is_a_path_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let (files, expected) = colours(folder.path(), 1);
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xE9.png"));
    if std::fs::rename(&files[0], &odd).is_err() {
        println!("skipped: this file system takes UTF-8 names only");
        return;
    }
    let results = collect(&encoder(THREADS, 1), std::slice::from_ref(&odd));
    assert_eq!(results[0].input, odd);
    assert!(cosine(embedding(&results[0]), &expected[0]) > 0.999_999);
}
