//! The pure Rust runtime.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use super::{Graph, Onnx, Port, Runtime, Session};

pub(super) struct Rten;

impl Runtime for Rten {
    fn name(&self) -> &'static str {
        "rten"
    }

    fn describe(&self) -> String {
        "rten".to_owned()
    }

    fn load(&self, onnx: &Onnx) -> Result<Box<dyn Graph>, String> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = match onnx {
            Onnx::Static(bytes) => options.load_static_slice(bytes),
            Onnx::Files(files) if files.weights.is_empty() => options.load_file(&files.onnx),
            // Left to itself rten takes weights beside the file alone, and by some names.
            Onnx::Files(files) => {
                let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
                for (name, path) in &files.weights {
                    options.external_data(name, read(path)?);
                }
                options.load(read(&files.onnx)?)
            }
        };
        let model = model.map_err(|e| e.to_string())?;
        let ports = |ids: &[NodeId]| ids.iter().filter_map(|&id| port(&model, id)).collect();
        let (inputs, outputs) = (ports(model.input_ids()), ports(model.output_ids()));
        Ok(Box::new(RtenGraph { model: Arc::new(model), inputs, outputs }))
    }
}

fn port(model: &Model, id: NodeId) -> Option<Port> {
    let node = model.node_info(id)?;
    let dims = node.shape().map(|shape| {
        let size = |d| match d {
            Dimension::Fixed(size) => Some(size),
            Dimension::Symbolic(_) => None,
        };
        shape.into_iter().map(size).collect()
    });
    Some(Port { name: node.name()?.to_owned(), dims })
}

struct RtenGraph {
    model: Arc<Model>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Graph for RtenGraph {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn bytes_per_session(&self) -> u64 {
        0
    }

    fn session(&self, output: &str, shape: [usize; 4], threads: usize) -> Result<Box<dyn Session>, String> {
        let input = *self.model.input_ids().first().ok_or("it has no input")?;
        let output = self.model.node_id(output).map_err(|e| e.to_string())?;
        let pool = Arc::new(ThreadPool::with_num_threads(threads));
        let options = RunOptions::default().with_thread_pool(Some(pool));
        Ok(Box::new(RtenSession { model: Arc::clone(&self.model), input, output, shape, options }))
    }
}

struct RtenSession {
    model: Arc<Model>,
    input: NodeId,
    output: NodeId,
    shape: [usize; 4],
    options: RunOptions,
}

impl Session for RtenSession {
    fn run(&mut self, pixels: &[f32]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let input = NdTensorView::from_data(self.shape, pixels);
        let [value] = self
            .model
            .run_n(vec![(self.input, input.into())], [self.output], Some(self.options.clone()))
            .map_err(|e| e.to_string())?;
        let tensor: rten_tensor::Tensor<f32> = value.try_into().map_err(|_| "its output is not of type f32")?;
        Ok((tensor.shape().to_vec(), tensor.into_data()))
    }
}
