use serde::{Deserialize, Serialize};
use vismem_encode::{Device, Pool, RuntimeChoice, Views};

/// Which encoder somebody wants, and how it is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderRequest {
    /// The name of a model, a folder with its files, an ONNX file in one, or a repository as `hub:OWNER/REPO[@REVISION]`;
    /// behind a name or a repository, `:FILE` or `:VARIANT` chooses the ONNX file. `None`: the memory's, without one the
    /// built-in model.
    pub model: Option<String>,
    /// The part of the model's output that is the embedding. `None`: what the model's family was trained for.
    pub pool: Option<Pool>,
    /// How pictures are prepared.
    pub preprocessing: PreprocessingChoice,
    /// Which views of a picture are encoded. `None`: those of the memory's exemplars, without a memory [`Views::One`].
    pub views: Option<Views>,
    /// What computes.
    pub device: Device,
    /// What runs the model.
    pub runtime: RuntimeChoice,
    /// Pictures with more pixels are refused. `None`: 100 million.
    pub max_pixels: Option<u64>,
    /// How many threads encode, together. `None`: one for each core that this process may use.
    pub threads: Option<std::num::NonZeroUsize>,
}

/// How pictures are prepared for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreprocessingChoice {
    /// As the model's own files say.
    #[default]
    Model,
    /// As the paper's authors did it, for DINOv2 and CLIP alone.
    Paper,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_unknown_wishes_are_refused() {
        let json = r#"{"model": "dinov2-small", "pool": "mean", "views": "flip", "device": "cuda:1",
            "runtime": "onnxruntime"}"#;
        let request: EncoderRequest = serde_json::from_str(json).unwrap();
        let expected = EncoderRequest {
            model: Some("dinov2-small".into()),
            pool: Some(Pool::Mean),
            views: Some(Views::Flip),
            device: Device::Cuda(1),
            runtime: RuntimeChoice::OnnxRuntime,
            ..Default::default()
        };
        assert_eq!(request, expected);
        assert_eq!(
            serde_json::from_str::<EncoderRequest>(&serde_json::to_string(&request).unwrap()).unwrap(),
            expected
        );
        assert_eq!(serde_json::from_str::<EncoderRequest>("{}").unwrap(), EncoderRequest::default());
        for wrong in [r#"{"modle": "x"}"#, r#"{"device": "gpu"}"#, r#"{"pool": "max"}"#, r#"{"views": 2}"#] {
            assert!(serde_json::from_str::<EncoderRequest>(wrong).is_err(), "{wrong}");
        }
    }
}
