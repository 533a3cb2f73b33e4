"""The seconds of a step that `yarnml run JOB.yaml --trial` expects, beside those that it takes."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import spread
from benchmarks.workloads import LARGE, SMALL, Workload, job
from yarnml.events.events import EpochDone, Event

CASES: dict[str, tuple[Workload, int, dict[str, Any]]] = {
    "small, 1 worker": (SMALL, 1, {}),
    "small, 2 workers": (SMALL, 2, {}),
    "small, 2 workers with 2 shards each": (SMALL, 2, {"shards": 4}),
    "large, 1 worker": (LARGE, 1, {}),
    "large, 2 workers": (LARGE, 2, {}),
    "large, 2 workers, bfloat16": (LARGE, 2, {"gradients": "bfloat16"}),
    "large, 2 workers, int8": (LARGE, 2, {"gradients": "int8"}),
    "large, 2 workers, delay": (LARGE, 2, {"delay": 1}),
}


def main(only: str = "", epochs: int = 3, rounds: int = 1) -> None:
    """Steps of small and large networks: the seconds that a plan expects of them, and those that they take."""
    print("plan: milliseconds of a step by local workers, expected by a trial and in a whole job")
    print(f"  {'':40} {'expected':>24} {'taken':>24} {'expected / taken':>24}")
    for name, (workload, workers, fields) in CASES.items():
        if only in name:
            training = {"epochs": epochs, "batch_size": workload.batch, **fields}
            pairs = [result(workload, workers, training) for _ in range(rounds)]
            columns = [[1000 * expected for expected, _ in pairs], [1000 * taken for _, taken in pairs]]
            columns.append([expected / taken for expected, taken in pairs])
            print(f"  {name:40} {' '.join(f'{spread(column):>24}' for column in columns)}", flush=True)


def result(workload: Workload, workers: int, training: dict[str, Any]) -> tuple[float, float]:
    """Seconds of a step, as they are expected and as they are after the first epoch, which has the compiler in it."""
    import yarnml
    from yarnml.clusters.trial import expect
    from yarnml.job.load import load_job
    from yarnml.master.preflight import look_ahead

    ends: list[tuple[float, int]] = []  # of epochs: when, and after how many steps

    def say(event: Event) -> None:
        if isinstance(event, EpochDone):
            ends.append((time.monotonic(), event.step))

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = {"path": f"{folder}/job", "every": "100 epochs"}
        document = job(workload, Path(folder), training=training, workers={"count": workers}, checkpoint=checkpoint)
        expected = expect(look_ahead(load_job(document)), 0.0).costs.step
        yarnml.run(document, say=say)
    (began, first), *_, (ended, last) = ends
    return expected, (ended - began) / (last - first)
