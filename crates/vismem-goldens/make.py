"""Cuts the files of `data/` from the reference data: the full neighbour files, models and photos. What is cut and what is
kept: README.md.

    pip install numpy onnx && python make.py REFERENCE_DATA
"""
import gzip
import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

shared, data = Path(sys.argv[1]), Path(__file__).parent / "data"
shutil.rmtree(data, ignore_errors=True)


def write(name, content):
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content)


def planes(content, width):
    """All first bytes of numbers of this many bytes, then all second ones, and so on: packs better."""
    return b"".join(content[byte::width] for byte in range(width))


def numbers(them):
    return planes(np.array(them, "<u2").tobytes(), 2)


# Neighbour files: lists as numbers, distances in steps of 0.0001.
goldens = shared / "goldens/caltech101"
stored, queries = (json.loads((goldens / f"neighbors_{name}.json").read_text()) for name in ("memory", "query"))
number = {image: n for n, image in enumerate(stored)}
lists = [[[number[id] for id in entry["neighbor_image_ids"]] for entry in file.values()] for file in (stored, queries)]
steps = [np.diff(np.rint(np.array(entry["neighbor_distances"]) * 10_000), prepend=0) for entry in queries.values()]
write("caltech101/neighbors_memory.u16.gz", numbers(lists[0]))
write("caltech101/neighbors_query.u16.gz", numbers(lists[1]))
write("caltech101/distances_query.u16.gz", numbers(steps))
official = (goldens / "official_predictions.json").read_text()
for name, file in ("memory", stored), ("query", queries):
    write(f"caltech101/classes_{name}.txt.gz", "".join(f"{entry['image_class']}\n" for entry in file.values()).encode())
    for n, image in enumerate(file):
        official = official.replace(f'"{image}"', f'"{name}-{n}"')
write("caltech101/official_predictions.json.gz", official.encode())


# Models: 7 of the 23 bits of each weight's fraction.
def rounded(weights):
    bits = weights.view(np.uint32)
    return ((bits + (1 << 15)) & np.uint32(0xFFFF0000)).view(np.float32)


for name, onnx_file in ("tiny-clip", "vision_model.onnx"), ("tiny-dinov2", "model.onnx"):
    folder, into = shared / "goldens/hub" / name, f"hub/{name}"
    for config in "config.json", "preprocessor_config.json":
        write(f"{into}/{config}", (folder / config).read_bytes())
    model = onnx.load(folder / "onnx" / onnx_file)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(rounded(numpy_helper.to_array(tensor)), tensor.name))
    write(f"{into}/onnx/{onnx_file}.planes.gz", planes(model.SerializeToString(), 4))
    reference = np.load(folder / "reference.npz")
    write(f"{into}/reference/pixels.f32.gz", reference["pixel_values"][:, :, ::8, ::8].astype("<f4").tobytes())
    write(f"{into}/reference/embeddings.f32", reference["embeddings"].astype("<f4").tobytes())
    images = list(reference["images"])
    write(f"{into}/reference/images.txt", "".join(f"{image}\n" for image in images).encode())
    for image in images:
        write(f"photos/{image}", (shared / "data/caltech101" / image).read_bytes())
