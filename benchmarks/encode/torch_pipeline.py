"""The pipeline that one would write with PyTorch: a DataLoader with PIL in its workers, the model of `transformers`, f32.
A peer for run.py.

    python torch_pipeline.py MODEL_FOLDER FOLDER OUT.npz

Prints the number of pictures and the sum of the processes' peak memory in bytes.
"""
import resource
import sys
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModel

from python_pipeline import CORES, EXTENSIONS, VIT, pixels

BATCH = 64


class Pictures(Dataset):
    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return torch.from_numpy(np.ascontiguousarray(pixels(self.files[index], VIT).transpose(2, 0, 1)))


def main(model, folder, out):
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in EXTENSIONS)
    torch.set_num_threads(CORES)
    model = AutoModel.from_pretrained(model).eval()
    loader = DataLoader(Pictures(files), batch_size=BATCH, num_workers=CORES, multiprocessing_context="spawn")
    vectors = []
    with torch.inference_mode():
        for batch in loader:
            embedded = model(pixel_values=batch).last_hidden_state[:, 0]
            vectors.append(torch.nn.functional.normalize(embedded, dim=1).numpy())
    vectors = np.concatenate(vectors)
    np.savez(out, E=vectors, f=np.array([str(path.relative_to(folder)) for path in files]))
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * CORES
    print(len(vectors), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + workers) * 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
