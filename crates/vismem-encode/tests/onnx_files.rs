//! What an ONNX file says itself: where its weights are, what it reads, and what it asks for.

mod common;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use common::{runtimes, tiny};
use image::{Rgb, RgbImage};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataLocation, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor,
    ValueInfoProto,
};
use vismem_encode::{Encoder, EncoderOptions, LoadError, Model, RuntimeChoice, weight_files};

/// Values of the pictures that these models read: 3 x 8 x 8.
const PIXELS: usize = 192;

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    let input = inputs.iter().map(|&name| name.to_owned()).collect();
    NodeProto { op_type: Some(op.to_owned()), input, output: vec![output.to_owned()], ..Default::default() }
}

fn with_ints(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let (name, ints, kind) = (Some(name.to_owned()), ints.to_vec(), Some(AttributeType::INTS));
    node.attribute.push(AttributeProto { name, ints, r#type: kind, ..Default::default() });
    node
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], DataType::INT64, raw)
}

fn tensor(name: &str, dims: &[i64], kind: DataType, raw: Vec<u8>) -> TensorProto {
    let (name, dims, raw_data) = (Some(name.to_owned()), dims.to_vec(), Some(RefCell::new(raw)));
    TensorProto { name, dims, data_type: Some(kind), raw_data, ..Default::default() }
}

/// Weights in another file, all of it.
fn elsewhere(name: &str, dims: &[i64], location: &str) -> TensorProto {
    let location = StringStringEntryProto { key: Some("location".to_owned()), value: Some(location.to_owned()) };
    let raw_data = None;
    let data_location = Some(DataLocation(1));
    TensorProto {
        external_data: vec![location],
        data_location,
        raw_data,
        ..tensor(name, dims, DataType::FLOAT, vec![])
    }
}

/// An axis of a fixed length, or with a name.
fn axis(text: &str) -> Dimension {
    match text.parse() {
        Ok(length) => Dimension { dim_value: Some(length), dim_param: None },
        Err(_) => Dimension { dim_value: None, dim_param: Some(text.to_owned()) },
    }
}

fn port(name: &str, kind: DataType, axes: &[&str]) -> ValueInfoProto {
    let shape = TensorShapeProto { dim: axes.iter().copied().map(axis).collect() };
    let tensor_type = Some(TypeProtoTensor { elem_type: Some(kind), shape: Some(shape) });
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type, sequence: None }) }
}

/// Writes a model from `pixels`, of these axes, to `embedding`.
fn write(path: &Path, kind: DataType, axes: &[&str], tensors: Vec<TensorProto>, nodes: Vec<NodeProto>) {
    let graph = GraphProto {
        node: nodes,
        initializer: tensors,
        input: vec![port("pixels", kind, axes)],
        output: vec![port("embedding", kind, &["N", "D"])],
        value_info: Vec::new(),
    };
    let opset = OperatorSetIdProto { domain: None, version: Some(13) };
    let model = ModelProto { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, model.write_buf().unwrap()).unwrap();
}

const AXES: [&str; 4] = ["N", "3", "8", "8"];

/// A model that multiplies the picture with a matrix in another file.
fn write_product(path: &Path, location: &str) {
    let nodes = vec![node("Flatten", &["pixels"], "flat"), node("MatMul", &["flat", "w"], "embedding")];
    write(path, DataType::FLOAT, &AXES, vec![elsewhere("w", &[PIXELS as i64, 4], location)], nodes);
}

fn weights() -> Vec<u8> {
    (0..PIXELS * 4).flat_map(|index| ((index % 7) as f32 - 2.5).to_le_bytes()).collect()
}

fn load(path: &Path, runtime: RuntimeChoice) -> Result<Encoder, LoadError> {
    let model = Model::from_onnx(path, tiny().preprocessing().clone());
    Encoder::load(model, &EncoderOptions { runtime, ..Default::default() })
}

fn picture() -> RgbImage {
    RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 30) as u8, (y * 30) as u8, 90]))
}

