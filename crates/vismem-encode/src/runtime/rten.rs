//! The pure Rust runtime.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use ::rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_onnx::onnx::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use crate::onnx::OnnxFiles;

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
            Onnx::Files(files) => {
                let onnx = with_weights(files, &mut options)?;
                options.load(onnx)
            }
        };
        let model = model.map_err(|e| e.to_string())?;
        let ports = |ids: &[NodeId]| ids.iter().filter_map(|&id| port(&model, id)).collect();
        let (inputs, outputs) = (ports(model.input_ids()), ports(model.output_ids()));
        Ok(Box::new(RtenGraph { model: Arc::new(model), inputs, outputs }))
    }
}

/// The ONNX file, with other names for its files of weights, which are read: rten takes them from beside it and by some names
/// alone, and from no cache of links.
fn with_weights(files: &OnnxFiles, options: &mut ModelOptions) -> Result<Vec<u8>, String> {
    let failed = |path: &Path, error: &dyn Display| format!("{}: {error}", path.display());
    let mut named = HashMap::new();
    for (index, (location, path)) in files.weights.iter().enumerate() {
        let bytes = fs::read(path).map_err(|error| failed(path, &error))?;
        let file = Renamed { name: format!("{index}.data"), len: bytes.len() };
        options.external_data(&file.name, bytes);
        named.insert(location.as_str(), file);
    }
    let onnx = File::open(&files.onnx).map_err(|error| failed(&files.onnx, &error))?;
    let mut model = ModelProto::parse_file(onnx).map_err(|error| failed(&files.onnx, &error))?;
    model.graph.as_mut().into_iter().for_each(|graph| rename(graph, &named));
    model.write_buf().map_err(|error| failed(&files.onnx, &error))
}

/// A file of weights as rten is told of it.
struct Renamed {
    name: String,
    len: usize,
}

fn rename(graph: &mut GraphProto, named: &HashMap<&str, Renamed>) {
    graph.initializer.iter_mut().for_each(|tensor| rename_in(tensor, named));
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.t.iter_mut().for_each(|tensor| rename_in(tensor, named));
        attribute.g.iter_mut().for_each(|graph| rename(graph, named));
    }
}

/// Says where all of it is, also what a file may leave out: that it begins at the beginning and ends at the end.
fn rename_in(tensor: &mut TensorProto, named: &HashMap<&str, Renamed>) {
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key.as_deref() == Some(key))?.value.clone();
    let Some(file) = entry("location").and_then(|location| named.get(location.as_str())) else { return };
    let offset = entry("offset").unwrap_or_else(|| "0".to_owned());
    let rest = file.len.saturating_sub(offset.parse().unwrap_or(0));
    let length = entry("length").unwrap_or_else(|| rest.to_string());
    let entries = [("location", file.name.clone()), ("offset", offset), ("length", length)];
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
    tensor.external_data = entries.map(entry).into();
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
