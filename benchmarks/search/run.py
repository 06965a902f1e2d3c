"""Exact search beside other engines, on the same vectors in the same run, on all cores.

    python3 benchmarks/search/run.py [--rows 1281167] [--dim 384] [--queries 1000] [-k 100] [--rounds 3]

Makes a virtual environment and the vectors under target/benchmarks (some gigabytes), builds vismem, runs every engine in
a process of its own, in turn, as often as --rounds says, and prints medians and ratios. Rows that vismem loses are
printed like the others. Recall is against faiss' flat index in f32, so 1 means the same sets of neighbours but for
ties and rounding; vismem compares its own answers with its plain form, bit for bit, and stops if they differ.
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
PEERS = ["faiss-flat", "numpy", "usearch", "scann-int8"]
PACKAGES = ["numpy", "faiss-cpu", "usearch", "scann"]


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


def recall(folder, k):
    """Of vismem's neighbours, how many are faiss' too."""
    script = (
        "import sys, numpy as np; folder, k = sys.argv[1], int(sys.argv[2])\n"
        "ours = np.fromfile(folder + '/vismem.u32', '<u4').reshape(-1, k)\n"
        "theirs = np.load(f'{folder}/faiss-{k}.npy')\n"
        "print(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(ours, theirs)]))\n"
    )
    return float(subprocess.check_output([PYTHON, "-c", script, str(folder), str(k)], text=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_281_167)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("-k", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    options = parser.parse_args()
    set_up()
    folder = CACHE / f"vectors-{options.rows}x{options.dim}-{options.queries}"
    here = Path(__file__).parent
    if not (folder / "query.f32").exists():
        shape = [options.rows, options.dim, options.queries]
        subprocess.run([PYTHON, here / "vectors.py", folder, *map(str, shape)], check=True, env=environment())

    ours = [REPOSITORY / "target/release/examples/measure", folder, options.dim, options.k]
    commands = {"vismem": ours}
    for peer in options.peers:
        commands[peer] = [PYTHON, here / "peer.py", peer, folder, options.dim, options.k]
    results = {name: [] for name in commands}
    for round in range(options.rounds):
        for name, command in commands.items():
            print(f"round {round + 1}: {name}", file=sys.stderr)
            results[name].append(run(command))

    print(f"\n{options.rows:,} x {options.dim}, {options.queries} queries, k = {options.k}, {os.cpu_count()} cores\n")
    print("| engine | build s | queries/s | one query, median ms | 99th percentile ms | recall | peak GiB | batch: vismem / it | one: it / vismem |")
    print("|---|---|---|---|---|---|---|---|---|")
    middle = lambda name, key: statistics.median(result[key] for result in results[name])
    for name in commands:
        share = results[name][-1].get("recall")
        if name == "vismem":
            share = recall(folder, options.k) if "faiss-flat" in results else float("nan")
        batch = middle("vismem", "batch_qps") / middle(name, "batch_qps")
        one = middle(name, "single_ms_p50") / middle("vismem", "single_ms_p50")
        print(
            f"| {name} | {middle(name, 'build_s'):.1f} | {middle(name, 'batch_qps'):.0f} | {middle(name, 'single_ms_p50'):.2f} "
            f"| {middle(name, 'single_ms_p99'):.2f} | {share:.4f} | {middle(name, 'peak_gib'):.1f} | {batch:.1f} | {one:.1f} |"
        )
    print(f"\nvismem without codes: {middle('vismem', 'plain_qps'):.1f} queries/s")


if __name__ == "__main__":
    main()
