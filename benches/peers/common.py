"""What the peers' scripts share: options, threads, timing, the lines that they print.

Call `options` before a numeric library is imported: thread counts are read from the environment then. A case has the name that
`benches/steps.rs` gives it, and is timed the same way: microseconds a step, the median of blocks.
"""
import argparse
import json
import os
import statistics
import time

SIZES = [(784, 256), (256, 784)]


def options(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("threads", type=int, nargs="?", default=2)
    parser.add_argument("part", nargs="?", default="", help="a part of the names of the cases to run")
    parser.add_argument("--variant", choices=variants, default=variants[0])
    chosen = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(chosen.threads)
    if chosen.threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return chosen


class Cases:
    """Runs the cases whose names contain `part`."""

    def __init__(self, peer, chosen):
        self.peer, self.chosen = peer, chosen

    def wants(self, case):
        return self.chosen.part in case

    def report(self, case, step, wait=lambda: None, per_call=1):
        """Times `step`, which makes `per_call` steps; `wait` returns when all are done. The first call is reported apart."""
        start = time.perf_counter()
        step()
        wait()
        first = time.perf_counter() - start
        blocks, work = [], []
        for _ in range(12):
            start, spent, count = time.perf_counter(), time.process_time(), 0
            while count == 0 or time.perf_counter() - start < 0.15:
                step()
                count += per_call
            wait()
            blocks.append((time.perf_counter() - start) / count * 1e6)
            work.append((time.process_time() - spent) / count * 1e6)
        print(json.dumps({"peer": self.peer, "case": case, "threads": self.chosen.threads,
                          "us": round(statistics.median(blocks), 1), "best_us": round(min(blocks), 1),
                          "processor_us": round(min(work), 1), "first_ms": round(first * 1e3, 1)}), flush=True)
