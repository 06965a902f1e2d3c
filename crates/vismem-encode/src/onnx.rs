//! What is looked at in an ONNX file before a runtime gets it: its graph without the weights.

mod layout;
mod sizes;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use rten_onnx::protobuf::{Field, FieldValue, Fields, OwnedValues, ProtobufError, ReadValue, ValueReader};

use crate::error::LoadError;
pub(crate) use layout::Layout;

/// Graphs lie in the attributes of nodes, such as the branches of `If`. Deeper ones are refused.
const DEEPEST: usize = 16;

/// Tensors of more values are weights and not looked at.
const FEW_VALUES: usize = 64;

/// An ONNX file without its weights. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
#[derive(Debug, Default)]
pub(crate) struct Outline {
    graph: Graph,
    /// Names of the files that hold tensors, as the ONNX file gives them.
    locations: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Graph {
    inputs: Vec<Input>,
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Input {
    name: String,
    /// The names of axes whose length is open; empty where it is fixed.
    symbols: Vec<String>,
}

#[derive(Debug, Default)]
struct Tensor {
    name: String,
    dims: Vec<i64>,
    /// Its values, if they are few and in the file.
    values: Option<Vec<f64>>,
    is_integer: bool,
}

#[derive(Debug, Default)]
struct Node {
    op: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    attributes: Vec<Attribute>,
}

#[derive(Debug, Default)]
struct Attribute {
    name: String,
    ints: Vec<i64>,
    floats: Vec<f32>,
    tensors: Vec<Tensor>,
    graphs: Vec<Graph>,
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// An ONNX file and the files beside it that hold its weights, all of them there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnnxFiles {
    pub(crate) onnx: PathBuf,
    /// The names by which the ONNX file calls them, with their paths, in the order of the paths.
    pub(crate) weights: Vec<(String, PathBuf)>,
}

impl OnnxFiles {
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [self.onnx.as_path()].into_iter().chain(self.weights.iter().map(|(_, path)| path.as_path()))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.paths().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum()
    }
}

impl Outline {
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Read { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        let file = File::open(path).map_err(failed)?;
        let damaged = |reason: String| LoadError::Onnx { path: path.to_owned(), reason };
        Self::parse(ValueReader::from_file(file), metadata.len()).map_err(|fault| damaged(fault.to_string()))
    }

    fn parse<R: ReadValue<Types = OwnedValues>>(mut reader: R, len: u64) -> Read<Self> {
        let mut reading = Reading { len, locations: BTreeSet::new() };
        let mut model = Graph::default();
        let mut fields = Fields::new(&mut reader, Some("ModelProto"));
        while let Some(mut field) = reading.next(&mut fields)? {
            match field.number() {
                7 => model = graph(field.read_message(Some("GraphProto"))?, &mut reading, 0)?,
                // Functions of the model's own.
                25 => function(field.read_message(Some("FunctionProto"))?, &mut reading)?,
                _ => field.skip()?,
            }
        }
        Ok(Self { graph: model, locations: reading.locations })
    }

    /// The ONNX file at `path`, which this is an outline of, with the files of its weights.
    pub(crate) fn files(&self, path: &Path) -> Result<OnnxFiles, LoadError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let damaged = |reason: String| LoadError::Onnx { path: path.to_owned(), reason };
        let mut weights = Vec::new();
        for location in &self.locations {
            let path = folder.join(inside(location).map_err(damaged)?);
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => weights.push((location.clone(), path)),
                Ok(_) => return Err(damaged(format!("its weights {location:?} are not a regular file"))),
                Err(source) => return Err(LoadError::Weights { path, source }),
            }
        }
        weights.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(OnnxFiles { onnx: path.to_owned(), weights })
    }
}

/// The files of weights that an ONNX file names, by their paths from its folder, with `/`. They need not be there.
///
/// # Errors
/// When it cannot be read, is no ONNX file, or names files outside of its folder.
pub fn weight_files(onnx: &Path) -> Result<Vec<String>, LoadError> {
    let locations = Outline::read(onnx)?.locations;
    let names = locations.iter().map(|location| inside(location)).collect::<Result<_, _>>();
    names.map_err(|reason| LoadError::Onnx { path: onnx.to_owned(), reason })
}