#[test]
fn weights_are_hashed_and_loaded_whatever_their_file_is_called() {
    let place = tempfile::tempdir().unwrap();
    let mut embeddings = Vec::new();
    for (name, location) in [("a", "model.onnx_data"), ("b", "weights.bin"), ("c", "parts/w"), ("d", "./w.safetensors")]
    {
        let onnx = place.path().join(name).join("model.onnx");
        write_product(&onnx, location);
        let file = onnx.with_file_name(location);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, weights()).unwrap();
        assert_eq!(weight_files(&onnx).unwrap(), [location.trim_start_matches("./")]);
        for runtime in runtimes() {
            let encoder = load(&onnx, runtime).unwrap();
            embeddings.push(encoder.encode(&picture()).unwrap());
            let mut changed = weights();
            changed[1] ^= 1;
            fs::write(&file, &changed).unwrap();
            assert_ne!(load(&onnx, runtime).unwrap().identity().hash, encoder.identity().hash, "{location}");
            fs::write(&file, weights()).unwrap();
            // What lies beside it by chance is not part of the model.
            fs::write(onnx.with_file_name("other.onnx_data"), "not its weights").unwrap();
            assert_eq!(load(&onnx, runtime).unwrap().identity().hash, encoder.identity().hash, "{location}");
        }
    }
    for embedding in &embeddings {
        assert!(common::cosine(embedding, &embeddings[0]) > 0.999_999);
    }
}

#[cfg(unix)]
#[test]
fn weights_and_model_may_be_links_into_a_cache() {
    let place = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (place.path().join("blobs"), place.path().join("snapshots/1/onnx"));
    write_product(&blobs.join("0123"), "model.onnx_data");
    fs::write(blobs.join("4567"), weights()).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    std::os::unix::fs::symlink("../../../blobs/0123", snapshot.join("model.onnx")).unwrap();
    std::os::unix::fs::symlink("../../../blobs/4567", snapshot.join("model.onnx_data")).unwrap();
    for runtime in runtimes() {
        assert_eq!(load(&snapshot.join("model.onnx"), runtime).unwrap().dim(), 4, "{runtime:?}");
    }
}

#[test]
fn weights_that_are_missing_or_outside_of_the_folder_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let onnx = place.path().join("m/model.onnx");
    fs::write(place.path().join("w.bin"), weights()).unwrap();
    let absolute = place.path().join("w.bin");
    for location in ["../w.bin", "a/../../w.bin", absolute.to_str().unwrap(), "", "."] {
        write_product(&onnx, location);
        assert!(matches!(weight_files(&onnx), Err(LoadError::Onnx { .. })), "{location}");
        for runtime in runtimes() {
            assert!(matches!(load(&onnx, runtime), Err(LoadError::Onnx { .. })), "{location}");
        }
    }
    write_product(&onnx, "w.bin");
    let error = load(&onnx, RuntimeChoice::Rten).err().unwrap();
    assert!(matches!(&error, LoadError::Weights { path, .. } if path.ends_with("m/w.bin")), "{error}");
}

#[test]
fn tensors_of_terabytes_are_refused_before_they_are_computed() {
    let place = tempfile::tempdir().unwrap();
    let onnx = place.path().join("m.onnx");
    let (large, one) = ([1 << 20, 1 << 20], 1.0f32.to_le_bytes().to_vec());
    let one = || tensor("one", &[1], DataType::FLOAT, one.clone());
    let column = || integers("column", &[1 << 20, 1]);
    let row = || integers("row", &[1, 1 << 20]);
    let cases: [(&str, Vec<TensorProto>, Vec<NodeProto>); 10] = [
        ("filled", vec![integers("shape", &large)], vec![node("ConstantOfShape", &["shape"], "big")]),
        ("expanded", vec![integers("shape", &large), one()], vec![node("Expand", &["one", "shape"], "big")]),
        ("tiled", vec![integers("times", &[1 << 40]), one()], vec![node("Tile", &["one", "times"], "big")]),
        (
            "counted",
            vec![
                tensor("from", &[], DataType::INT64, 0i64.to_le_bytes().to_vec()),
                tensor("to", &[], DataType::INT64, (1i64 << 40).to_le_bytes().to_vec()),
                tensor("by", &[], DataType::INT64, 1i64.to_le_bytes().to_vec()),
            ],
            vec![node("Range", &["from", "to", "by"], "big")],
        ),
        (
            "broadcast",
            vec![column(), row()],
            vec![
                node("ConstantOfShape", &["column"], "a"),
                node("ConstantOfShape", &["row"], "b"),
                node("Add", &["a", "b"], "big"),
            ],
        ),
        (
            "multiplied",
            vec![column(), row()],
            vec![
                node("ConstantOfShape", &["column"], "a"),
                node("ConstantOfShape", &["row"], "b"),
                node("MatMul", &["a", "b"], "big"),
            ],
        ),
        (
            "broadcast along an axis that is put in",
            vec![integers("side", &[1 << 20])],
            vec![
                node("ConstantOfShape", &["side"], "a"),
                with_ints(node("Unsqueeze", &["a"], "column"), "axes", &[-1]),
                node("Mul", &["a", "column"], "big"),
            ],
        ),
        (
            "multiplied by Gemm",
            vec![column(), row()],
            vec![
                node("ConstantOfShape", &["column"], "a"),
                node("ConstantOfShape", &["row"], "b"),
                node("Gemm", &["a", "b"], "big"),
            ],
        ),
        (
            "looked up",
            vec![integers("side", &[1 << 20]), row()],
            vec![
                node("ConstantOfShape", &["row"], "table"),
                node("ConstantOfShape", &["side"], "zeros"),
                node("Gather", &["table", "zeros"], "big"),
            ],
        ),
        (
            "by a shape that is computed",
            vec![integers("side", &[1 << 20])],
            vec![node("Mul", &["side", "side"], "shape"), node("ConstantOfShape", &["shape"], "big")],
        ),
    ];
    for (name, tensors, mut nodes) in cases {
        nodes.push(with_ints(node("ReduceMax", &["big"], "most"), "axes", &[0]));
        nodes.push(node("Flatten", &["pixels"], "flat"));
        nodes.push(node("Add", &["flat", "most"], "embedding"));
        write(&onnx, DataType::FLOAT, &AXES, tensors, nodes);
        for runtime in runtimes() {
            let error = load(&onnx, runtime).err().unwrap_or_else(|| panic!("{name} was loaded"));
            assert!(matches!(&error, LoadError::Onnx { reason, .. } if reason.contains("big")), "{name}: {error}");
        }
    }
}

