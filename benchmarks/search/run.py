"""Search beside other engines, on the same vectors in the same run, on all cores.

    python3 benchmarks/search/run.py [--rows 1281167] [--dim 384] [--queries 1000] [-k 100] [--rounds 3]
                                     [--recall 0.985] [--engines NAME...]

Makes a virtual environment and the vectors under target/benchmarks (some gigabytes), builds vismem, runs every engine in
a process of its own, in turn, as often as --rounds says, and prints medians and ratios: exact engines beside vismem's
exact search, approximate ones beside its partitioned search. Rows that vismem loses are printed like the others.

Approximate engines are set to an effort of about the recall that is asked for; what they reach is printed. vismem finds
its effort by itself, on vectors of the base, never on the queries. Recall is against exact search in f32 by faiss (or, for
exact vismem, by itself bit for bit without codes), so 1 means the same sets of neighbours but for ties and rounding.
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
EXACT = ["vismem-exact", "faiss-flat", "numpy", "usearch", "scann-int8"]
APPROXIMATE = ["vismem-partitioned", "scann-tree", "faiss-ivf", "hnswlib", "usearch-hnsw"]
# A graph of a million vectors takes the better part of an hour to build; ask for it by name.
USUAL = [name for name in EXACT + APPROXIMATE if not name.endswith(("hnswlib", "hnsw"))]
PACKAGES = ["numpy", "faiss-cpu", "usearch", "scann", "hnswlib"]


def set_up():
    if not PYTHON.exists():
        venv.create(CACHE / "venv", with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    build = ["cargo", "build", "--release", "--locked", "-p", "vismem-search", "--example", "measure"]
    subprocess.run(build, cwd=REPOSITORY, check=True)


def environment():
    """Each engine chooses its own kernels and threads."""
    drop = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}
    return {key: value for key, value in os.environ.items() if key not in drop}


def run(command):
    """The JSON object that the command prints last, with its peak memory in GiB."""
    script = (
        "import json, resource, subprocess, sys\n"
        "out = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(json.dumps(json.loads(out.strip().splitlines()[-1]) | {'peak_gib': peak / 2**20}))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script, *map(str, command)], check=True, stdout=subprocess.PIPE, text=True, env=environment()
    )
    return json.loads(output.stdout)


def recall(folder, name, k):
    """Of vismem's neighbours, how many are those of exact search."""
    script = (
        "import sys, numpy as np; folder, name, k = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"
        "ours = np.fromfile(f'{folder}/{name}.u32', '<u4').reshape(-1, k)\n"
        "theirs = np.load(f'{folder}/truth-{k}.npy')\n"
        "print(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(ours, theirs)]))\n"
    )
    return float(subprocess.check_output([PYTHON, "-c", script, str(folder), name, str(k)], text=True))


def table(names, ours, results):
    middle = lambda name, key: statistics.median(result[key] for result in results[name])
    print("| engine | build s | queries/s | one query, median ms | 99th percentile ms | recall | peak GiB | batch: vismem / it | one: it / vismem | build: it / vismem |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        ratios = "| | | |"
        if ours in results:
            batch = middle(ours, "batch_qps") / middle(name, "batch_qps")
            one = middle(name, "single_ms_p50") / middle(ours, "single_ms_p50")
            build = middle(name, "build_s") / middle(ours, "build_s")
            ratios = f"| {batch:.2f} | {one:.2f} | {build:.1f} |"
        print(
            f"| {name} | {middle(name, 'build_s'):.1f} | {middle(name, 'batch_qps'):.0f} | {middle(name, 'single_ms_p50'):.2f} "
            f"| {middle(name, 'single_ms_p99'):.2f} | {results[name][-1]['recall']:.4f} | {middle(name, 'peak_gib'):.1f} {ratios}"
        )
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_281_167)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("-k", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recall", type=float, default=0.985)
    parser.add_argument("--engines", nargs="*", default=USUAL, choices=EXACT + APPROXIMATE)
    options = parser.parse_args()
    set_up()
    folder = CACHE / f"vectors-{options.rows}x{options.dim}-{options.queries}"
    here = Path(__file__).parent
    if not (folder / "query.f32").exists():
        shape = [options.rows, options.dim, options.queries]
        subprocess.run([PYTHON, here / "vectors.py", folder, *map(str, shape)], check=True, env=environment())

    measure = REPOSITORY / "target/release/examples/measure"
    shape = [folder, options.dim, options.k]
    if not (folder / f"truth-{options.k}.npy").exists():
        subprocess.run([PYTHON, here / "peer.py", "truth", *map(str, shape), "1"], check=True, env=environment())
    commands = {}
    for name in options.engines:
        mode = name.removeprefix("vismem-")
        ours = [measure, mode, *shape, *([options.recall] if mode == "partitioned" else [])]
        commands[name] = ours if mode != name else [PYTHON, here / "peer.py", name, *shape, options.recall]
    results = {name: [] for name in commands}
    for round in range(options.rounds):
        for name, command in commands.items():
            print(f"round {round + 1}: {name}", file=sys.stderr)
            result = run(command)
            if name.startswith("vismem-"):
                result["recall"] = recall(folder, name, options.k)
            print(f"  {result}", file=sys.stderr)
            results[name].append(result)

    print(f"\n{options.rows:,} x {options.dim}, {options.queries} queries, k = {options.k}, {os.cpu_count()} cores\n")
    for kind, ours in ((EXACT, "vismem-exact"), (APPROXIMATE, "vismem-partitioned")):
        names = [name for name in kind if name in results]
        if names:
            table(names, ours, results)


if __name__ == "__main__":
    main()
