#!/usr/bin/env python3
"""Pictures per second from files to embeddings: `vismem add` against the same work in Python, on this machine.

    python3 benchmarks/encode/run.py [FOLDER] [--rounds N] [--model vit-s14]

FOLDER holds pictures, in one folder per label. Without it, 1,000 pictures are drawn. Needs cargo and Python 3.9 or newer;
onnxruntime, pillow and numpy are installed into target/benchmark-encode. Every round runs every row once, in turn
forwards and backwards, from an empty memory, and times the whole command, so starting up and loading the model count
for all. A row's ratio is the median over the rounds of its speed by that of the first row in the same round.
With --model vit-s14 the model is a DINOv2 ViT-S/14 with random weights instead of the built-in one, in f32 and in int8, and
PyTorch with transformers is the first row; torch, transformers and onnx are installed as well.
On Linux a run during which other programs took more than 5 % of the processor is repeated once they are quiet.
"""
import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / "target" / "benchmark-encode"
VENV = CACHE / "venv"
PYTHON = VENV / "bin" / "python"
MODEL = ROOT / "models" / "efficientnet-lite0-w8.onnx"
VIT = CACHE / "vit-s14"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
DRAWN = 1000
DISTURBED = 0.05
PATIENCE = 20


def check_call(*command):
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def prepare(folder, model):
    """Returns the folder of pictures and the folder of programs."""
    if model == "vit-s14" and not (VENV / "ready-torch").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        check_call(sys.executable, "-m", "venv", VENV)
        packages = ["onnxruntime", "pillow", "numpy", "torch", "transformers", "onnx"]
        check_call(PYTHON, "-m", "pip", "install", "--quiet", *packages)
        (VENV / "ready").touch()
        (VENV / "ready-torch").touch()
    if model == "vit-s14" and not (VIT / "onnx" / "model_int8.onnx").exists():
        check_call(PYTHON, HERE / "make_vit.py", VIT)
    if not (VENV / "ready").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        check_call(sys.executable, "-m", "venv", VENV)
        check_call(PYTHON, "-m", "pip", "install", "--quiet", "onnxruntime", "pillow", "numpy")
        (VENV / "ready").touch()
    check_call("cargo", "build", "--release")
    if folder is None:
        folder = CACHE / "pictures"
        if len(list(folder.rglob("*.jpg"))) != DRAWN:
            shutil.rmtree(folder, ignore_errors=True)
            check_call(PYTHON, HERE / "draw_pictures.py", folder, DRAWN)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(folder).resolve(), ROOT / target / "release"


def rows(folder, release, model):
    """Name, command, and whether its output ends in the number of pictures and bytes of memory."""
    peer = [PYTHON, HERE / "python_pipeline.py"]
    memory, out = CACHE / "memory.vismem", CACHE / "embeddings.npz"
    add = [release / "vismem", "-m", memory, "add", folder, "--format", "json"]

    def of(onnx, kind, family, encoder):
        return [
            (f"Python, one process{kind}", [*peer, "one", onnx, folder, out, *family], True),
            (f"Python, PIL in worker processes{kind}", [*peer, "workers", onnx, folder, out, *family], True),
            (f"Python, all in a process per core{kind}", [*peer, "shards", onnx, folder, out, *family], True),
            (f"vismem add, ONNX Runtime{kind}", [*add, *encoder, "--runtime", "onnxruntime"], False),
            (f"vismem add, rten{kind}", [*add, *encoder, "--runtime", "rten"], False),
        ]

    if model != "vit-s14":
        return of(MODEL, "", [], [])
    int8 = VIT / "onnx" / "model_int8.onnx"
    return [
        ("PyTorch, DataLoader", [PYTHON, HERE / "torch_pipeline.py", VIT, folder, out], True),
        *of(VIT / "onnx" / "model.onnx", "", ["vit"], ["--encoder", VIT]),
        # The fastest of Python's three, and both of vismem.
        *of(int8, ", int8", ["vit"], ["--encoder", int8])[2:],
    ]


def busy_seconds():
    """Processor time that all programs took since the start of the machine, or `None` where that is not told."""
    try:
        user, nice, system, _, _, irq, softirq, steal = map(int, open("/proc/stat").readline().split()[1:9])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def wait_until_quiet():
    while (before := busy_seconds()) is not None:
        time.sleep(2)
        if busy_seconds() - before < 2 * CORES * DISTURBED:
            return


def run(name, command, reports):
    """`run_once`, again until nothing disturbed it."""
    for _ in range(PATIENCE):
        wait_until_quiet()
        before = busy_seconds()
        *result, own, seconds = run_once(command, reports)
        if before is None or busy_seconds() - before - own < seconds * CORES * DISTURBED:
            return result
        print(f"{name}: disturbed by other programs, once more", file=sys.stderr)
    sys.exit("this machine does not become quiet; stop the other programs")


def run_once(command, reports):
    """Seconds, peak memory in bytes, the number of pictures if the command reports it, its processor time, seconds."""
    shutil.rmtree(CACHE / "memory.vismem", ignore_errors=True)
    # So that vismem finds the same ONNX Runtime that Python uses.
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    environment.pop("ORT_DYLIB_PATH", None)
    output = CACHE / "output.txt"
    with open(output, "w") as file:
        start = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=file, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text()
    # 1: some pictures could not be read, which is no reason to stop.
    if child.returncode not in (0, 1) or (reports and child.returncode):
        sys.exit(f"{command} ended with {child.returncode}:\n{text[-2000:]}")
    own = usage.ru_utime + usage.ru_stime
    if reports:
        count, memory = text.split()[-2:]
        return seconds, int(memory), int(count), own, seconds
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit, None, own, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", choices=["efficientnet-lite0", "vit-s14"], default="efficientnet-lite0")
    options = parser.parse_args()
    folder, release = prepare(options.folder, options.model)
    # Otherwise the first row of the first round alone would wait for the disk.
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()
    table = rows(folder, release, options.model)
    results = {name: [] for name, _, _ in table}
    count = None
    for number in range(options.rounds):
        order = table if number % 2 == 0 else table[::-1]
        for name, command, reports in order:
            seconds, memory, pictures = run(name, command, reports)
            count = pictures or count
            results[name].append((seconds, memory))
            print(f"round {number + 1}: {name}: {seconds:.2f} s", file=sys.stderr)

    print(f"{count} pictures, {options.rounds} rounds, {CORES} cores, {platform.system()} {platform.machine()}\n")
    print("| | pictures/s, median | slowest to fastest | ratio | peak memory, MB |")
    print("|---|---:|---:|---:|---:|")
    base = results[table[0][0]]
    for name, runs in results.items():
        speeds = sorted(count / seconds for seconds, _ in runs)
        ratio = statistics.median(first / mine for (first, _), (mine, _) in zip(base, runs))
        memory = max(memory for _, memory in runs) / 1e6
        print(f"| {name} | {statistics.median(speeds):.1f} | {speeds[0]:.1f} to {speeds[-1]:.1f} | {ratio:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