#[test]
fn what_is_damaged_or_endlessly_deep_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let onnx = place.path().join("m.onnx");
    // A graph that claims a terabyte, a name within it that does, and text.
    let claims: [&[u8]; 3] = [
        &[0x3A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20],
        &[0x3A, 0x07, 0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20],
        b"version https://git-lfs.github.com/spec/v1",
    ];
    for bytes in claims {
        fs::write(&onnx, bytes).unwrap();
        assert!(matches!(load(&onnx, RuntimeChoice::Rten), Err(LoadError::Onnx { .. })), "{bytes:?}");
    }
    let mut graph = GraphProto::default();
    for _ in 0..60 {
        let attribute = AttributeProto { name: Some("body".to_owned()), g: Some(graph), ..Default::default() };
        let node = NodeProto { attribute: vec![attribute], ..node("Loop", &[], "x") };
        graph = GraphProto { node: vec![node], ..Default::default() };
    }
    fs::write(&onnx, ModelProto { graph: Some(graph), ..Default::default() }.write_buf().unwrap()).unwrap();
    assert!(matches!(load(&onnx, RuntimeChoice::Rten), Err(LoadError::Onnx { .. })));
}

#[test]
fn inputs_that_do_not_tell_where_the_channels_are_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let onnx = place.path().join("m.onnx");
    let flat = || vec![node("Flatten", &["pixels"], "embedding")];
    let turned = |perm: &[i64]| {
        let turn = with_ints(node("Transpose", &["pixels"], "turned"), "perm", perm);
        vec![turn, node("Flatten", &["turned"], "embedding")]
    };
    let loads = |axes: &[&str], nodes| {
        write(&onnx, DataType::FLOAT, axes, vec![], nodes);
        load(&onnx, RuntimeChoice::Rten)
    };
    assert!(loads(&["batch_size", "num_channels", "height", "width"], flat()).is_ok());
    assert!(loads(&["a", "b", "c2", "d"], turned(&[0, 2, 3, 1])).is_ok());
    for refused in [
        loads(&["batch", "h", "w", "c"], turned(&[0, 3, 1, 2])),
        loads(&["batch", "num_channels", "height", "width"], turned(&[0, 3, 1, 2])),
        loads(&["batch", "h", "w", "c"], flat()),
        loads(&["p", "q", "r", "s"], flat()),
    ] {
        assert!(matches!(refused, Err(LoadError::Input { .. })));
    }
}

#[test]
fn inputs_and_outputs_may_be_of_half_precision() {
    let place = tempfile::tempdir().unwrap();
    let (half, single) = (place.path().join("half.onnx"), place.path().join("single.onnx"));
    for (path, kind) in [(&half, DataType::FLOAT16), (&single, DataType::FLOAT)] {
        write(path, kind, &AXES, vec![], vec![node("Flatten", &["pixels"], "embedding")]);
    }
    for runtime in runtimes() {
        let [half, single] = [&half, &single].map(|path| load(path, runtime).unwrap().encode(&picture()).unwrap());
        assert!(common::cosine(&half, &single) > 0.999_999, "{runtime:?}");
    }
}
