"""Losses of trainings that exchange less, after equal epochs on real data, with what they sent."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.numpy

from benchmarks.example_data import EXAMPLES, data_of
from benchmarks.measure import align
from yarnml.job.spec import TopK
from yarnml.master.costs import BYTES_OF_A_NUMBER
from yarnml.worker.compression import share_at

SHARDS = 8

NESTEROV = {"kind": "sgd", "learning_rate": 1.0, "momentum": 0.5, "nesterov": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "every step": {},
    "bfloat16": {"gradients": "bfloat16"},
    "int8": {"gradients": "int8"},
    "int4": {"gradients": "int4"},
    "top_k 5 %": {"gradients": "top_k", "top_k": {"share": 0.05}},
    "top_k 1 %": {"gradients": "top_k", "top_k": {"share": 0.01}},
    "top_k 1 %, warm-up": {"gradients": "top_k", "top_k": {"share": 0.01, "warmup_steps": 60}},
    "top_k 0.2 %, warm-up": {"gradients": "top_k", "top_k": {"share": 0.002, "warmup_steps": 60}},
    "4 local steps": {"local_steps": 4},
    "4, Nesterov": {"local_steps": 4, "outer": NESTEROV},
    "16 local steps": {"local_steps": 16},
    "16, Nesterov": {"local_steps": 16, "outer": NESTEROV},
    "delay 1": {"delay": 1},
    "delay 2": {"delay": 2},
    "delay 4": {"delay": 4},
}


BYTES_OF_A_LARGE_NUMBER = 8  # with its key


class Case(NamedTuple):
    """An example's job, with the fields in which it differs here."""

    path: str
    learner: dict[str, Any]
    training: dict[str, Any]
    scale: str = "auto"


ADAM = {"kind": "adam", "learning_rate": 1e-2}
CASES = {
    "digits, mlp": Case("digits/job.yaml", {}, {"epochs": 15, "batch_size": 64}, "standard"),
    "digits, mlp, sgd": Case(
        "digits/job.yaml",
        {"optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9}},
        {"epochs": 15, "batch_size": 64},
        "standard",
    ),
    "digits, cnn": Case("digits/cnn.yaml", {}, {"epochs": 8, "batch_size": 64}),
    "docstrings, embedding bag": Case("docstrings/embedding_bag.yaml", {}, {"epochs": 8, "batch_size": 32}),
    "breast cancer, logistic": Case(
        "breast_cancer/job.yaml", {"optimizer": ADAM, "l2": 1e-3}, {"epochs": 30, "batch_size": 16}, "standard"
    ),
}


def main(only: str = "") -> None:
    """Trainings with local steps and rounded gradients: held-out loss after equal epochs, and what they sent."""
    print(f"savings: {SHARDS} shards; loss and accuracy on the test rows; megabytes are one worker's own sums")
    for name, case in CASES.items():
        if only in name:
            rows = [[setting, *result(case, fields)] for setting, fields in SETTINGS.items()]
            align([[name, "loss", "accuracy", "all-reduces", "MB sent"], *rows])


def result(case: Case, fields: dict[str, Any]) -> list[str]:
    """The row of one training."""
    import yarnml
    from yarnml.job.document import parse_file

    document = parse_file(EXAMPLES / case.path)
    folder_of_rows = data_of(Path(case.path).parent.name).parent
    with tempfile.TemporaryDirectory() as folder:
        document["learner"] |= case.learner
        document["data"]["scale"] = case.scale
        document["training"] = {"shards": SHARDS, **case.training, **fields}
        document |= {"checkpoint": {"path": f"{folder}/job", "every": "100 epochs"}, "export": f"{folder}/models"}
        document["evaluation"] = {"every": "100 epochs"}
        for field in ("train", "test"):
            document["data"][field] = str(folder_of_rows / document["data"][field])
        outcome = yarnml.run(document, backend="inline")
        sent = numbers_of_sums(str(outcome.checkpoint), fields) * bytes_of_a_number(fields, outcome.step)
    test = outcome.metrics["test"]
    return [f"{test['loss']:.4f}", f"{test['accuracy']:.4f}", f"{outcome.step}", f"{sent / 1e6:.3g}"]


def numbers_of_sums(checkpoint: str, fields: dict[str, Any]) -> int:
    """The size of one shard's sums: of a gradient, or with local steps of parameters and the optimizer's moments."""
    arrays = safetensors.numpy.load_file(f"{checkpoint}/state.safetensors")
    parts = ("state/parameters/", "state/optimizer/") if "local_steps" in fields else ("state/parameters/",)
    return sum(a.size for name, a in arrays.items() if name.startswith(parts) and a.dtype == "float32")


def bytes_of_a_number(fields: dict[str, Any], steps: int) -> float:
    """The bytes that each number of the sums takes in so many steps."""
    if "top_k" in fields:
        shares = [share_at(TopK(**fields["top_k"]), step) for step in range(steps)]
        return sum(shares) * BYTES_OF_A_LARGE_NUMBER
    return steps * BYTES_OF_A_NUMBER[fields.get("gradients", "float32")]
