"""The trainings of a stream, with one crew: one batch of files after the other is recorded, judged and learned."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint import outcomes
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.store import Checkpoints, reachable
from yarnml.checkpoint.stream import Judgement, StreamRecord, amended, write_stream
from yarnml.data.arrivals import Arrival, find_arrivals, look_at
from yarnml.errors import CheckpointError, DataError, ExportError, Interrupted, JobFileError, TimeOver, YarnmlError
from yarnml.events.events import (
    BatchChanged,
    BatchJudged,
    BatchLearned,
    BestEpochChosen,
    Converged,
    EpochDone,
    Event,
    LabelSummary,
    Listener,
    Outcome,
    StreamWaiting,
    WarmStarted,
)
from yarnml.events.log import log
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.master.crew import Crew
from yarnml.master.drift import reason, window_mean
from yarnml.master.preflight import preflight, silent
from yarnml.master.rounds import Rounds
from yarnml.master.stats import TrainingStats
from yarnml.master.stream_batches import batch_job, folder_of, of_batches
from yarnml.master.stream_reference import count_reference, psi_of, read_reference
from yarnml.master.stream_schedule import Look, Take, Wait, after_batch, after_look, is_due
from yarnml.master.training import Training
from yarnml.model import registry

LONGEST_PAUSE_SECONDS = 1.0
"""Of a wait for files: so often it is asked whether there is still time."""

_LOUD_IN_ONE_TRAINING = LabelSummary | EpochDone | Converged | BestEpochChosen | WarmStarted
"""Events that are not told of one training among many."""


class StreamRun:
    """The batches that are left of a stream.

    ``record``: how far it has come.
    """

    def __init__(
        self, job: Job, record: StreamRecord, lease: Lease, stats: TrainingStats, crew: Crew, say: Listener
    ) -> None:
        assert job.data.follow
        self.record = record
        self._job = job
        self._follow = job.data.follow
        self._lease = lease
        self._stats = stats
        self._crew = crew
        self._say = say

    def run(self) -> Outcome:
        """Learn batch after batch until the stream is over; returns the outcome of the newest."""
        self._store(self.record)
        outcome: Outcome | None = None
        if not self.record.is_done:
            self._amend()
            outcome = self._learn()
        while files := self._next_files():
            self._store(self.record.with_batch(files))
            outcome = self._learn() or outcome
        if outcome:
            return outcome
        earlier = outcomes.read(of_batches(self._job))
        if earlier is None:
            raise CheckpointError(f"The outcome of the stream in {self._job.folder} is gone; use --restart.")
        return replace(earlier, already=True)

    @contextmanager
    def ends_cleanly(self) -> Iterator[None]:
        """Remove what a training has half-written where this block fails, and say what a stop leaves."""
        try:
            yield
        except KeyboardInterrupt:
            self._discard()
            done = self.record.batch + self.record.is_done - 1
            raise Interrupted(f"{max(done, 0)} batches are learned. Run the same command again to continue.") from None
        except YarnmlError:
            self._discard()
            raise

    def _discard(self) -> None:
        Checkpoints(folder_of(self._job, self.record), 1).discard()

    def _store(self, record: StreamRecord) -> None:
        self._lease.confirm()
        write_stream(self._job.folder, record)
        self.record = record

    def _next_files(self) -> tuple[Arrival, ...]:
        """Wait for the files of the next batch; none where the stream is over."""
        decision: Any = after_batch(self._follow, self.record, time.time())
        before: Look | None = None
        is_told = False
        known = self.record.known
        while isinstance(decision, Wait):
            if decision.seconds and not is_told:
                self._say(StreamWaiting(self._follow.path, self.record.batch))
                is_told = True
            self._pause(decision.seconds)
            self._lease.confirm()
            now = Look(time.monotonic(), find_arrivals(self._follow.path, known))
            decision = after_look(self._follow, before, now, time.time())
            before = now
        return decision.files if isinstance(decision, Take) else ()

    def _pause(self, seconds: float) -> None:
        """Sleep; TimeOver where there is no more time."""
        end = time.monotonic() + seconds
        while True:
            if limit := self._crew.time_limit:
                raise TimeOver(f"{limit} All batches so far are kept; submit the job again, and it goes on.")
            if (left := end - time.monotonic()) <= 0:
                return
            time.sleep(min(left, LONGEST_PAUSE_SECONDS))

    def _learn(self) -> Outcome | None:
        """Learn the newest batch, again where its files change; None where all of them are gone."""
        while not self.record.is_done:
            try:
                return self._train()
            except (DataError, JobFileError):
                if not self._amend():
                    raise
        return None

    def _amend(self) -> bool:
        """Take the files of the newest batch as they are now; tells whether they differ from the recorded ones."""
        files = amended(self.record.files, look_at([file.url for file in self.record.files]))
        if files == self.record.files:
            return False
        old = folder_of(self._job, self.record)
        self._store(self.record.with_files(files))
        self._say(BatchChanged(self.record.batch, len(files)))
        with reachable(self._job.folder):
            storage.remove(old)
        return True

    def _train(self) -> Outcome:
        """Judge the newest batch, unless that is done, and learn it."""
        batch = self.record.batch
        start = preflight(batch_job(self._job, self.record), self._lease, say=self._say)
        assert start.training  # there is no search
        training = start.training
        outcome = start.outcome
        if batch and not self.record.is_judged:
            self._judge(training)
            export = self._job.export if self.record.exports else None
            training = training._replace(job=replace(training.job, export=export))
        if batch:
            newest = self.record.judged[-1]
            window = window_mean(self.record.judged, self._follow.window)
            training = training._replace(metrics={"stream": newest.metrics, "window": window})
        if outcome is None:
            start.checkpoints.sweep()
            say = self._tell_of_batch if batch else self._say
            outcome = Rounds(training, self._stats, self._crew, say).run()
        if not batch and self._counts_columns:
            trained = training._replace(manifest=start.checkpoints.newest(silent))
            count_reference(self._job.folder, self._quiet_rounds(trained))
        self._finish(training, outcome)
        return outcome

    @property
    def _counts_columns(self) -> bool:
        """True where rows are compared with those of the first training."""
        return self._follow.drift is not None and self._follow.drift.psi is not None

    def _quiet_rounds(self, training: Training) -> Rounds:
        return Rounds(training, self._stats, self._crew, self._tell_of_batch)

    def _judge(self, training: Training) -> None:
        """Evaluate the model on the newest batch, before it learns from it."""
        reference = read_reference(self._job.folder) if self._counts_columns else None
        metrics, counted = self._quiet_rounds(training).judge(reference.edges if reference else None)
        rows = training.plan.datasets["train"].rows
        judgement = Judgement(self.record.batch, rows, metrics, psi_of(reference, counted))
        judged = (*self.record.judged, judgement)[-self._follow.window - 1 :]
        window = window_mean(judged, self._follow.window)
        drift = reason(self._follow.drift, judged, self._follow.metric)
        record = replace(self.record, judged=judged, drift=drift)
        due = is_due(self._follow, record, window.get(self._follow.metric), time.time())
        self._store(replace(record, exports=self._job.export_to is not None and due))
        column, psi = next(iter(judgement.psi.items()), ("", None))
        files = len(record.files)
        self._say(BatchJudged(record.batch, files, rows, metrics, window, column, psi, drift))

    def _finish(self, training: Training, outcome: Outcome) -> None:
        """Record that the newest batch is learned."""
        record = self.record
        version = outcome.export if record.exports else None
        alias = self._promoted(version) if version and not record.drift else None
        now = time.time()
        if version:
            best = window_mean(record.judged, self._follow.window).get(self._follow.metric) if record.judged else None
            record = replace(record, exported=record.batch, exported_at=now, best=best)
        outcomes.write(of_batches(self._job), outcome)
        size = training.job.training.batch_size
        self._store(replace(record, is_done=True, batch_size=size, state=outcome.checkpoint))
        latency = now - record.files[0].modified if record.files else None
        self._say(BatchLearned(record.batch, len(record.files), outcome.step, version, alias, latency))
        self._forget_batches()

    def _promoted(self, version: str) -> str | None:
        """Have the alias of the stream name a version; None where there is no alias, or somebody else moved it."""
        if not self._follow.promote:
            return None
        folder, _, number = version.rpartition("/")
        try:
            registry.promote(folder, number, self._follow.promote)
        except ExportError as exc:
            log(f"warning: {exc}")
            return None
        return self._follow.promote

    def _forget_batches(self) -> None:
        """Remove the trainings before the newest, whose state nobody needs any more."""
        own = folder_of(self._job, self.record).rpartition("/")[2]
        folder = paths.batches(self._job.folder)
        with reachable(self._job.folder):
            for name in storage.names(folder):
                if name not in (own, paths.OUTCOME):
                    storage.remove(storage.join(folder, name))

    def _tell_of_batch(self, event: Event) -> None:
        if not isinstance(event, _LOUD_IN_ONE_TRAINING):
            self._say(event)