/// A location without `.`, if it stays in the folder.
fn inside(location: &str) -> Result<String, String> {
    let outside = || format!("its weights {location:?} would lie outside of its folder");
    let mut parts = Vec::new();
    for part in Path::new(location).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => return Err(outside()),
        }
    }
    if parts.is_empty() { Err(outside()) } else { Ok(parts.join("/")) }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it is damaged or no ONNX file: {0}")]
    Protobuf(#[from] ProtobufError),
    #[error("it is damaged: a part of it claims to be longer than the file")]
    TooLong,
    #[error("graphs lie in one another more than {DEEPEST} deep")]
    TooDeep,
}

type Read<T> = Result<T, Fault>;

/// What is gathered while a file is read.
struct Reading {
    /// Bytes of the file.
    len: u64,
    locations: BTreeSet<String>,
}

impl Reading {
    /// The next field, unless it claims to be longer than the file: whoever then makes room for it would run out of memory.
    fn next<'f, R: ReadValue<Types = OwnedValues>>(&self, fields: &'f mut Fields<'_, R>) -> Read<Option<Field<'f, R>>> {
        match fields.next()? {
            Some(field) if matches!(field.value(), FieldValue::Len(len) if len > self.len) => Err(Fault::TooLong),
            field => Ok(field),
        }
    }
}

fn graph<R: ReadValue<Types = OwnedValues>>(
    mut fields: Fields<'_, R>,
    reading: &mut Reading,
    depth: usize,
) -> Read<Graph> {
    if depth == DEEPEST {
        return Err(Fault::TooDeep);
    }
    let mut graph = Graph::default();
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => graph.nodes.push(node(field.read_message(Some("NodeProto"))?, reading, depth)?),
            5 => graph.tensors.push(tensor(field.read_message(Some("TensorProto"))?, reading)?),
            11 => graph.inputs.push(input(reading, field.read_message(Some("ValueInfoProto"))?)?),
            15 => sparse(field.read_message(Some("SparseTensorProto"))?, reading)?,
            _ => field.skip()?,
        }
    }
    Ok(graph)
}

fn function<R: ReadValue<Types = OwnedValues>>(mut fields: Fields<'_, R>, reading: &mut Reading) -> Read<()> {
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            7 => drop(node(field.read_message(Some("NodeProto"))?, reading, 0)?),
            _ => field.skip()?,
        }
    }
    Ok(())
}

fn node<R: ReadValue<Types = OwnedValues>>(
    mut fields: Fields<'_, R>,
    reading: &mut Reading,
    depth: usize,
) -> Read<Node> {
    let mut node = Node::default();
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => node.inputs.push(field.read_string()?),
            2 => node.outputs.push(field.read_string()?),
            4 => node.op = field.read_string()?,
            5 => node.attributes.push(attribute(field.read_message(Some("AttributeProto"))?, reading, depth)?),
            _ => field.skip()?,
        }
    }
    Ok(node)
}

fn attribute<R: ReadValue<Types = OwnedValues>>(
    mut fields: Fields<'_, R>,
    reading: &mut Reading,
    depth: usize,
) -> Read<Attribute> {
    let mut attribute = Attribute::default();
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => attribute.name = field.read_string()?,
            2 => attribute.floats.push(field.get_float()?),
            3 => attribute.ints.push(field.get_int64()?),
            5 | 10 => attribute.tensors.push(tensor(field.read_message(Some("TensorProto"))?, reading)?),
            6 | 11 => {
                attribute.graphs.push(graph(field.read_message(Some("GraphProto"))?, reading, depth + 1)?);
            }
            7 => few(field.read_repeated_float()?, &mut attribute.floats)?,
            8 => few(field.read_repeated_int64()?, &mut attribute.ints)?,
            22 | 23 => sparse(field.read_message(Some("SparseTensorProto"))?, reading)?,
            _ => field.skip()?,
        }
    }
    Ok(attribute)
}

fn sparse<R: ReadValue<Types = OwnedValues>>(mut fields: Fields<'_, R>, reading: &mut Reading) -> Read<()> {
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 | 2 => drop(tensor(field.read_message(Some("TensorProto"))?, reading)?),
            _ => field.skip()?,
        }
    }
    Ok(())
}

