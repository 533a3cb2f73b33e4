"""An owner's ways to the followers of its parts: each update goes on to them while the owner carries it out itself."""

import queue
import threading
from typing import NamedTuple

from yarnml.data.arrays import Array
from yarnml.errors import WorkerLost, YarnmlError, kind_and_line
from yarnml.reduce.keyed import bytes_of
from yarnml.reduce.owner import Answered
from yarnml.reduce.owner_wire import FollowUpdate
from yarnml.reduce.owners import Connect, Owners, Question
from yarnml.reduce.push_wire import FollowPush
from yarnml.reduce.streams import Traffic
from yarnml.sparse.run import Run

PUSH_SECONDS = 20.0
"""Time that a follower may take for one push."""

EVERY_GENERATION = 2**62


class _Job(NamedTuple):
    update: FollowUpdate | FollowPush
    run: Run | Array
    answered: Answered


class Followers:
    """One thread for each process that follows; it is started with the first update that goes there.

    ``sent``: counts the updates, and their bytes.
    """

    def __init__(self, connect: Connect) -> None:
        self.sent = Traffic()
        self._connect = connect
        self._lock = threading.Lock()
        self._links: dict[str, _Link] = {}

    def forward(self, address: str, update: FollowUpdate | FollowPush, run: Run | Array, answered: Answered) -> None:
        """Give an update to the process at an address.  ``answered`` hears of its end, in another thread."""
        with self._lock:
            if address not in self._links:
                self._links[address] = _Link(address, Owners(self._connect, self.sent, Traffic()))
            self._links[address].put(_Job(update, run, answered))

    def abort_before(self, generation: int) -> None:
        """End the wait for followers in updates of generations before this one."""
        with self._lock:
            links = list(self._links.values())
        for link in links:
            link.abort_before(generation)

    def close(self) -> None:
        """End all threads and connections."""
        with self._lock:
            links = list(self._links.values())
            self._links = {}
        for link in links:
            link.close()


class _Link:
    """The way to one follower: updates go there one after another."""

    def __init__(self, address: str, owners: Owners) -> None:
        self._address = address
        self._owners = owners
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True, name="follower").start()

    def put(self, job: _Job) -> None:
        self._jobs.put(job)

    def abort_before(self, generation: int) -> None:
        self._owners.abort_before(generation)

    def close(self) -> None:
        self._jobs.put(None)
        self._owners.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._ask(job)
            except YarnmlError as exc:
                job.answered(exc)
            except Exception as exc:  # whatever it was, the workers that wait must hear of it
                way = f"the follower at {self._address}"
                job.answered(WorkerLost(f"An update can't go on to {way}: {kind_and_line(exc)}"))
            else:
                job.answered(None)

    def _ask(self, job: _Job) -> None:
        """Have the follower carry out an update, and wait for that.

        Nobody waits for a push of an asynchronous round, and it is wanted in the generations after its own: where the
        round is cut, the follower gets all that its owner has applied.
        """
        question = Question(job.update, bytes_of(job.run))
        if isinstance(job.update, FollowUpdate):
            self._owners.generation = job.update.generation
            self._owners.ask([(self._address, question)])
            return
        self._owners.generation = EVERY_GENERATION
        with self._owners.deadline(PUSH_SECONDS):
            self._owners.ask([(self._address, question)])
