"""Makes a DINOv2 ViT-S/14 with random weights, in the layout of the Hugging Face hub: speed does not depend on what weights
say.

    python make_vit.py FOLDER

FOLDER gets config.json, preprocessor_config.json, model.safetensors for PyTorch, onnx/model.onnx, and
onnx/model_int8.onnx: the same with weights in 8 bits and activations quantised as they come, as on the hub.
"""
import json
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import Dinov2Config, Dinov2Model

PREPROCESSING = {
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def main(folder):
    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14)
    model = Dinov2Model(config).eval()
    folder = Path(folder)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    torch.onnx.export(
        model,
        (torch.zeros(1, 3, 224, 224),),
        str(folder / "onnx" / "model.onnx"),
        input_names=["pixel_values"],
        output_names=["last_hidden_state", "pooler_output"],
        dynamic_axes={"pixel_values": {0: "batch"}, "last_hidden_state": {0: "batch"}, "pooler_output": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    # Convolutions stay as they are: ONNX Runtime has no 8-bit kernel for that of the patches.
    matrices = ["MatMul", "Gemm"]
    f32, int8 = folder / "onnx" / "model.onnx", folder / "onnx" / "model_int8.onnx"
    quantize_dynamic(f32, int8, op_types_to_quantize=matrices, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main(sys.argv[1])
