//! ONNX Runtime, from a library that is on this machine already.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::Session as OrtSession;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorRef, ValueType};

use super::library_file::LibraryFile;
use super::{Device, Graph, Onnx, Port, Runtime, Session, locate};

/// Why ONNX Runtime cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxRuntimeError {
    /// No library was found in any of the places looked at.
    #[error(
        "no ONNX Runtime library found; install one (`pip install onnxruntime` brings one along), \
         or set ORT_DYLIB_PATH to the path of libonnxruntime, or use the rten runtime"
    )]
    NotFound,
    /// A device was asked for that only ONNX Runtime can use.
    #[error("rten computes on the processor alone; leave out the runtime, or the device {device}")]
    Needed {
        /// The device.
        device: Device,
    },
    /// There is a library, but it does not load or is too old.
    #[error(
        "{}: cannot be used as ONNX Runtime: {reason}; install version 1.17 or newer for this machine, \
         or set ORT_DYLIB_PATH to one, or use the rten runtime",
        path.display()
    )]
    Unusable {
        /// The library, the best of those found.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A process can have one library and one environment. Failures are not kept, since a caller may set the variable anew.
static LOADED: OnceLock<(PathBuf, Environment)> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

pub(super) struct OnnxRuntime {
    device: Device,
    path: &'static Path,
    environment: &'static Environment,
}

impl OnnxRuntime {
    /// The first library found that loads and is new enough. The error is about the best candidate.
    pub(super) fn find(device: Device) -> Result<Self, OnnxRuntimeError> {
        let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first_error = None;
        while LOADED.get().is_none() {
            let mut candidates = locate::candidates().into_iter();
            let loaded = candidates.find_map(|path| match load(&path) {
                Ok(environment) => Some((path, environment)),
                Err(reason) => {
                    first_error.get_or_insert(OnnxRuntimeError::Unusable { path, reason });
                    None
                }
            });
            match loaded {
                Some(loaded) => drop(LOADED.set(loaded)),
                None => return Err(first_error.unwrap_or(OnnxRuntimeError::NotFound)),
            }
        }
        let (path, environment) = LOADED.get().expect("it was set above");
        Ok(Self { device, path, environment })
    }
}

fn load(path: &Path) -> Result<Environment, String> {
    // Loading a file that is not a whole library kills the process on some systems instead of failing.
    LibraryFile::check(path)?;
    // `ort` panics, rather than fails, on a library whose entry point gives no API.
    let loaded = std::panic::catch_unwind(|| -> Result<Environment, String> {
        let builder = ort::init_from(path).map_err(|e| e.to_string())?;
        builder.with_name("vismem").with_telemetry(false).build().map_err(|e| e.to_string())
    });
    let environment = loaded.map_err(|_| "it offers no usable API".to_owned())??;
    environment.set_log_level(LogLevel::Error);
    Ok(environment)
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &'static str {
        "ONNX Runtime"
    }

    fn describe(&self) -> String {
        match self.device {
            Device::Cpu => format!("ONNX Runtime ({})", self.path.display()),
            device => format!("ONNX Runtime on {device} ({})", self.path.display()),
        }
    }

    fn load(&self, onnx: Onnx<'_>) -> Result<Box<dyn Graph>, String> {
        let source = match onnx {
            Onnx::Static(bytes) => Source::Static(bytes),
            Onnx::File(path) => Source::File(path.to_owned()),
        };
        let first = source.open(self.environment, self.device, 1)?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        let (inputs, outputs) = (ports(first.inputs()), ports(first.outputs()));
        Ok(Box::new(OrtGraph { source, environment: self.environment, device: self.device, inputs, outputs }))
    }
}

fn port(outlet: &Outlet) -> Port {
    let dims = match outlet.dtype() {
        ValueType::Tensor { shape, .. } => Some(shape.iter().map(|&d| usize::try_from(d).ok()).collect()),
        _ => None,
    };
    Port { name: outlet.name().to_owned(), dims }
}

enum Source {
    Static(&'static [u8]),
    File(PathBuf),
}

impl Source {
    fn open(&self, environment: &Environment, device: Device, threads: usize) -> Result<OrtSession, String> {
        let open = || -> ort::Result<OrtSession> {
            let mut builder = OrtSession::builder(environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                .with_inter_threads(1)?;
            if let Some(provider) = provider(device) {
                builder = builder.with_execution_providers([provider.error_on_failure()])?;
            }
            match self {
                // ONNX Runtime keeps 8-bit weights for the sake of 8-bit kernels, which the built-in model has no use
                // for: with weights dequantised at load it is a fifth faster, see docs/encoders.md.
                Self::Static(bytes) => builder.with_quant_qdq(false)?.commit_from_memory(bytes),
                Self::File(path) => builder.commit_from_file(path),
            }
        };
        let on = |error: ort::Error| match device {
            Device::Cpu => error.to_string(),
            device => {
                format!("the device {device} cannot be used: {error}; install an ONNX Runtime that is built for it")
            }
        };
        open().map_err(on)
    }
}

/// What computes in the processor's place.
fn provider(device: Device) -> Option<ExecutionProviderDispatch> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    match device {
        Device::Cpu => None,
        Device::Cuda(device) => Some(ep::CUDA::default().with_device_id(number(device)).build()),
        Device::TensorRt(device) => Some(ep::TensorRT::default().with_device_id(number(device)).build()),
        Device::CoreMl => Some(ep::CoreML::default().build()),
    }
}

struct OrtGraph {
    device: Device,
    source: Source,
    environment: &'static Environment,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Graph for OrtGraph {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn bytes_per_session(&self) -> u64 {
        match &self.source {
            Source::Static(bytes) => bytes.len() as u64,
            Source::File(path) => {
                crate::model::onnx_files(path).iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
            }
        }
    }

    fn session(&self, output: &str, threads: usize) -> Result<Box<dyn Session>, String> {
        let session = self.source.open(self.environment, self.device, threads)?;
        let input = self.inputs.first().ok_or("it has no input")?.name.clone();
        Ok(Box::new(OrtRun { session, input, output: output.to_owned() }))
    }
}

struct OrtRun {
    session: OrtSession,
    input: String,
    output: String,
}

impl Session for OrtRun {
    fn run(&mut self, shape: [usize; 4], pixels: &[f32]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let mut run = || -> ort::Result<(Vec<usize>, Vec<f32>)> {
            let input = TensorRef::from_array_view((shape, pixels))?;
            let outputs = self.session.run(vec![(self.input.as_str(), input)])?;
            let (shape, data) = outputs[self.output.as_str()].try_extract_tensor::<f32>()?;
            Ok((shape.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect(), data.to_vec()))
        };
        run().map_err(|e| e.to_string())
    }
}
