"""A model that tests export."""

from pathlib import Path
from typing import Any

import yarnml

FOR_PEOPLE = {"model.md", "predict.py"}
"""Files of a version that yarnml does not read; `yarnml models verify` does."""
FILES = {"model.safetensors", "model.json", "model.stablehlo", *FOR_PEOPLE}


def train(folder: Path, digits: Path, **changes: Any) -> str:
    """A small softmax job on the digits; returns the folder of the model's version."""
    job: dict[str, Any] = {
        "name": "digits",
        "data": {"train": str(digits / "train"), "features": ["pixels"], "label": "digit", "scale": "standard"},
        "learner": {"kind": "softmax", "optimizer": {"kind": "adam", "learning_rate": 0.02}},
        "training": {"epochs": 1, "batch_size": 128, "shards": 2},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
    outcome = yarnml.run({**job, **changes}, backend="inline", restart=True)
    assert outcome.export
    return outcome.export
