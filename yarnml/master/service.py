"""Answers the calls of the job's processes: polls for commands, heartbeats, requests for backup tasks.

Every call comes in a thread of its own and is held until there is news for its caller, so that a command reaches all
workers at once and no process asks in vain several times a second.
"""

from collections.abc import Callable

from yarnml.control.calls import (
    BackupTask,
    Call,
    EventBatch,
    FollowEvents,
    Heartbeat,
    HeartbeatReply,
    Poll,
    Reply,
    RequestBackup,
    Resize,
    Resized,
)
from yarnml.control.commands import Assignment, Stop, WarmUp
from yarnml.control.reports import Failed, Joined, Saved
from yarnml.control.roles import ProcessId
from yarnml.master.barrier import Barrier
from yarnml.master.membership.members import Members
from yarnml.master.progress import ProgressTable
from yarnml.master.usage import UsageTable

MAX_POLL_HOLD_SECONDS = 5.0
HEARTBEAT_HOLD_SECONDS = 0.5  # its sender sends the next one with the answer, so this is also the heartbeats' interval


class ControlService:
    """The master's answers, from what it knows of members, barrier and progress; all of them under ``members.changed``.

    Args:
        timeout: seconds without a heartbeat after which a process counts as lost, ``workers.timeout``.  Calls are held
            for a part of it only: a process that waits for our answer must not look like one that is gone.
        resize: carries out a user's `Resize`.
    """

    def __init__(
        self,
        members: Members,
        barrier: Barrier,
        progress: ProgressTable,
        usage: UsageTable,
        timeout: float,
        resize: Callable[[Resize], Resized],
    ) -> None:
        self._members = members
        self._changed = members.changed
        self._barrier = barrier
        self._progress = progress
        self._usage = usage
        self._resize = resize
        self._poll_hold = min(MAX_POLL_HOLD_SECONDS, timeout / 4)
        self._heartbeat_hold = min(HEARTBEAT_HOLD_SECONDS, timeout / 8)
        self._warming_up: dict[ProcessId, Joined] = {}
        self._failed_newcomers: dict[ProcessId, Failed] = {}
        self._newest_saved: dict[int, Saved] = {}  # by worker: every heartbeat repeats it
        self._unread_saved: list[Saved] = []
        self.warm_up: WarmUp | None = None

    def answer(self, call: Call) -> Reply:
        """Answer a call, as the handler of a `yarnml.control.rpc.ControlServer`."""
        if isinstance(call, FollowEvents):
            return EventBatch([], None, over=False)
        if isinstance(call, Resize):
            return self._resize(call)
        with self._changed:
            match call:
                case RequestBackup():
                    return self._choose_backup(call)
                case Heartbeat():
                    return self._heartbeat(call)
                case Poll():
                    return self._poll(call)

    def take_saved(self) -> list[Saved]:
        """Hand on the checkpoints that workers have written beside the training, each of them once."""
        with self._changed:
            saved = self._unread_saved
            self._unread_saved = []
        return saved

    def take_failed_newcomer(self) -> tuple[ProcessId, Failed] | None:
        """Hand on a newcomer whose warm-up failed, each of them once; None when there is none."""
        with self._changed:
            return self._failed_newcomers.popitem() if self._failed_newcomers else None

    def _choose_backup(self, call: RequestBackup) -> BackupTask:
        shard = self._progress.choose_backup(call)
        if shard is not None:
            self._changed.notify_all()  # the heartbeat of the shard's owner may be held: it has to leave this shard out
        return BackupTask(shard)

    def _poll(self, call: Poll) -> Assignment:
        """Take the report on the last command and hold the call until the next command."""
        process = call.process
        if not self._members.heartbeat(process):
            return Assignment(0, Stop())
        if isinstance(call.report, Joined):
            if self.warm_up and process.role == "worker":
                self._warming_up[process] = call.report
                return Assignment(call.generation, self.warm_up)
            self._members.join(process, call.report)
        elif joined := self._warming_up.pop(process, None):
            if isinstance(call.report, Failed):
                self._failed_newcomers[process] = call.report
            else:
                self._members.join(process, joined)
        elif process.role == "worker" and self._barrier.report(process.index, call.generation, call.report):
            self._changed.notify_all()
        due = self._changed.wait_for(lambda: self._barrier.is_due(process, call.generation), self._poll_hold)
        return self._barrier.assignment if due else Assignment.idle(call.generation)

    def _heartbeat(self, call: Heartbeat) -> HeartbeatReply:
        """Note how far a worker is, and hold the call until there is news for it or its time is over."""
        process = call.process
        if not self._members.heartbeat(process):
            return HeartbeatReply(self._barrier.generation)
        if call.usage:
            self._usage.hear(process, call.usage)
        if process.role == "worker":
            self._progress.hear(process.index, call.progress)
            if call.saved and call.saved != self._newest_saved.get(process.index):
                self._newest_saved[process.index] = call.saved
                self._unread_saved.append(call.saved)

        def taken_over() -> list[int]:
            return self._progress.taken_over(process.index, call.progress)

        before = taken_over()
        self._changed.wait_for(
            lambda: (
                self._barrier.generation > call.generation
                or taken_over() != before
                or self._barrier.stopped  # the server waits for held calls when it closes
            ),
            self._heartbeat_hold,
        )
        return HeartbeatReply(self._barrier.generation, call.progress.at, taken_over())
