"""The seconds of a step that `yarnml run JOB.yaml --trial` expects, beside those that it takes."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.workloads import LARGE, SMALL, Workload, job

PHASES = ("read", "compute", "exchange", "wait", "update")

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


def main(only: str = "", epochs: int = 3) -> None:
    """Steps of small and large networks: the seconds that a plan expects of them, and those that they take."""
    print("plan: milliseconds of a step by local workers, expected by a trial and in a whole job")
    print(f"  {'':40} {'expected':>10} {'taken':>10} {'expected / taken':>18}")
    for name, (workload, workers, fields) in CASES.items():
        if only in name:
            expected, taken = result(workload, workers, {"epochs": epochs, "batch_size": workload.batch, **fields})
            figures = f"{1000 * expected:>10.3g} {1000 * taken:>10.3g} {expected / taken:>18.2f}"
            print(f"  {name:40} {figures}", flush=True)


def result(workload: Workload, workers: int, training: dict[str, Any]) -> tuple[float, float]:
    """Seconds of a step, as they are expected and as they are."""
    import yarnml
    from yarnml.clusters.trial import expect
    from yarnml.job.load import load_job
    from yarnml.master.preflight import look_ahead

    with tempfile.TemporaryDirectory() as folder:
        document = job(workload, Path(folder), training=training, workers={"count": workers})
        expected = expect(look_ahead(load_job(document)), 0.0).costs.step
        outcome = yarnml.run(document)
    return expected, sum(outcome.seconds.get(phase, 0.0) for phase in PHASES) / outcome.step
