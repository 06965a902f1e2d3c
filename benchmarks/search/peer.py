"""One peer on the vectors of a folder; prints what it measured as one JSON object.

    peer.py NAME FOLDER DIM K
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

name, folder, dim, k = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
cores = os.cpu_count()
base = np.fromfile(folder / "base.f32", "<f4").reshape(-1, dim)
asked = np.fromfile(folder / "query.f32", "<f4").reshape(-1, dim)
truth = folder / f"faiss-{k}.npy"
singles = 50


def faiss_flat():
    import faiss

    faiss.omp_set_num_threads(cores)
    index = faiss.IndexFlatIP(dim)
    index.add(base)
    return lambda queries: index.search(queries, k)[1], len(asked)


def numpy_matmul():
    def search(queries):
        found = []
        for first in range(0, len(queries), 128):
            scores = queries[first : first + 128] @ base.T
            best = np.argpartition(-scores, k, axis=1)[:, :k]
            order = np.take_along_axis(-scores, best, 1).argsort(1)
            found.append(np.take_along_axis(best, order, 1))
        return np.concatenate(found)

    return search, 256


def usearch_exact():
    from usearch.index import MetricKind, search

    return lambda queries: search(base, queries, k, MetricKind.IP, exact=True, threads=cores).keys.reshape(-1, k), 128


def scann_int8():
    import scann

    builder = scann.scann_ops_pybind.builder(base, k, "dot_product").set_n_training_threads(cores)
    index = builder.score_brute_force(quantize=True).build()
    return lambda queries: index.search_batched_parallel(queries)[0], 512


engines = {"faiss-flat": faiss_flat, "numpy": numpy_matmul, "usearch": usearch_exact, "scann-int8": scann_int8}
started = time.perf_counter()
search, batch = engines[name]()
build = time.perf_counter() - started
search(asked[:8])
queries = asked[:batch]
started = time.perf_counter()
found = np.asarray(search(queries)).astype(np.int64)
seconds = time.perf_counter() - started
times = []
for query in range(min(singles, len(asked))):
    started = time.perf_counter()
    search(asked[query : query + 1])
    times.append(1e3 * (time.perf_counter() - started))
if name == "faiss-flat":
    np.save(truth, found)
recall = float("nan")
if truth.exists():
    right = np.load(truth)[: len(found)]
    recall = float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found[: len(right)], right)]))
print(
    json.dumps(
        {
            "build_s": build,
            "batch_qps": len(queries) / seconds,
            "single_ms_p50": float(np.percentile(times, 50)),
            "single_ms_p99": float(np.percentile(times, 99)),
            "recall": recall,
        }
    )
)
