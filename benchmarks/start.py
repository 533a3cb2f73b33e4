"""From ``yarnml run`` to the first update: the whole command, and where the time goes."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.measure import spread
from benchmarks.workloads import SMALL, job

ROUNDS = 5


def main(rounds: int = ROUNDS) -> None:
    """From ``yarnml run`` to the first update, by its parts."""
    print("start: seconds from the begin of the job to …, two workers")
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, seconds in _once().items():
            taken.setdefault(name, []).append(seconds)
    for name, values in taken.items():
        print(f"  {name:44} {spread(values, ' s')}")


def _once() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        spec = job(SMALL, Path(folder))
        spec["training"] = {"epochs": 1, "batch_size": SMALL.batch}
        path = Path(folder) / "job.yaml"
        path.write_text(yaml.safe_dump(spec))
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "yarnml", "run", path], check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - start
        outcome = json.loads((Path(folder) / "job" / "outcome.json").read_text())["seconds"]
    return {
        "the command's own imports, and its end": whole - outcome["total"],
        "… data planned": outcome["until_planned"],
        "… workers started and joined": outcome["until_joined"],
        "… JAX imported, learner built": outcome["until_built"],
        "… first read, compiled, first update": outcome["until_updated"],
        "the whole command (100 steps)": whole,
    }
