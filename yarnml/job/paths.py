"""Every file name of a job and of a model, in one place."""

import re

from yarnml import storage
from yarnml.storage import atomic

STATE = "state.safetensors"
MANIFEST = "manifest.json"
MODEL = "model.safetensors"
ABOUT = "model.json"
TABLE = "table.safetensors"
PROGRAM = "model.stablehlo"
CARD = "model.md"
SCRIPT = "predict.py"
MODEL_FILES = (MODEL, PROGRAM, TABLE, CARD, SCRIPT)
OUTCOME = "outcome.json"
PREDICTION = "prediction.json"
SUCCESS = "_SUCCESS"
PARTS = "parts"
SEARCH = "search.json"
HISTORY = "history"
STREAM = "stream.json"
REFERENCE = "reference.json"
MLFLOW_RUN = "mlflow-run.json"
TARGETS = "prometheus-targets.json"
TEMPORARY = atomic.PREFIX

BESIDE = ".yarnml-"
LEASE = f"{BESIDE}lease.json"
ANY_MARK = "[0-9a-f]{8}"

_STEP = re.compile(r"step-([0-9]{12})")
_TABLE_PART = re.compile(r"table-([0-9]{5})-of-([0-9]{5})\.safetensors")
_PIECE = re.compile(r"piece-([0-9]{9})-([0-9]{9})\.jsonl")
_EVENT_FILE = re.compile(r"events\.out\.tfevents\.([0-9]{10})")
_TRIAL = re.compile(r"candidate-[0-9]+-fold-[0-9]+")


def trials(job_folder: str) -> str:
    return storage.join(job_folder, "trials")


def trial(job_folder: str, candidate: int, fold: int) -> str:
    """The folder of one training of a search, for as long as it takes."""
    return storage.join(trials(job_folder), f"candidate-{candidate}-fold-{fold}")


def survey(job_folder: str, what: str) -> str:
    """A folder's name for the survey of some rows before the trainings on them; nothing is written there."""
    return storage.join(trials(job_folder), f"survey-{what}")


def batches(job_folder: str) -> str:
    """The folder of the trainings on the batches of a stream."""
    return storage.join(job_folder, "batches")


def batch(job_folder: str, number: int, attempt: int) -> str:
    """The folder of the training on one batch; ``attempt``: grows where its files have changed, from 0 on."""
    return storage.join(batches(job_folder), f"{number:09d}-{attempt}")


def checkpoints(job_folder: str) -> str:
    return storage.join(job_folder, "checkpoints")


def checkpoint(job_folder: str, step: int) -> str:
    return storage.join(checkpoints(job_folder), f"step-{step:012d}")


def checkpoint_beside(folder: str, step: int) -> str:
    """The folder of another checkpoint of the same job."""
    return storage.join(folder.rstrip("/").rpartition("/")[0], f"step-{step:012d}")


def step_of(name: str) -> int | None:
    """The step in a checkpoint folder's name; None for any other name."""
    match = _STEP.fullmatch(name)
    return int(match[1]) if match else None


def table_part(number: int, count: int) -> str:
    """The file of a checkpoint with part ``number`` of ``count`` of a table."""
    return f"table-{number:05d}-of-{count:05d}.safetensors"


def part_of_table(name: str) -> tuple[int, int] | None:
    """The number of a table's part, and the count of all; None for the name of anything else."""
    match = _TABLE_PART.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def residual(shard: int) -> str:
    """The file of a checkpoint with what of a shard's gradients was not sent yet."""
    return f"residual-{shard:07d}.safetensors"


def draft(folder: str, step: int, mark: str) -> str:
    """A folder for a checkpoint that is being written; ``mark``: of the run that writes it, and a number of its own."""
    return temporary(folder, f"step-{step}-{mark}")


def is_draft(name: str, mark: str = ANY_MARK) -> bool:
    """True for the name of a checkpoint that is being written; ``mark``: a pattern for its run's."""
    return bool(re.fullmatch(rf"{re.escape(TEMPORARY)}step-[0-9]+-({mark}-)?[0-9a-f]{{8}}", name))


def is_trial(name: str) -> bool:
    """True for the name of the folder of one training of a search."""
    return bool(_TRIAL.fullmatch(name))


def staging(home: str, application: str) -> str:
    """Skein's folder of an application, beside the user's yarnml folder; it goes with the application."""
    return storage.join(home.rpartition("/")[0], ".skein", application)


def programs(home: str, job: str) -> str:
    """The beginning of the names of the archives that hold the compiled programs of jobs of this name."""
    return storage.join(home, "compiled", job)


def failure(staging: str) -> str:
    return storage.join(staging, "failure.json")


def targets(job_folder: str) -> str:
    """The file that tells Prometheus where a running job serves its metrics."""
    return storage.join(job_folder, TARGETS)


def tensorboard(job_folder: str) -> str:
    return storage.join(job_folder, "tensorboard")


def event_file(number: int) -> str:
    """The name of a file of TensorBoard's, which reads them in the order of their names."""
    return f"events.out.tfevents.{number:010d}"


def event_file_number(name: str) -> int | None:
    """The number of an event file of a job by its name; None for any other name."""
    match = _EVENT_FILE.fullmatch(name)
    return int(match[1]) if match else None


def mlflow_run(job_folder: str) -> str:
    """The file that tells which run of an MLflow server is the job's."""
    return storage.join(job_folder, MLFLOW_RUN)


def beside_output(output: str, section: str) -> str:
    """The hidden folder of a job that reads rows; ``section``: of its job file, such as ``predict``."""
    parent, _, name = output.rstrip("/").rpartition("/")
    return storage.join(parent, f"{BESIDE}{section}-{name}")


def history(job_folder: str) -> str:
    return storage.join(job_folder, HISTORY)


def piece(first: int, last: int) -> str:
    """The name of a file that holds the pieces ``first`` … ``last`` of a history."""
    return f"piece-{first:09d}-{last:09d}.jsonl"


def piece_of(name: str) -> tuple[int, int] | None:
    """The first and the last piece in a file of a history by its name; None for any other name."""
    match = _PIECE.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def logs(job_folder: str) -> str:
    return storage.join(job_folder, "logs")


def log_name(role: str, index: int) -> str:
    return f"{role}-{index}.log"


def traces(job_folder: str, worker: int, *, for_tensorboard: bool) -> dict[str, str]:
    """Map the endings of a trace's files to those of a worker: Perfetto's, and TensorBoard's where it looks."""
    name = f"worker-{worker}"
    files = {".trace.json.gz": storage.join(job_folder, "profile", f"{name}.trace.json.gz")}
    if for_tensorboard:
        profiles = storage.join(tensorboard(job_folder), "plugins", "profile", "steps")
        files[".xplane.pb"] = storage.join(profiles, f"{name}.xplane.pb")
    return files


def part(shard: int) -> str:
    """The file of a shard's predictions; names sort as the shards do."""
    return f"part-{shard:07d}.parquet"


def temporary(folder: str, name: str) -> str:
    """A name beside the final one; hidden, so that no reader takes it for data."""
    return atomic.hidden(folder, name)
