"""Write the JSON schemas of job files from their types: ``python -m appspec``."""

from pathlib import Path

import msgspec

from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job


def schema() -> bytes:
    """The JSON schema of a job file, as the bytes of the file that is kept."""
    document = msgspec.json.schema(Job)
    document["$defs"]["Custom"]["required"] = ["path"]  # the loader fills in its kind
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def prediction_schema() -> bytes:
    """The JSON schema of a job file with the section ``predict``, as the bytes of the file that is kept."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Prediction))) + b"\n"


if __name__ == "__main__":
    Path(__file__).with_name("job.schema.json").write_bytes(schema())
    Path(__file__).with_name("prediction.schema.json").write_bytes(prediction_schema())
