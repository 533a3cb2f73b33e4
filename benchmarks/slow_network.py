"""Steps of two workers on a slow network: what a delay hides of the exchange, and what rounded gradients save.

The network is made for real: a network namespace of their own, whose loopback device has a token bucket (``tc``, tbf).
All traffic of both workers goes through it, by Flight with TLS, as between containers.
"""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.exchanger import HOST, NAME, STEP_SECONDS
from benchmarks.savings import EXAMPLES
from yarnml.control.commands import Assignment, Build, Command, FitScaling, Initialize, Train, ipc
from yarnml.control.credentials import Certificate
from yarnml.control.reports import Built, Report, Trained
from yarnml.worker.environment import THREAD_POOL_VARIABLES

WORKERS = 2
EPOCHS = 2  # after one in which everything is compiled
SETTINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float32, delay 1": {"delay": 1},
    "int8": {"gradients": "int8"},
    "int8, delay 1": {"gradients": "int8", "delay": 1},
    "bfloat16": {"gradients": "bfloat16"},
    "bfloat16, delay 1": {"gradients": "bfloat16", "delay": 1},
    "top_k 1 %": {"gradients": "top_k"},
    "top_k 1 %, delay 1": {"gradients": "top_k", "delay": 1},
    "16 local steps": {"local_steps": 16},
}
DELAYED = ", delay 1"


def main(rate: str = "500mbit", batch: int = 256, only: str = "") -> None:
    """Steps of an MLP of 1.1 million parameters on the digits by two workers, on a network of so many bits a second.

    Needs Linux, ``tc`` and the right to make a network namespace.
    """
    print(f"slow-network: two workers, {rate} for all they send, milliseconds of a step", flush=True)
    limit = f"ip link set lo up && tc qdisc add dev lo root tbf rate {rate} burst 256kb latency 500ms"
    command = f"{limit} && exec {sys.executable} -m benchmarks.slow_network {batch} '{only}'"
    subprocess.run(["unshare", "-rn", "sh", "-c", command], check=True)


def compare(batch: int, only: str) -> None:
    """Train with each setting whose name has ``only`` in it in this network, and print the table."""
    import skein

    os.environ |= dict.fromkeys(THREAD_POOL_VARIABLES, "1")
    pair = skein.Security.new_credentials()
    print(f"{'':20} {'compute':>9} {'exchange':>9} {'whole':>9} {'MB sent':>9}")
    with contextlib.ExitStack() as stack:
        pipes = [start(index, (pair.cert_bytes, pair.key_bytes), stack) for index in range(WORKERS)]
        for (
            pipe
        ) in pipes:  # all are told to end before the end of one is waited for: they wait for each other's streams
            stack.callback(pipe.send, None)
        crew = Crew(pipes)
        taken: dict[str, dict[str, float]] = {}
        for name, fields in [(name, fields) for name, fields in SETTINGS.items() if only in name]:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            size = batch // fields.get("local_steps", 1)  # as many rows from one all-reduce to the next
            seconds, sent = measured(crew, folder, {"batch_size": size, **fields})
            taken[name] = seconds
            phases = [1000 * phase for phase in (seconds["compute"], seconds["exchange"], sum(seconds.values()))]
            columns = " ".join(f"{value:9.2f}" for value in [*phases, sent / 1e6])
            print(f"{name:20} {columns}", flush=True)
        for name in [name for name in taken if name + DELAYED in taken]:
            print(f"{name}: a delay hides {hidden(taken[name], taken[name + DELAYED]):.0%} of what it could")


def hidden(plain: dict[str, float], delayed: dict[str, float]) -> float:
    """The seconds that a delay saves of a step, as a part of the shorter of exchange and all else."""
    exchange = plain["exchange"]
    return (sum(plain.values()) - sum(delayed.values())) / min(exchange, sum(plain.values()) - exchange)


class Crew:
    """Workers with a shard each, which carry out one command after another.  ``pipes``: to their processes."""

    def __init__(self, pipes: list[Any]) -> None:
        self._pipes = pipes
        self._addresses = dict(enumerate(pipe.recv() for pipe in pipes))
        self._generation = 0

    def run(self, command: Command) -> tuple[Report, int]:
        """The report of the first worker, and the bytes that it has sent."""
        self._generation += 1
        shards = {index: [index] for index in range(WORKERS)}
        order = Assignment(self._generation, command, shards, list(self._addresses.values()), self._addresses)
        for pipe in self._pipes:
            pipe.send(order)
        first, *_ = [pipe.recv() for pipe in self._pipes]
        return first


def measured(crew: Crew, folder: str, training: dict[str, Any]) -> tuple[dict[str, float], float]:
    """Seconds of a step by phase, and bytes that the first worker sends in one."""
    from yarnml.data.plan import make_plan
    from yarnml.job.load import load_job

    data = {"train": str(EXAMPLES / "digits/data/train"), "features": ["pixels"], "label": "digit"}
    document = {
        "name": "slow-network",
        "data": data | {"classes": list(range(10)), "scale": "standard"},
        "learner": {"kind": "mlp", "hidden": [1024, 1024]},
        "training": {"epochs": 1 + EPOCHS, **training},
        "checkpoint": {"path": f"{folder}/job"},
    }
    job = load_job(document)
    plan = make_plan(job)
    crew.run(Initialize(job, plan.datasets, {n: ipc(schema) for n, schema in plan.stored.items()}, WORKERS))
    crew.run(FitScaling(plan.schema))
    built, _ = crew.run(Build(plan.schema))
    assert isinstance(built, Built), built
    steps = built.steps
    _, before = crew.run(Train(0, steps))
    seconds: dict[str, float] = {}
    sent = before
    for epoch in range(1, 1 + EPOCHS):
        report, sent = crew.run(Train(epoch * steps, (epoch + 1) * steps))
        assert isinstance(report, Trained), report
        seconds = {name: seconds.get(name, 0.0) + spent for name, spent in report.seconds.items()}
    count = EPOCHS * steps
    return {name: spent / count for name, spent in seconds.items()}, (sent - before) / count


def start(index: int, pair: tuple[bytes, bytes], stack: contextlib.ExitStack) -> Any:
    """Start a worker's process; the pipe on which it gets assignments and sends its reports."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=work, args=(index, other, pair), daemon=True)
    process.start()
    other.close()  # so that the end of the process ends the wait for its report
    stack.callback(process.join)
    return pipe


def work(index: int, pipe: Any, pair: tuple[bytes, bytes]) -> None:
    """Carry out assignments as a container does, until there is none."""
    from yarnml.reduce.allreduce import NetworkAllReduce
    from yarnml.reduce.server import PeerServices, ReducerServer
    from yarnml.worker.mapper import Mapper
    from yarnml.worker.progress import ProgressTracker

    credentials = Certificate(*pair, NAME)
    services = PeerServices(credentials)
    server = ReducerServer(services, HOST, credentials, STEP_SECONDS)
    allreduce = NetworkAllReduce(index, services, server.address, credentials, STEP_SECONDS)
    mapper = Mapper(index, allreduce, ProgressTracker(), lambda generation, step, copy: None)
    pipe.send(server.address)
    while assignment := pipe.recv():
        pipe.send((mapper.execute(assignment), allreduce.sent.bytes))
    allreduce.close()
    server.shutdown()


if __name__ == "__main__":
    compare(int(sys.argv[1]), sys.argv[2])
