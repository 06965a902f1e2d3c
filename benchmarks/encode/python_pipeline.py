"""The pipeline that one would write in Python: PIL, NumPy, ONNX Runtime. A peer for run.py.

    python python_pipeline.py {one,workers,shards} MODEL.onnx FOLDER OUT.npz [vit]

one      one process: 64 pictures through PIL, then through ONNX Runtime on all cores, and again
workers  PIL in one process per core, ONNX Runtime on all cores in the main process, as a DataLoader does it
shards   one process per core, each with its share of the pictures and a single-threaded ONNX Runtime
With `vit` pictures are prepared as DINOv2 wants them and the first token is the embedding, else as the built-in model does.
Prints the number of pictures and the sum of the processes' peak memory in bytes.
"""
import os
import resource
import sys
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

BATCH = 64
EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


BUILTIN = (1.0, 127.0, 128.0)
VIT = (1 / 255, np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225]))


def pixels(path, preparation, short=256, crop=224):
    rescale, mean, deviation = preparation
    image = Image.open(path).convert("RGB")
    scale = short / min(image.size)
    width, height = (max(crop, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.BICUBIC)
    left, top = (width - crop) // 2, (height - crop) // 2
    image = image.crop((left, top, left + crop, top + crop))
    return (np.asarray(image, np.float32) * np.float32(rescale) - mean) / deviation


def batch_of(paths, preparation):
    return np.ascontiguousarray(np.stack([pixels(p, preparation) for p in paths]).transpose(0, 3, 1, 2), np.float32)


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As vismem does: with weights dequantised at load, ONNX Runtime is a fifth faster on this model.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def embed(session, batch):
    vectors = session.run(None, {"pixel_values": batch})[0]
    if vectors.ndim == 3:
        vectors = vectors[:, 0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def peak_memory(_=None):
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def decode_for_main(arguments):
    return batch_of(*arguments), os.getpid(), peak_memory()


def embed_share(arguments):
    model, batches, preparation = arguments
    one = session(model, 1)
    return np.concatenate([embed(one, batch_of(paths, preparation)) for paths in batches]), os.getpid(), peak_memory()


def main(how, model, folder, out, family=""):
    preparation = VIT if family == "vit" else BUILTIN
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in EXTENSIONS)
    batches = [files[i:i + BATCH] for i in range(0, len(files), BATCH)]
    memory = {}
    if how == "one":
        one = session(model, CORES)
        vectors = [embed(one, batch_of(paths, preparation)) for paths in batches]
    else:
        # Forking would copy ONNX Runtime's threads in a state that they do not survive.
        with get_context("spawn").Pool(CORES) as pool:
            vectors = []
            if how == "workers":
                one = session(model, CORES)
                for batch, pid, peak in pool.imap(decode_for_main, [(paths, preparation) for paths in batches]):
                    vectors.append(embed(one, batch))
                    memory[pid] = peak
            else:
                share = -(-len(batches) // CORES)
                shares = [(model, batches[i:i + share], preparation) for i in range(0, len(batches), share)]
                for embedded, pid, peak in pool.map(embed_share, shares, chunksize=1):
                    vectors.append(embedded)
                    memory[pid] = peak
    vectors = np.concatenate(vectors)
    np.savez(out, E=vectors, f=np.array([str(p.relative_to(folder)) for p in files]))
    print(len(vectors), peak_memory() + sum(memory.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
