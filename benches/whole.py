"""A whole process from start to exit: one epoch of 60,000 images through the auto-encoder, minibatches of 64, Adam. Ours reads the images from
a file, checks, plans, trains, and writes weights, log and networks; the peer makes its images in memory and prints the loss.

    JAX_PYTHON=.../python python benches/whole.py target/release/nnlc [rounds]

Prints seconds and the peak of resident memory of each round, in turn, and the medians.
"""
import os
import pathlib
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent.resolve()
SAMPLES = 60_000


def run(command, folder):
    """Seconds, and mebibytes of resident memory at most."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def main():
    nnlc = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    commands = {"nnlc": [str(nnlc), "run", "whole.nn", "--threads", "2"]}
    if "JAX_PYTHON" in os.environ:
        commands["jax jit"] = [os.environ["JAX_PYTHON"], str(HERE / "peers" / "jax_whole.py")]
    found = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "programs" / "whole.nn", folder)
        with open(pathlib.Path(folder) / "images.idx", "wb") as images:
            images.write(struct.pack(">IIII", 0x803, SAMPLES, 28, 28))
            images.write(random.Random(1).randbytes(SAMPLES * 784))
        for _ in range(rounds):
            for name, command in commands.items():
                seconds, mebibytes = run(command, folder)
                found[name].append((seconds, mebibytes))
                print(f"{name}: {seconds:.2f} s, {mebibytes:.0f} MiB", flush=True)
    for name, values in found.items():
        seconds, mebibytes = (statistics.median(column) for column in zip(*values))
        print(f"{name}, median: {seconds:.2f} s, {mebibytes:.0f} MiB")


main()
