"""Writes tiny.onnx, a model whose outputs can be worked out by hand, so that tests need no large one, and
tiny_three_at_once.onnx, the same exported for a fixed N.

    pip install onnx numpy && python make_tiny_model.py

Input `pixel_values` N x 3 x 8 x 8. `embedding` N x 3 x 1 x 1 is the mean colour, `last_hidden_state` N x 64 x 3 the pixels.
"""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

for name, batch in [("tiny", "batch"), ("tiny_three_at_once", 3)]:
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixel_values"], ["embedding"]),
            helper.make_node("Reshape", ["pixel_values", "shape"], ["planes"]),
            helper.make_node("Transpose", ["planes"], ["last_hidden_state"], perm=[0, 2, 1]),
        ],
        "tiny",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [batch, 3, 8, 8])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3, 1, 1]),
            helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [batch, 64, 3]),
        ],
        [numpy_helper.from_array(np.array([0, 3, 64]), "shape")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, Path(__file__).with_name(f"{name}.onnx"))
