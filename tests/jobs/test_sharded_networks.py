"""Networks whose parameters and optimizer state are cut into parts: the bits of a network in one piece."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.conftest import MakeOnce
from tests.processes import lose_each_role, running, saved_steps, wait_for
from yarnml.events.events import Outcome

pytestmark = pytest.mark.long

Job = dict[str, Any]

EPOCH_STEPS = 4
FEATURES = [f"x{number}" for number in range(20)]


@pytest.fixture
def job(made_once: MakeOnce, tmp_path: Path) -> Job:
    """Steps of five shards of synthetic rows, with all that a network's state can have, and a penalty."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(1)
        x = rng.standard_normal((2000, 20)).astype(np.float32)
        y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.int64)
        table = pa.table({**{name: x[:, number] for number, name in enumerate(FEATURES)}, "y": y})
        pq.write_table(table, folder / "rows.parquet", row_group_size=200)

    return {
        "name": "parts",
        "data": {
            "train": str(made_once("rows of a network", write) / "rows.parquet"),
            "features": FEATURES,
            "label": "y",
            "label_type": "class",
            "validation": 0.2,
        },
        "learner": {
            "kind": "mlp",
            "hidden": [32, 16],
            "dropout": 0.1,
            "normalization": "batch",
            "l2": 1e-3,
            "optimizer": {
                "kind": "adamw",
                "learning_rate": {"kind": "cosine_decay_schedule", "init_value": 0.01, "decay_steps": 50},
            },
        },
        "training": {"epochs": 4, "batch_size": 400, "shards": 5, "early_stopping": {}},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "3 steps"},
        "export": str(tmp_path / "models"),
    }


def model_bits(folder: Path) -> bytes:
    return (folder / "1" / "model.safetensors").read_bytes()


@pytest.fixture
def alone(job: Job, made_once: MakeOnce) -> Callable[[int], bytes]:
    """Trains the job with a delay in one process, which has the model in one piece; its bits."""

    def bits(delay: int) -> bytes:
        whole = job | {"training": job["training"] | {"delay": delay}}

        def train(folder: Path) -> None:
            places = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
            yarnml.run(whole | places, "inline")

        return model_bits(made_once(f"a network in one piece, {delay}, {sorted(job['learner'])}", train) / "models")

    return bits


@pytest.fixture
def expected(alone: Callable[[int], bytes]) -> bytes:
    """The model of one process without a delay."""
    return alone(0)


def in_parts(job: Job, workers: int, reducers: int, state: str = "sharded") -> Job:
    training = job["training"] | {"state": state}
    return job | {"training": training, "workers": {"count": workers}, "reducers": {"count": reducers}}


INLINE = (1, 0, "replicated")


def staged(job: Job, stages: list[Any]) -> Iterator[tuple[Any, Outcome]]:
    """Train the job stage by stage, each an epoch further in other processes and the last one to the end."""
    for number, stage in enumerate(stages):
        is_last = number == len(stages) - 1
        whole = in_parts(job, *stage)
        some = {"epochs": job["training"]["epochs"] if is_last else number + 1}
        whole |= {"training": whole["training"] | some, "export": job["export"] if is_last else None}
        yield stage, yarnml.run(whole, "inline" if stage is INLINE else "local")


@pytest.mark.parametrize(
    "stages",
    [
        pytest.param([INLINE, (2, 1)], id="in one piece, then in the part of a reducer"),
        pytest.param([(3, 0), (1, 0), (5, 2)], id="in three parts, in one, and in two", marks=pytest.mark.breadth),
        pytest.param([(2, 0), INLINE], id="in parts, then in one piece", marks=pytest.mark.breadth),
    ],
)
def test_any_number_of_processes(job: Job, expected: bytes, stages: list[Any]) -> None:
    """A network in any number of parts has the bits of one in one piece, also where one goes on from the other."""
    for stage, outcome in staged(job, stages):
        workers, reducers, *_ = stage
        if stage is not INLINE:
            assert f"parameters and optimizer state were in {reducers or workers} parts of " in outcome.remarks[-1]
    assert model_bits(Path(job["export"])) == expected


