"""The parts of the check, each on its own: ``python -m benchmarks.gpu.check RESULT.json [--cpu]``.

A part that fails says why in the result, and the others go on.  ``--cpu`` tries the command itself, in small, where
there is no GPU.  This process never imports JAX: the device belongs to the processes that it starts.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yarnml
from benchmarks.gpu import jobs
from benchmarks.gpu.jobs import FULL, SMALL, Size
from benchmarks.gpu.trace import copies_per_step
from benchmarks.peers.process import Peer, Running
from benchmarks.step import Engine
from yarnml.clusters.local import open_crew
from yarnml.job.load import load_job
from yarnml.worker.library_variables import device_variables

SECONDS = 450.0
"""No part begins after so long."""

ROUNDS = 5
SHARED = {"CUDA_VISIBLE_DEVICES": "0", "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.4"}
"""Variables of two processes on one device: JAX takes most of its memory otherwise."""

Part = Callable[[], dict[str, Any]]


class Check:
    """The parts, in one folder, with so many GPUs: one, or none for a trial."""

    def __init__(self, folder: Path, size: Size, gpus: int) -> None:
        self._folder = folder
        self._size = size
        self._gpus = gpus

    @property
    def parts(self) -> dict[str, Part]:
        return {
            "machine": self.machine,
            "digits": self.digits,
            "same_bits": self.same_bits,
            "copies": self.copies,
            "large": lambda: self.speed(jobs.large(self._folder, self._size, self._gpus)),
            "transformer": lambda: self.speed(jobs.transformer(self._folder, self._size, self._gpus)),
            "export": self.export,
        }

    def machine(self) -> dict[str, Any]:
        """Devices and versions as a worker's process sees them."""
        code = (
            "import jax, json, sys; print(json.dumps({'devices': [str(d) for d in jax.devices()], "
            "'kind': jax.devices()[0].device_kind, 'jax': jax.__version__, 'python': sys.version.split()[0]}))"
        )
        return dict(json.loads(self._python(code, self._variables())))

    def digits(self) -> dict[str, Any]:
        """Accuracy of an MLP and of a CNN, in float32 and bfloat16.  A job with GPUs ends where JAX sees none."""
        cnn = {"kind": "cnn", "channels": [16, 32], "normalization": "batch"}
        shape = {"shape": [8, 8, 1]}
        rounded = {"kind": "mlp", "hidden": [256, 128], "precision": "bfloat16"}
        results = {
            "mlp": self._train("mlp"),
            "cnn": self._train("cnn", learner=cnn, data=shape),
            "cnn bfloat16": self._train("cnn-16", learner=cnn | {"precision": "bfloat16"}, data=shape),
            "mlp bfloat16": self._train("mlp-16", learner=rounded, training={"gradients": "bfloat16"}),
        }
        return {name: round(outcome.metrics["test"]["accuracy"], 4) for name, outcome in results.items()}

    def same_bits(self) -> dict[str, Any]:
        """Digests of one training run twice, and by two workers that share the device."""
        shared = {"variables": SHARED} if self._gpus else {}
        outcomes = {
            "first": self._train("first"),
            "second": self._train("second"),
            "two workers": self._train("two", workers={"count": 2}, environment=shared),
        }
        digests = {name: _digest(outcome.export) for name, outcome in outcomes.items()}
        return {"same": len(set(digests.values())) == 1, "digests": digests}

    def copies(self) -> dict[str, Any]:
        """Copies between host and device in a step of the digits, from JAX's own trace."""
        outcome = self._train("traced", profile=True)
        (trace,) = (self._folder / "traced" / "job").rglob("*.trace.json.gz")
        return {"per step": copies_per_step(trace, outcome.step)}

    def speed(self, document: dict[str, Any]) -> dict[str, Any]:
        """Rows per second of a job that reads Parquet, beside a loop over rows on the device; blocks in turn."""
        name = document["name"]
        spec = load_job(document | ({"environment": {"variables": SHARED}} if self._gpus else {}))
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(document))
        peer = Peer("gpu", [str(path), str(self._size.steps)], variables=self._variables() | SHARED)
        rows = self._size.steps * document["training"]["batch_size"]
        loop = Running(peer if self._gpus else peer._replace(variables={}))
        try:
            with open_crew(spec, str(self._folder / name), lambda event: None) as crew:
                engine = Engine(crew, spec, self._size.steps)
                pairs = [(loop()["seconds"], engine()) for _ in range(ROUNDS)]
                phases = engine.reports[0].seconds
        finally:
            loop.close()
        return {
            "rows per second": [round(rows / statistics.median(seconds)) for seconds in zip(*pairs, strict=True)],
            "ratio to the loop": round(statistics.median(limit / own for limit, own in pairs), 3),
            "milliseconds of a step": {phase: round(1e3 * s / self._size.steps, 3) for phase, s in phases.items()},
        }

    def export(self) -> dict[str, Any]:
        """The largest difference between probabilities of the first model on the device and on the CPU."""
        code = (
            "import json, sys, numpy as np, pyarrow.parquet as pq, yarnml; "
            f"rows = pq.read_table({str(self._folder / 'digits' / 'test')!r}); "
            f"model = yarnml.load_model({str(self._folder / 'first' / 'models')!r}); "
            "print(json.dumps(np.asarray(model.predict_proba({'pixels': rows['pixels']})).tolist()))"
        )
        own = json.loads(self._python(code, self._variables()))
        cpu = json.loads(self._python(code, device_variables(0, 0)))
        pairs = [(a, b) for left, right in zip(own, cpu, strict=True) for a, b in zip(left, right, strict=True)]
        return {"rows": len(own), "largest difference": max(abs(a - b) for a, b in pairs)}

    def _train(self, name: str, **sections: Any) -> Any:
        document = jobs.digits_job(self._folder, name, self._size, self._gpus, **sections)
        return yarnml.run(document, restart=True)

    def _variables(self) -> dict[str, str]:
        """The variables of a worker's process, where it has a GPU without `JAX_PLATFORMS`, so that JAX looks for it."""
        return device_variables(self._gpus, 0) | ({"JAX_PLATFORMS": ""} if self._gpus else {})

    def _python(self, code: str, variables: dict[str, str]) -> str:
        """The output of a program of its own, so that its device is free afterwards."""
        line = [sys.executable, "-c", code]
        ran = subprocess.run(line, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False)
        if ran.returncode:
            raise RuntimeError(ran.stderr[-2000:])
        return ran.stdout


def _digest(version: str) -> str:
    return hashlib.sha256((Path(version) / "model.safetensors").read_bytes()).hexdigest()


def main(result: str, mode: str = "") -> int:
    """Run all parts and write the result; 1 where one failed."""
    began = time.monotonic()
    answers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder:
        check = Check(Path(folder), SMALL if mode == "--cpu" else FULL, 0 if mode == "--cpu" else 1)
        for name, part in check.parts.items():
            start = time.monotonic()
            if start - began > SECONDS:
                answers[name] = {"failed": f"not begun: {SECONDS:.0f} s were over"}
                continue
            try:
                answers[name] = part()
            except Exception as exc:  # whatever it is, the other parts are of use
                answers[name] = {"failed": f"{type(exc).__name__}: {exc}", "where": traceback.format_exc()[-1500:]}
            answers[name]["seconds"] = round(time.monotonic() - start, 1)
            print(json.dumps({name: answers[name]}), flush=True)
            Path(result).write_text(json.dumps(answers, indent=2))
    return int(any("failed" in answer for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
