"""Models that no memory holds: refused by their shapes, before anything of them is made."""

import resource
from pathlib import Path

import pytest

from tests.learners.kinds import schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Cnn, Mlp, Options
from yarnml.learners.registry import build_learner
from yarnml.worker import memory
from yarnml.worker.memory import COPIES, available, check_fits

GIBIBYTE = 2**30


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (Mlp(hidden=[1_000_000_000]), None),
        (Mlp(hidden=[2**31 - 1] * 3), None),
        (Cnn(channels=[2**31 - 1, 2**31 - 1]), (8, 8, 1)),
    ],
)
def test_a_model_too_large(options: Options, shape: tuple[int, ...] | None) -> None:
    """The sentence says how much it needs and how much there is."""
    learner = build_learner(options, schema(64, (0, 1), shape))
    with pytest.raises(JobFileError, match=r"learner: the model needs [\d,.]+ GiB for .* can have 16\.0 GiB"):
        check_fits(learner, 16 * GIBIBYTE)


def test_the_optimizer_counts() -> None:
    """Adam keeps two numbers for each parameter; a model that just fits, and one that is cut into parts, go on."""
    learner = build_learner(Mlp(hidden=[1000], optimizer={"kind": "adam", "learning_rate": 1e-3}), schema(63, (0, 1)))
    parameters = 1000 * 64 + 2 * 1001
    least = COPIES * 3 * parameters * 4
    check_fits(learner, least + 100)
    with pytest.raises(JobFileError):
        check_fits(learner, least - 1)
    check_fits(learner, COPIES * parameters * 4, is_sharded=True)
    with pytest.raises(JobFileError):
        check_fits(learner, COPIES * parameters * 4 - 1, is_sharded=True)


def test_what_is_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least of machine, control group and the process's own limit."""
    whole = available()
    group = tmp_path / "memory.max"
    group.write_text("max\n")
    monkeypatch.setattr(memory, "_CGROUP_FILES", (str(group), str(tmp_path / "none")))
    assert available() >= whole
    group.write_text("123456\n")
    assert available() == 123456
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000, 1000))
    assert available() == 1000
