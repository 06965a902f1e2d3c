//! ONNX Runtime, from a library that is on this machine already.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use half::f16;
use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::Session as OrtSession;
use ort::session::SessionInputValue;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

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

    fn load(&self, onnx: &Onnx) -> Result<Box<dyn Graph>, String> {
        // To be looked at, not to be run: that is quicker without optimisation.
        let first = open(onnx, self.environment, |builder| {
            Ok(builder.with_optimization_level(GraphOptimizationLevel::Disable)?)
        });
        let first = first.map_err(|e| e.to_string())?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        let (inputs, outputs) = (ports(first.inputs()), ports(first.outputs()));
        let symbols = match first.inputs().first().map(Outlet::dtype) {
            Some(ValueType::Tensor { dimension_symbols, .. }) => dimension_symbols.to_vec(),
            _ => Vec::new(),
        };
        let onnx = onnx.clone();
        Ok(Box::new(OrtGraph { onnx, environment: self.environment, device: self.device, inputs, outputs, symbols }))
    }
}

fn port(outlet: &Outlet) -> Port {
    let dims = match outlet.dtype() {
        ValueType::Tensor { shape, .. } => Some(shape.iter().map(|&d| usize::try_from(d).ok()).collect()),
        _ => None,
    };
    Port { name: outlet.name().to_owned(), dims }
}

fn open(
    onnx: &Onnx,
    environment: &Environment,
    configure: impl FnOnce(SessionBuilder) -> ort::Result<SessionBuilder>,
) -> ort::Result<OrtSession> {
    let mut builder = configure(OrtSession::builder(environment)?)?;
    match onnx {
        // ONNX Runtime keeps 8-bit weights for the sake of 8-bit kernels, which the built-in model has no use for:
        // with weights dequantised at load it is a fifth faster, see docs/encoders.md.
        Onnx::Static(bytes) => builder.with_quant_qdq(false)?.commit_from_memory(bytes),
        Onnx::Files(files) => builder.commit_from_file(&files.onnx),
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
    onnx: Onnx,
    environment: &'static Environment,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The names of the input's dimensions; empty where one is fixed or has none.
    symbols: Vec<String>,
}

impl Graph for OrtGraph {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn bytes_per_session(&self) -> u64 {
        match &self.onnx {
            Onnx::Static(bytes) => bytes.len() as u64,
            Onnx::Files(files) => files.bytes(),
        }
    }

    fn session(&self, output: &str, shape: [usize; 4], threads: usize) -> Result<Box<dyn Session>, String> {
        let configure = |builder: SessionBuilder| -> ort::Result<SessionBuilder> {
            let mut builder = builder
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                .with_inter_threads(1)?;
            // What depends on the shape alone, such as positions interpolated to its size, is then computed once.
            for (symbol, size) in self.symbols.iter().zip(shape).filter(|(symbol, _)| !symbol.is_empty()) {
                builder = builder.with_dimension_override(symbol, i64::try_from(size).unwrap_or(i64::MAX))?;
            }
            if let Some(provider) = provider(self.device) {
                builder = builder.with_execution_providers([provider.error_on_failure()])?;
            }
            Ok(builder)
        };
        let session = open(&self.onnx, self.environment, configure).map_err(|error| match self.device {
            Device::Cpu => error.to_string(),
            device => {
                format!("the device {device} cannot be used: {error}; install an ONNX Runtime that is built for it")
            }
        })?;
        let input = session.inputs().first().ok_or("it has no input")?;
        let is_half = matches!(input.dtype(), ValueType::Tensor { ty: TensorElementType::Float16, .. });
        let input = input.name().to_owned();
        Ok(Box::new(OrtRun { session, input, is_half, output: output.to_owned(), shape }))
    }
}

struct OrtRun {
    session: OrtSession,
    input: String,
    /// Whether the input is of type f16 rather than f32.
    is_half: bool,
    output: String,
    shape: [usize; 4],
}

impl Session for OrtRun {
    fn run(&mut self, pixels: &[f32]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let mut run = || -> ort::Result<(Vec<usize>, Vec<f32>)> {
            let half: Vec<f16>;
            let input: SessionInputValue<'_> = if self.is_half {
                half = pixels.iter().map(|&x| f16::from_f32(x)).collect();
                TensorRef::from_array_view((self.shape, &half[..]))?.into()
            } else {
                TensorRef::from_array_view((self.shape, pixels))?.into()
            };
            let outputs = self.session.run(vec![(self.input.as_str(), input)])?;
            let output = &outputs[self.output.as_str()];
            let (shape, data) = match output.dtype() {
                ValueType::Tensor { ty: TensorElementType::Float16, .. } => {
                    let (shape, data) = output.try_extract_tensor::<f16>()?;
                    (shape, data.iter().map(|x| x.to_f32()).collect())
                }
                _ => {
                    let (shape, data) = output.try_extract_tensor::<f32>()?;
                    (shape, data.to_vec())
                }
            };
            Ok((shape.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect(), data))
        };
        run().map_err(|e| e.to_string())
    }
}