@pytest.mark.parametrize(
    ("delay", "stages"),
    [
        pytest.param(2, [INLINE, (2, 1), INLINE], id="in one piece, then in a part, then in one piece"),
        pytest.param(1, [(3, 2), (1, 0), (2, 0)], id="in two parts, in one, and in two", marks=pytest.mark.breadth),
    ],
)
@pytest.mark.parametrize("is_plain", [pytest.param(False, marks=pytest.mark.breadth), True])
def test_a_delay(job: Job, alone: Callable[[int], bytes], is_plain: bool, delay: int, stages: list[Any]) -> None:
    """With a delay, too, where each goes on from the other's checkpoint within an epoch, which has older states.

    Of a plain network these have nothing that no table has.
    """
    job["training"]["delay"] = delay
    if is_plain:
        job["learner"] = {"kind": "mlp", "hidden": [8]}
    folder = Path(job["checkpoint"]["path"])
    for _ in staged(job, stages):
        shutil.rmtree(max(folder.glob("checkpoints/step-*")))
        assert saved_steps(folder)[-1] % EPOCH_STEPS
    assert model_bits(Path(job["export"])) == alone(delay) != alone(0)


def test_starts_from_a_model(job: Job, made_once: MakeOnce, expected: bytes) -> None:
    """A network in parts that starts from a model has the bits of one in one piece that does."""
    assert expected
    models = made_once(f"a network in one piece, 0, {sorted(job['learner'])}", lambda folder: None) / "models"
    again = job | {"start_from": str(models / "1"), "training": job["training"] | {"epochs": 1}}
    bits = set()
    for number, stage in enumerate([INLINE, (2, 0)]):
        folders = {"checkpoint": {"path": f"{job['export']}-{number}/job"}, "export": f"{job['export']}-{number}"}
        yarnml.run(in_parts(again | folders, *stage), "inline" if stage is INLINE else "local")
        bits.add(model_bits(Path(folders["export"])))
    assert len(bits) == 1
    assert bits != {expected}


@pytest.mark.breadth
def test_starts_from_parts(job: Job, tmp_path: Path) -> None:
    """A network in parts starts from a checkpoint in parts, with the optimizer's state, to the bits of one piece.

    In one piece and with another optimizer it starts with the parameters alone.
    """
    short = job | {"training": {"epochs": 1, "batch_size": 800, "shards": 2}}
    bits = []
    for number, stage in enumerate([INLINE, (2, 0)]):
        earlier = in_parts(short, *stage) | {"checkpoint": {"path": f"{tmp_path}/{number}"}, "export": None}
        yarnml.run(earlier, "inline" if stage is INLINE else "local")
    for before, after in (0, INLINE), (1, (2, 0)):
        folder = f"{tmp_path}/{before}-{after}"
        places = {"start_from": f"{tmp_path}/{before}", "checkpoint": {"path": folder}, "export": f"{folder}/models"}
        yarnml.run(in_parts(short | places, *after), "inline" if after is INLINE else "local")
        bits.append(model_bits(Path(folder) / "models"))
    assert len({*bits}) == 1
    other = short["learner"] | {"optimizer": {"kind": "sgd", "learning_rate": 0.1}}
    yarnml.run(in_parts(short | {"learner": other, "start_from": f"{tmp_path}/1"}, *INLINE), "inline")
    assert model_bits(Path(job["export"])) not in bits


@pytest.mark.breadth
@pytest.mark.parametrize("delay", [0, 1])
def test_killed_and_continued(job: Job, delay: int, write_job: Any) -> None:
    """A network of which workers, owners and followers are killed has the same bits in the end."""
    job["training"] |= {"epochs": 30, "delay": delay}
    job["learner"]["optimizer"]["learning_rate"] = 0.001
    folder = Path(job["checkpoint"]["path"])
    alone = job | {"checkpoint": {"path": f"{folder}-alone"}, "export": f"{folder}-alone/models"}
    yarnml.run(alone, "inline")
    with running(write_job(in_parts(job, 3, 0))) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        run.kill_all()
    with running(write_job(in_parts(job, 2, 2))) as run:
        lose_each_role(run, folder)
        status, out, err = run.end()
    assert status == 0, err
    assert out.count("continuing after step") >= 2, "at the start, and without any owner"
    assert model_bits(Path(job["export"])) == model_bits(Path(f"{folder}-alone/models"))
