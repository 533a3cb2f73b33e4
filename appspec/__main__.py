"""Write the JSON schemas of job files from their types: ``python -m appspec``."""

from pathlib import Path

import msgspec

from yarnml.job.explanation import ModelExplanation
from yarnml.job.look import DataLook
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job

KINDS = {
    "job": Job,
    "prediction": Prediction,
    "evaluation": ModelEvaluation,
    "explanation": ModelExplanation,
    "look": DataLook,
}
"""The kinds of job files, by the name of the file that keeps their schema."""


def schema(name: str) -> bytes:
    """The JSON schema of a kind of job file, as the bytes of the file that is kept."""
    document = msgspec.json.schema(KINDS[name])
    if name == "job":
        document["$defs"]["Custom"]["required"] = ["path"]  # the loader fills in its kind
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


if __name__ == "__main__":
    for name in KINDS:
        Path(__file__).with_name(f"{name}.schema.json").write_bytes(schema(name))
