"""The master's answers to the calls of processes."""

from pathlib import Path
from typing import Any

import pytest

from yarnml.clusters.local import LocalProcesses
from yarnml.control.calls import Heartbeat, HeartbeatReply, Poll, Resize, Resized
from yarnml.control.commands import Assignment, Evaluate, Initialize, Stop, WarmUp
from yarnml.control.credentials import Token
from yarnml.control.reports import Evaluated, Failed, Joined, Saved
from yarnml.control.roles import ProcessId
from yarnml.job.load import load_job
from yarnml.master.barrier import Barrier
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.master.membership.members import Members
from yarnml.master.progress import ProgressTable
from yarnml.master.service import ControlService
from yarnml.master.usage import UsageTable

WORKER = ProcessId("worker", 0)
JOINED = Joined("host:1", "1")


class Answers:
    """A service with all that it answers from; no process runs."""

    def __init__(self, job: dict[str, Any], folder: Path) -> None:
        self.job = load_job(job | {"workers": {"count": 1, "timeout": 1}})
        self.members = Members(self.job, LocalProcesses(self.job, folder, Token()), lambda event: None)
        self.barrier = Barrier()
        self.service = ControlService(
            self.members,
            self.barrier,
            ProgressTable(),
            UsageTable(),
            self.job.workers.timeout,
            lambda call: Resized("done"),
        )

    def poll(self, generation: int, report: Any) -> Any:
        return self.service.answer(Poll(WORKER, generation, report))

    def heartbeat(self, saved: Saved | None) -> Any:
        return self.service.answer(Heartbeat(WORKER, 0, saved=saved))


@pytest.fixture
def answers(digits_job: dict[str, Any], tmp_path: Path) -> Answers:
    return Answers(digits_job, tmp_path)


def test_a_checkpoint_is_told_once(answers: Answers) -> None:
    """Heartbeats repeat the newest checkpoint that was written beside the training; it is handed on once."""
    first = Saved("a", {"state": "1"})
    for saved in (None, first, first):
        assert answers.heartbeat(saved) == HeartbeatReply(0, -1, [])
    assert answers.service.take_saved() == [first]
    answers.heartbeat(first)
    assert answers.service.take_saved() == []
    second = Saved("b", {"state": "1"})
    answers.heartbeat(second)
    assert answers.service.take_saved() == [second]


def test_a_command_reaches_its_workers_once(answers: Answers) -> None:
    """A worker waits for a command, gets it, and waits again with its report in."""
    assert answers.poll(0, JOINED) == Assignment.idle(0)
    answers.barrier.begin(Evaluate("test"), {0: [0]})
    assert answers.poll(0, JOINED) == answers.barrier.assignment
    assert answers.poll(1, Evaluated({})) == Assignment.idle(1)
    assert answers.barrier.complete


def test_a_newcomer_warms_up_before_it_joins(answers: Answers) -> None:
    """A worker that comes later gets ready first; one that can't is handed on, once."""
    answers.service.warm_up = WarmUp(Initialize(answers.job, {}, {}, 1), None)
    assert answers.poll(0, JOINED).command == answers.service.warm_up
    assert answers.members.size == "1 workers wanted, 0 here"
    failed = Failed("DataError", "no data")
    answers.poll(0, failed)
    assert answers.service.take_failed_newcomer() == (WORKER, failed)
    assert answers.service.take_failed_newcomer() is None
    answers.poll(0, JOINED)
    answers.poll(0, Evaluated({}))
    assert answers.members.size == "1 workers wanted, 1 here"


def test_a_removed_process_is_told_to_stop(answers: Answers) -> None:
    """A process that was removed while it lives leaves with its next poll."""
    answers.poll(0, JOINED)
    answers.members.resize("worker", 0, "test")
    answers.members.remove([WORKER], ExitKind.STALLED, "did not get on")
    assert answers.poll(0, JOINED).command == Stop()


def test_a_user_asks_for_another_size(answers: Answers) -> None:
    """Calls for another size go to the master."""
    assert answers.service.answer(Resize(2)) == Resized("done")
