"""Vectors of the shape of real embeddings: classes in groups, power-law spectra, turned at random, unit length.

    vectors.py FOLDER ROWS DIM QUERIES
"""
import sys
from pathlib import Path

import numpy as np

folder, rows, dim, queries = Path(sys.argv[1]), *map(int, sys.argv[2:5])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(7)
classes = 1000
normal = lambda *shape: random.standard_normal(shape, dtype=np.float32)
within = np.arange(1, dim + 1, dtype=np.float32) ** -0.35
between = np.arange(1, dim + 1, dtype=np.float32) ** -0.6
turn = np.linalg.qr(normal(dim, dim))[0]
groups = normal(classes // 10, dim) * between
means = 0.8 * groups[random.integers(0, len(groups), classes)] + 0.6 * normal(classes, dim) * between


def write(name, count):
    with open(folder / name, "wb") as file:
        for first in range(0, count, 65536):
            size = min(65536, count - first)
            x = (means[random.integers(0, classes, size)] + 0.62 * normal(size, dim) * within) @ turn
            (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("<f4").tofile(file)


write("base.f32", rows)
write("query.f32", queries)
