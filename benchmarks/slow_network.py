"""Steps of two workers on two hosts with a slow cable: what a delay hides of the exchange, and what smaller sums save.

The network is made for real (`benchmarks.hosts`).  Workers talk by Flight with TLS, as between containers.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.example_data import data_of
from benchmarks.hosts import ADDRESSES, Hosts, run_on_first_host
from benchmarks.measure import align, spread
from benchmarks.peers.process import Peer, Running, present
from benchmarks.two_workers import Crew, Taken
from benchmarks.workloads import HEAVY, job
from yarnml.worker.library_variables import library_variables

SETTINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float32, delay 1": {"delay": 1},
    "bfloat16": {"gradients": "bfloat16"},
    "bfloat16, delay 1": {"gradients": "bfloat16", "delay": 1},
    "int8": {"gradients": "int8"},
    "int8, delay 1": {"gradients": "int8", "delay": 1},
    "int4": {"gradients": "int4"},
    "int4, delay 1": {"gradients": "int4", "delay": 1},
    "top_k 1 %": {"gradients": "top_k"},
    "top_k 1 %, delay 1": {"gradients": "top_k", "delay": 1},
    "16 local steps": {"local_steps": 16},
}
DELAYED = ", delay 1"


def main(
    rate: str = "1gbit",
    network: str = "large",
    seconds: float = 0.0,
    only: str = "",
    steps: int = 16,
    rounds: int = 3,
    peers: bool = False,
) -> None:
    """Steps of two workers on a slow cable, of a large network (12.6 million parameters) or of the digits' (1.1).

    With ``--seconds`` computing takes so much longer, with no core busy, as an accelerator's would.  ``--peers``: JAX
    and torch with gloo beside it, for the large network.  Needs Linux, ``ip``, ``tc`` and network namespaces.
    """
    print(f"slow-network: {network} network, two workers, {rate} from each to the other", flush=True)
    arguments = rate, network, seconds, only, steps, rounds, int(peers)
    run_on_first_host("benchmarks.slow_network", *map(str, arguments))


def compare(rate: str, network: str, seconds: float, only: str, steps: int, rounds: int, peers: bool) -> None:
    """Train with each setting whose name has ``only`` in it, in turn, and print the tables."""
    os.environ |= library_variables(1)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hosts = Hosts(rate)
        stack.callback(hosts.close)
        crew = Crew(hosts, stack)
        document = large_job(folder, seconds) if network == "large" else digits_job(folder)
        names = [name for name in SETTINGS if only in name]
        taken: dict[str, list[Taken]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names:
                spec = with_fields(document, SETTINGS[name])
                spec["checkpoint"] = {"path": f"{folder}/{number} {name}"}  # another training has another folder
                taken[name].append(crew.train(spec, steps))
        show(taken, steps)
        for name, block in peer_blocks(hosts, steps).items() if peers else ():
            milliseconds = [1000 * block() / steps for _ in range(rounds)]
            print(f"  {name:32} {spread(milliseconds, ' ms')}", flush=True)


def with_fields(document: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A job with these fields of ``training``, and always as many rows from one all-reduce to the next."""
    size = document["training"]["batch_size"] // fields.get("local_steps", 1)
    return document | {"training": document["training"] | {"batch_size": size, **fields}}


def large_job(folder: Path, seconds: float) -> dict[str, Any]:
    document = job(HEAVY, folder)
    if seconds:
        learner = document["learner"]
        learner["path"] = learner["path"].replace(":Net", ":Accelerated")
        learner["options"] = learner["options"] | {"seconds": seconds}
        document["training"]["batch_size"] = 32
    return document


def digits_job(folder: Path) -> dict[str, Any]:
    data = {"train": str(data_of("digits") / "train"), "features": ["pixels"], "label": "digit"}
    return {
        "name": "slow-network",
        "data": data | {"classes": list(range(10)), "scale": "standard"},
        "learner": {"kind": "mlp", "hidden": [1024, 1024]},
        "training": {"epochs": 1000, "batch_size": 256},
        "checkpoint": {"path": f"{folder}/job"},
    }


def show(taken: dict[str, list[Taken]], steps: int) -> None:
    """The medians of each setting, and what delays hide."""
    lines = [["milliseconds of a step", "compute", "exchange", "whole", "processor", "MB sent"]]
    for name, rounds in taken.items():
        columns: list[Callable[[Taken], float]] = [
            lambda one: 1000 * one.phases["compute"],
            lambda one: 1000 * one.phases["exchange"],
            lambda one: 1000 * one.seconds,
            lambda one: 1000 * one.processor,
            lambda one: one.sent / 1e6,
        ]
        lines.append([name, *(spread([column(one) for one in rounds]) for column in columns)])
    align(lines)
    for name in [name for name in taken if name + DELAYED in taken]:
        parts = [100 * hidden(*pair, steps) for pair in zip(taken[name], taken[name + DELAYED], strict=True)]
        print(f"  {name}: a delay hides {spread(parts, ' %')} of what it could", flush=True)


def hidden(plain: Taken, delayed: Taken, steps: int) -> float:
    """The seconds that a delay saves, as a part of the shorter of exchange and all else.

    Of the last of so many steps it can save none: a round ends when its last sum is there.
    """
    exchange = plain.phases["exchange"]
    shorter = min(exchange, plain.seconds - exchange)
    return (plain.seconds - delayed.seconds) / (shorter * (steps - 1) / steps)


def peer_blocks(hosts: Hosts, steps: int) -> dict[str, Callable[[], float]]:
    """Other programs on the same hosts; each call trains the steps and gives their seconds."""
    words = [HEAVY.name, str(steps)]
    peers = {
        "no exchange: JAX, 2 processes": Peer("step", [*words, "alone"], 2),
        "JAX with gloo": Peer("step", [*words, "gloo"], 2),
        "torch DDP with gloo": Peer("step_torch", [*words, "ddp"], 2, needs=["torch"]),
        "torch DDP, float16": Peer("step_torch", [*words, "fp16"], 2, needs=["torch"]),
        "torch DDP, bfloat16": Peer("step_torch", [*words, "bf16"], 2, needs=["torch"]),
        "torch DDP, PowerSGD of rank 4": Peer("step_torch", [*words, "power"], 2, needs=["torch"]),
    }

    def block(peer: Peer) -> float:
        running = Running(peer, [hosts.prefix(host) for host in range(len(ADDRESSES))], ADDRESSES[0])
        seconds = running()["seconds"]
        running.close()
        return seconds

    return {name: partial(block, peer) for name, peer in present(peers).items()}


if __name__ == "__main__":
    rate, network, seconds, only, steps, rounds, peers = sys.argv[1:]
    compare(rate, network, float(seconds), only, int(steps), int(rounds), peers == "1")
