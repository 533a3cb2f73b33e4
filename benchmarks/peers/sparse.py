"""Logistic regression on keys by others: ``WAY ROWS PASSES``, by FTRL-proximal, row by row.

The answer: seconds of one pass over rows that are in memory, or in a cache of the program's own, and the area under the
ROC curve on the test file.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import clicks
from benchmarks.boosting import auc
from benchmarks.clicks import Clicks, Values
from benchmarks.peers.process import Answer, serve

BITS = 22
ALPHA = 0.1
BETA = 1.0


def by_loop(table: Clicks, passes: int) -> Answer:
    """A loop that numba compiles, over keys in memory; one thread."""
    import numba

    @numba.njit
    def train(keys: Any, y: Any, z: Any, n: Any) -> None:
        weights = np.empty(keys.shape[1], np.float32)
        for row in range(len(y)):
            score = np.float32(0)
            for j in range(keys.shape[1]):
                key = keys[row, j]
                weights[j] = -z[key] / ((np.float32(BETA) + np.sqrt(n[key])) / np.float32(ALPHA))
                score += weights[j]
            slope = np.float32(1) / (np.float32(1) + np.exp(-score)) - y[row]
            square = slope * slope
            for j in range(keys.shape[1]):
                key = keys[row, j]
                root = np.sqrt(n[key])
                n[key] += square
                z[key] += slope - (np.sqrt(n[key]) - root) / np.float32(ALPHA) * weights[j]

    keys, y = _keys(table.folder / "train")
    z, n = np.zeros((2, 1 << BITS), np.float32)
    train(keys[:0], y[:0], z, n)
    begun = time.perf_counter()
    for _ in range(passes):
        train(keys, y, z, n)
    seconds = (time.perf_counter() - begun) / passes
    keys, y = _keys(table.folder / "test")
    weights = -z / ((np.float32(BETA) + np.sqrt(n)) / np.float32(ALPHA))
    return {"seconds": seconds, "auc": auc(y, weights[keys].sum(axis=1))}


def _keys(folder: Path) -> tuple[Any, Any]:
    """[rows, columns] uint32, and labels as float32."""
    parts = [(clicks.hashed(values) >> np.uint64(64 - BITS), label) for values, label in clicks.read(folder)]
    keys, labels = zip(*parts, strict=True)
    return np.concatenate(keys).astype(np.uint32), np.concatenate(labels).astype(np.float32)


def by_vw(table: Clicks, passes: int) -> Answer:
    """Vowpal Wabbit from its cache; a thread that reads, and one that learns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = {part: _write_text(table.folder / part, folder / part) for part in ("train", "test")}
        cache = ["-d", str(folder / "train"), "--cache_file", str(folder / "cache")]
        _vw("-k", "--noop", *cache)
        learn = ["--ftrl", "--ftrl_alpha", str(ALPHA), "--ftrl_beta", str(BETA), "--loss_function", "logistic"]
        learn += ["-f", str(folder / "model")]
        start = _vw("-d", "/dev/null", *learn)
        seconds = (_vw(*cache, "--passes", str(passes), "--holdout_off", *learn) - start) / passes
        _vw("-t", "-d", str(folder / "test"), "-i", str(folder / "model"), "-p", str(folder / "scores"))
        return {"seconds": seconds, "auc": auc(labels["test"], np.loadtxt(folder / "scores"))}


def _vw(*arguments: str) -> float:
    """Run Vowpal Wabbit; returns its seconds."""
    size = [] if "-t" in arguments else ["-b", str(BITS)]
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "vowpalwabbit", "--quiet", *size, *arguments], check=True)
    return time.perf_counter() - begun


def _write_text(source: Path, target: Path) -> Values:
    """Write rows in Vowpal Wabbit's format; returns their labels."""
    labels = []
    with target.open("wb") as file:
        for values, label in clicks.read(source):
            columns = [pa.array(np.where(label > 0, "1 |", "-1 |"))]
            columns += [
                pc.binary_join_element_wise(f"c{c}", pa.array(column).cast(pa.string()), "_")
                for c, column in enumerate(values.T)
            ]
            file.write("\n".join(pc.binary_join_element_wise(*columns, " ").to_pylist()).encode() + b"\n")
            labels.append(label)
    return np.concatenate(labels)


WAYS = {"loop": by_loop, "vw": by_vw}


def main() -> None:
    way, rows, passes = sys.argv[1:]
    serve(lambda: WAYS[way](Clicks(int(rows)), int(passes)))


if __name__ == "__main__":
    main()
