"""Two workers on two hosts, which carry out commands as the containers of a job do."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.exchanger import NAME, STEP_SECONDS
from benchmarks.hosts import ADDRESSES, Hosts, enter
from yarnml.control.commands import Assignment, Build, Command, FitScaling, Initialize, Train, ipc
from yarnml.control.credentials import Certificate
from yarnml.control.reports import Built, Report, Trained

WARM = 2  # steps before the measured ones, with the compiler in them


class Taken(NamedTuple):
    """The first worker's share of a step: seconds by phase, processor time of its process, bytes sent."""

    phases: dict[str, float]
    processor: float
    sent: float

    @property
    def seconds(self) -> float:
        return sum(self.phases.values())


class Answer(NamedTuple):
    """A worker's report, with what its process has sent and computed since its start."""

    report: Report
    sent: int
    processor: float


class Crew:
    """The workers, with a shard each.  ``stack``: closes what it starts."""

    def __init__(self, hosts: Hosts, stack: contextlib.ExitStack) -> None:
        from yarnml.clusters.yarn.skein_import import skein

        pair = skein.Security.new_credentials()
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Any] = []
        for index in range(len(ADDRESSES)):
            pipe, other = context.Pipe()
            arguments = index, other, (pair.cert_bytes, pair.key_bytes), hosts.files(index)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            other.close()  # so that the end of the process ends the wait for its report
            stack.callback(process.join)
            self._pipes.append(pipe)
        for pipe in self._pipes:  # all are told to end before one is waited for: they wait for each other's streams
            stack.callback(pipe.send, None)
        self._addresses = dict(enumerate(pipe.recv() for pipe in self._pipes))
        self._generation = 0

    def run(self, command: Command) -> Answer:
        """Carry out a command; the answer of the first worker, with the bytes of the one that has sent most."""
        self._generation += 1
        shards = {index: [index] for index in self._addresses}
        order = Assignment(self._generation, command, shards, list(self._addresses.values()), self._addresses)
        for pipe in self._pipes:
            pipe.send(order)
        answers = [Answer(*pipe.recv()) for pipe in self._pipes]
        return answers[0]._replace(sent=max(answer.sent for answer in answers))

    def train(self, document: dict[str, Any], steps: int) -> Taken:
        """Train so many steps of a job, after some for the compiler."""
        from yarnml.data.plan import make_plan
        from yarnml.job.load import load_job

        job = load_job(document)
        plan = make_plan(job)
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        self.run(Initialize(job, plan.datasets, stored, len(self._addresses)))
        if job.scales:
            self.run(FitScaling(plan.schema))
        built = self.run(Build(plan.schema)).report
        assert isinstance(built, Built), built
        before = self.run(Train(0, WARM))
        report, sent, processor = self.run(Train(WARM, WARM + steps))
        assert isinstance(report, Trained), report
        phases = {name: spent / steps for name, spent in report.seconds.items()}
        return Taken(phases, (processor - before.processor) / steps, (sent - before.sent) / steps)


def _work(index: int, pipe: Any, pair: tuple[bytes, bytes], host: Sequence[str]) -> None:
    """Carry out assignments as a container does, until there is none."""
    enter(host)
    from yarnml.reduce.allreduce import NetworkAllReduce
    from yarnml.reduce.server import PeerServices, ReducerServer
    from yarnml.worker.mapper import Mapper
    from yarnml.worker.progress import ProgressTracker

    credentials = Certificate(*pair, NAME)
    services = PeerServices(credentials)
    server = ReducerServer(services, ADDRESSES[index], credentials, STEP_SECONDS)
    allreduce = NetworkAllReduce(index, services, server.address, credentials, STEP_SECONDS)
    mapper = Mapper(index, allreduce, ProgressTracker(), lambda generation, step, copy: None)
    pipe.send(server.address)
    while assignment := pipe.recv():
        report = mapper.execute(assignment)
        pipe.send((report, allreduce.sent.bytes, time.process_time()))
    os._exit(0)  # streams to a process that is gone already are not worth a wait