fn tensor<R: ReadValue<Types = OwnedValues>>(mut fields: Fields<'_, R>, reading: &mut Reading) -> Read<Tensor> {
    let mut tensor = Tensor::default();
    let mut data_type = 0;
    let mut raw = Vec::new();
    let mut values = Vec::new();
    let mut is_external = false;
    let mut location = None;
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => few(field.read_repeated_int64()?, &mut tensor.dims)?,
            2 => {
                data_type = field.get_int32()?;
                tensor.is_integer = matches!(data_type, 6 | 7);
            }
            4 => few(field.read_repeated_float()?.map(|value| value.map(f64::from)), &mut values)?,
            5 => few(field.read_repeated_int32()?.map(|value| value.map(f64::from)), &mut values)?,
            7 => few(field.read_repeated_int64()?.map(|value| value.map(|value| value as f64)), &mut values)?,
            8 => tensor.name = field.read_string()?,
            9 if is_short(&field) => raw = field.read_bytes()?,
            13 => {
                let (key, value) = entry(reading, field.read_message(Some("StringStringEntryProto"))?)?;
                if key == "location" {
                    location = Some(value);
                }
            }
            14 => is_external = field.get_int32()? == 1,
            _ => field.skip()?,
        }
    }
    if is_external {
        reading.locations.insert(location.unwrap_or_default());
        return Ok(tensor);
    }
    values.extend(decoded(data_type, &raw));
    let count = tensor.dims.iter().try_fold(1, |count: i64, &dim| count.checked_mul(dim));
    tensor.values = Some(values).filter(|values| usize::try_from(count.unwrap_or(-1)) == Ok(values.len()));
    Ok(tensor)
}

/// Floats and integers from their bytes; none of other types.
fn decoded(data_type: i32, raw: &[u8]) -> Vec<f64> {
    match data_type {
        1 => raw.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().expect("4 bytes")))).collect(),
        6 => raw.chunks_exact(4).map(|b| f64::from(i32::from_le_bytes(b.try_into().expect("4 bytes")))).collect(),
        7 => raw.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes")) as f64).collect(),
        11 => raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("8 bytes"))).collect(),
        _ => Vec::new(),
    }
}

fn is_short<R: ReadValue<Types = OwnedValues>>(field: &Field<'_, R>) -> bool {
    matches!(field.value(), FieldValue::Len(len) if len <= 8 * FEW_VALUES as u64)
}

/// Takes the first of them.
fn few<T>(values: impl Iterator<Item = Result<T, ProtobufError>>, into: &mut Vec<T>) -> Result<(), ProtobufError> {
    for value in values {
        let value = value?;
        // One more than are few, so that a longer one is not taken for whole.
        if into.len() <= FEW_VALUES {
            into.push(value);
        }
    }
    Ok(())
}

fn entry<R: ReadValue<Types = OwnedValues>>(reading: &Reading, mut fields: Fields<'_, R>) -> Read<(String, String)> {
    let mut entry = (String::new(), String::new());
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => entry.0 = field.read_string()?,
            2 => entry.1 = field.read_string()?,
            _ => field.skip()?,
        }
    }
    Ok(entry)
}

/// Name, and through type, tensor type, shape and dimension, the names of the axes.
fn input<R: ReadValue<Types = OwnedValues>>(reading: &Reading, mut fields: Fields<'_, R>) -> Read<Input> {
    let mut input = Input::default();
    while let Some(mut field) = reading.next(&mut fields)? {
        match field.number() {
            1 => input.name = field.read_string()?,
            2 => {
                let mut kind = field.read_message(Some("TypeProto"))?;
                while let Some(mut field) = reading.next(&mut kind)? {
                    match field.number() {
                        1 => input.symbols = symbols(reading, field.read_message(Some("TypeProto.Tensor"))?)?,
                        _ => field.skip()?,
                    }
                }
            }
            _ => field.skip()?,
        }
    }
    Ok(input)
}

fn symbols<R: ReadValue<Types = OwnedValues>>(reading: &Reading, mut tensor: Fields<'_, R>) -> Read<Vec<String>> {
    let mut symbols = Vec::new();
    while let Some(mut field) = reading.next(&mut tensor)? {
        if field.number() != 2 {
            field.skip()?;
            continue;
        }
        let mut shape = field.read_message(Some("TensorShapeProto"))?;
        while let Some(mut field) = reading.next(&mut shape)? {
            if field.number() != 1 {
                field.skip()?;
                continue;
            }
            let mut symbol = String::new();
            let mut dimension = field.read_message(Some("Dimension"))?;
            while let Some(mut field) = reading.next(&mut dimension)? {
                match field.number() {
                    2 => symbol = field.read_string()?,
                    _ => field.skip()?,
                }
            }
            symbols.push(symbol);
        }
    }
    Ok(symbols)
}
