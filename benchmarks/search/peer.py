"""One peer on the vectors of a folder; prints what it measured as one JSON object.

    peer.py NAME FOLDER DIM K RECALL

Approximate peers are tried at growing efforts, and measured at the first one whose recall on the queries is RECALL (or at
the greatest). Finding it is not counted. `truth` keeps what exact search finds, which recall is measured against.
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

name, folder, dim, k, wanted = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
cores = os.cpu_count()
base = np.fromfile(folder / "base.f32", "<f4").reshape(-1, dim)
asked = np.fromfile(folder / "query.f32", "<f4").reshape(-1, dim)
truth = folder / f"truth-{k}.npy"
singles = 300
# Neighbours that approximate engines compare exactly in the end: enough for a high recall of a few, too.
reordered = max(4 * k, 200)


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


def scann_tree():
    import scann

    leaves = max(100, int(1.77 * len(base) ** 0.5) // 100 * 100)
    builder = scann.scann_ops_pybind.builder(base, k, "dot_product")
    builder = builder.tree(leaves, leaves // 31, training_sample_size=min(len(base), 250_000))
    builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(reordered)
    index = builder.set_n_training_threads(cores).build()

    def at(effort):
        settings = {"leaves_to_search": effort, "pre_reorder_num_neighbors": reordered}
        one = lambda query: index.search(query[0], **settings)[0][None]
        return lambda queries: one(queries) if len(queries) == 1 else index.search_batched_parallel(queries, **settings)[0]

    return at, [leaves // share for share in (100, 66, 50, 40, 31, 25, 20, 12, 8)]


def faiss_ivf():
    import faiss

    faiss.omp_set_num_threads(cores)
    lists = 2 ** int(np.log2(1.8 * len(base) ** 0.5))
    index = faiss.index_factory(dim, f"IVF{lists},PQ{dim // 2}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.train(base[: min(len(base), 200_000)])
    index.add(base)

    def at(effort):
        inner = faiss.SearchParametersIVF(nprobe=effort)
        settings = faiss.IndexRefineSearchParameters(k_factor=reordered / k, base_index_params=inner)
        return lambda queries: index.search(queries, k, params=settings)[1]

    return at, [lists // share for share in (128, 64, 48, 32, 24, 16, 12, 8)]


def hnswlib_graph():
    import hnswlib

    index = hnswlib.Index("ip", dim)
    index.init_index(len(base), M=16, ef_construction=200)
    index.set_num_threads(cores)
    index.add_items(base)

    def at(effort):
        index.set_ef(effort)
        return lambda queries: index.knn_query(queries, k)[0]

    return at, [k, 2 * k, 3 * k, 4 * k, 6 * k, 8 * k, 12 * k]


def usearch_graph():
    from usearch.index import Index

    index = Index(ndim=dim, metric="ip", dtype="f32")
    index.add(np.arange(len(base)), base, threads=cores)

    def at(effort):
        index.expansion_search = effort
        return lambda queries: index.search(queries, k, threads=cores).keys.reshape(-1, k)

    return at, [k, 2 * k, 3 * k, 4 * k, 6 * k, 8 * k, 12 * k]


def recall_of(found):
    right = np.load(truth)[: len(found)]
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found[: len(right)], right)]))


exact = {"faiss-flat": faiss_flat, "numpy": numpy_matmul, "usearch": usearch_exact, "scann-int8": scann_int8}
approximate = {"scann-tree": scann_tree, "faiss-ivf": faiss_ivf, "hnswlib": hnswlib_graph, "usearch-hnsw": usearch_graph}

if name == "truth":
    np.save(truth, faiss_flat()[0](asked))
    sys.exit()
started = time.perf_counter()
search, batch = exact[name]() if name in exact else approximate[name]()
build = time.perf_counter() - started
if name in approximate:
    at, efforts = search, batch
    for effort in dict.fromkeys(max(1, effort) for effort in efforts):
        search, batch = at(effort), len(asked)
        recall = recall_of(np.asarray(search(asked)).astype(np.int64))
        print(f"  effort {effort}: recall {recall:.4f}", file=sys.stderr)
        if recall >= wanted:
            break
search(asked[:8])
queries = asked[:batch]
started = time.perf_counter()
found = np.asarray(search(queries)).astype(np.int64)
seconds = time.perf_counter() - started
times = []
for query in range(min(singles if name in approximate else 50, len(asked))):
    started = time.perf_counter()
    search(asked[query : query + 1])
    times.append(1e3 * (time.perf_counter() - started))
print(
    json.dumps(
        {
            "build_s": build,
            "batch_qps": len(queries) / seconds,
            "single_ms_p50": float(np.percentile(times, 50)),
            "single_ms_p99": float(np.percentile(times, 99)),
            "recall": recall_of(found),
        }
    )
)
