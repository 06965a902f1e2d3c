"""Kernel voting beside NumPy (LAPACK), on the same neighbours in the same run, each on one core.

    python3 benchmarks/votes/run.py [--dim 384] [--queries 200] [--rounds 5]

Makes a virtual environment under target/benchmarks, builds vismem's example `kernel_voting`, draws unit vectors that lie
as near to each other as neighbours do, and prints the median milliseconds of a query at several k, from embeddings to
weights: distances in f64, kernel, solution. NumPy computes the same from its definition; that the weights agree to 1e-9 is
checked.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "target" / "benchmarks"
PYTHON = CACHE / "venv" / "bin" / "python"
ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}

PEER = """
import json, sys, time
import numpy as np
file, k, dim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
asked = np.fromfile(file, "<f4").reshape(-1, k + 1, dim)
def vote(vectors):
    vectors = vectors.astype("f8")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query, neighbors = vectors[0], vectors[1:]
    kernel = np.exp(-2 * (1 - neighbors @ neighbors.T))
    kernel[np.diag_indices(k)] += 0.1
    return np.linalg.solve(kernel, np.exp(-2 * (1 - neighbors @ query)))
first = vote(asked[0])
started = time.perf_counter()
for vectors in asked:
    vote(vectors)
print(json.dumps({"ms": (time.perf_counter() - started) * 1e3 / len(asked), "weights": first.tolist()}))
"""

DRAW = """
import sys
import numpy as np
file, queries, k, dim = sys.argv[1], *map(int, sys.argv[2:])
random = np.random.default_rng(0)
center = random.standard_normal((queries, 1, dim), dtype="f4")
vectors = center + random.standard_normal((queries, k + 1, dim), dtype="f4")
(vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype("<f4").tofile(file)
"""


def set_up():
    if not PYTHON.exists():
        venv.create(CACHE / "venv", with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy"], check=True)
    build = ["cargo", "build", "--release", "--locked", "-p", "vismem", "--example", "kernel_voting"]
    subprocess.run(build, cwd=REPOSITORY, check=True)


def run(command):
    drop = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}
    environment = {key: value for key, value in os.environ.items() if key not in drop} | ONE_CORE
    output = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(output.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    set_up()
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{processor}, one core, {options.dim} dimensions; milliseconds of a query, median of {options.rounds} rounds")
    print(f"{'k':>5} {'vismem':>9} {'NumPy':>9} {'ratio':>6}")
    file = CACHE / "neighbors.f32"
    for k in (20, 100, 400, 2000):
        queries = max(2, min(options.queries, options.queries * 100 // k if k > 100 else options.queries))
        subprocess.run([PYTHON, "-c", DRAW, file, str(queries), str(k), str(options.dim)], check=True)
        engines = {
            "vismem": [REPOSITORY / "target" / "release" / "examples" / "kernel_voting"],
            "NumPy": [PYTHON, "-c", PEER],
        }
        times = {name: [] for name in engines}
        for _ in range(options.rounds):
            answers = {name: run([*command, file, k, options.dim]) for name, command in engines.items()}
            apart = max(abs(a - b) for a, b in zip(answers["vismem"]["weights"], answers["NumPy"]["weights"], strict=True))
            if apart > 1e-9:
                sys.exit(f"the weights differ by {apart}")
            for name, answer in answers.items():
                times[name].append(answer["ms"])
        ours, theirs = (statistics.median(times[name]) for name in engines)
        print(f"{k:>5} {ours:>9.3f} {theirs:>9.3f} {theirs / ours:>6.2f}")
    file.unlink()


if __name__ == "__main__":
    main()
