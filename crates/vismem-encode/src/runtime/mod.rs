//! What runs an ONNX file. Preprocessing and pooling do not depend on which runtime does.

mod library_file;
mod locate;
mod onnxruntime;
mod rten;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::onnx::OnnxFiles;
pub use onnxruntime::OnnxRuntimeError;

/// Which runtime to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeChoice {
    /// ONNX Runtime when a library is found, loads and is new enough, else rten.
    #[default]
    Auto,
    /// rten: pure Rust, always there.
    Rten,
    /// ONNX Runtime, from a library that is on this machine already. It is an error when there is none.
    OnnxRuntime,
}

/// What computes. As text: `cpu`, `cuda`, `cuda:1`, `tensorrt`, `tensorrt:1`, `coreml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An Nvidia GPU, by its number.
    Cuda(u32),
    /// An Nvidia GPU through TensorRT, by its number. Compiles the model first, which takes minutes.
    TensorRt(u32),
    /// Apple's neural engine, GPU or processor, as the system chooses.
    CoreMl,
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::TensorRt(number) => write!(f, "tensorrt:{number}"),
            Self::CoreMl => f.write_str("coreml"),
        }
    }
}

/// A text that is not a [`Device`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a device; say cpu, cuda, cuda:1, tensorrt or coreml")]
pub struct UnknownDevice {
    /// The text.
    pub text: String,
}

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice { text: text.into() };
        let (name, number) = text.split_once(':').unwrap_or((text, "0"));
        let number: u32 = number.parse().map_err(|_| unknown())?;
        match name {
            "cuda" => Ok(Self::Cuda(number)),
            "tensorrt" => Ok(Self::TensorRt(number)),
            "cpu" if text == "cpu" => Ok(Self::Cpu),
            "coreml" if text == "coreml" => Ok(Self::CoreMl),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = UnknownDevice;

    fn try_from(text: String) -> Result<Self, UnknownDevice> {
        text.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

/// An input or output of a model. A dimension that is not fixed is `None`.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) dims: Option<Vec<Option<usize>>>,
}

/// Where a model's ONNX file and its weights are.
#[derive(Clone)]
pub(crate) enum Onnx {
    Static(&'static [u8]),
    Files(OnnxFiles),
}

/// Loads models. One per process and library.
pub(crate) trait Runtime: Send + Sync {
    /// Name for people, without a version.
    fn name(&self) -> &'static str;

    /// Name with version, and the library's path when there is one.
    fn describe(&self) -> String;

    /// Loads a model. The error is the library's message.
    fn load(&self, onnx: &Onnx) -> Result<Box<dyn Graph>, String>;
}

/// A loaded model.
pub(crate) trait Graph: Send + Sync {
    fn inputs(&self) -> &[Port];

    fn outputs(&self) -> &[Port];

    /// How many bytes each further session needs for its own copy of the weights.
    fn bytes_per_session(&self) -> u64;

    /// Something that can run the model on inputs of one shape, N × 3 × height × width, on `threads` threads, apart from
    /// all other sessions.
    fn session(&self, output: &str, shape: [usize; 4], threads: usize) -> Result<Box<dyn Session>, String>;
}

/// Runs a loaded model, one call at a time.
pub(crate) trait Session: Send {
    /// Runs on an input of the session's shape, returns the shape and elements of the session's output.
    fn run(&mut self, pixels: &[f32]) -> Result<(Vec<usize>, Vec<f32>), String>;
}

/// A runtime, and why it is not ONNX Runtime if [`RuntimeChoice::Auto`] fell back.
pub(crate) struct Selected {
    pub(crate) runtime: Box<dyn Runtime>,
    pub(crate) fallback: Option<OnnxRuntimeError>,
}

/// A device other than the processor is ONNX Runtime's alone, so that there is nothing to fall back to.
pub(crate) fn select(choice: RuntimeChoice, device: Device) -> Result<Selected, OnnxRuntimeError> {
    let rten = |fallback| Selected { runtime: Box::new(rten::Rten), fallback };
    if choice == RuntimeChoice::Rten {
        return match device {
            Device::Cpu => Ok(rten(None)),
            device => Err(OnnxRuntimeError::Needed { device }),
        };
    }
    match onnxruntime::OnnxRuntime::find(device) {
        Ok(runtime) => Ok(Selected { runtime: Box::new(runtime), fallback: None }),
        Err(reason) if choice == RuntimeChoice::Auto && device == Device::Cpu => Ok(rten(Some(reason))),
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_shown_and_nonsense_is_refused() {
        for device in [Device::Cpu, Device::Cuda(0), Device::Cuda(3), Device::TensorRt(1), Device::CoreMl] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for text in ["", "gpu", "cuda:x", "cuda:-1", "cpu:1", "coreml:0"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }
}
