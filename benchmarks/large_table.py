"""Tables that are large: so many keys trained in this process, and what larger ones cost on many workers, counted."""

import resource
import time

import numpy as np
import psutil

from benchmarks.measure import align
from yarnml.job.learners import SparseLinear
from yarnml.sparse.block import Block
from yarnml.sparse.room import most_bytes, row_bytes, table_bytes
from yarnml.sparse.rules import rule_of
from yarnml.sparse.run import Run
from yarnml.sparse.table import Table

STEP_KEYS = 2_000_000
"""Keys of one step here."""

LINK_BYTES_A_SECOND = 10e9 / 8  # 10 GbE
LARGEST_KEYS = 1_000_000_000
OWNERS = (8, 32, 128, 1000)
ROWS = 4096
DISTINCT_KEYS = 22_000  # of so many of Criteo's rows, and for each worker


def main(keys: int) -> None:
    """A table of so many keys, all of them updated by FTRL, each once new; then larger ones by arithmetic."""
    options = SparseLinear()
    row = row_bytes(options, 1)
    needed = 2 * most_bytes(keys, row)  # arrays are there twice while they grow
    free = psutil.virtual_memory().available
    if needed > free:
        print(
            f" a table of {keys:,} keys is left out: it may take {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are free"
        )
    else:
        _train(keys, options)
    print(f" {LARGEST_KEYS:,} keys of sparse_linear on 1,000 workers, {ROWS:,} rows each a step, by arithmetic")
    lines = [["owners", "GiB of an owner with its follower's part", "MB in of an owner a step", "ms of 10 GbE"]]
    # A worker asks with 8 bytes a key and sends 12; the owner answers with 4, and gets its followed part's sums, too.
    asked = 1000 * DISTINCT_KEYS
    for owners in OWNERS:
        memory = 2 * table_bytes(LARGEST_KEYS // owners, row) / 2**30
        received = asked * (8 + 12) / owners
        cells = [f"{owners:,}", f"{memory:.1f}", f"{received / 1e6:.1f}"]
        lines.append([*cells, f"{1e3 * received / LINK_BYTES_A_SECOND:.1f}"])
    align(lines)


def _train(keys: int, options: SparseLinear) -> None:
    table = Table([Block("weight", 1, rule_of(options.optimizer))])
    ones = np.ones((STEP_KEYS, 1), np.float32)
    seconds = [0.0, 0.0]
    for epoch in range(2):
        for step in range(keys // STEP_KEYS):
            run = Run(np.sort(np.random.default_rng(step).integers(0, 2**64, STEP_KEYS, np.uint64)), ones)
            begun = time.process_time()
            table.update(run)
            seconds[epoch] += time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    new, known = (1e9 * s / keys for s in seconds)
    print(
        f" a table of {len(table):,} keys: {table.nbytes / len(table):.0f} bytes for each, at most {peak:.1f} GiB "
        f"in the process; CPU ns of a new key {new:.0f}, of one that has a row {known:.0f}"
    )
