"""Write ``job.schema.json`` from the job file's types: ``python -m appspec``."""

from pathlib import Path

import msgspec

from yarnml.job.spec import Job


def schema() -> bytes:
    """The JSON schema of a job file, as the bytes of the file that is kept."""
    document = msgspec.json.schema(Job)
    document["$defs"]["Custom"]["required"] = ["path"]  # the loader fills in its kind
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


if __name__ == "__main__":
    Path(__file__).with_name("job.schema.json").write_bytes(schema())
