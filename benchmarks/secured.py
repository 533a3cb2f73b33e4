"""A secured Hadoop beside an open one: start-up, ``doctor``, ``submit``, HDFS under each protection, and its tests.

Clusters of processes on this machine.  The open one and the one where everything is encrypted run side by side, and
commands and HDFS are timed on them in turn.  The other protections, settings of daemons, have a cluster each.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from benchmarks import submit
from benchmarks.measure import spread
from tests.hadoop import Hadoop, hadoop, secure_hadoop
from yarnml import storage

AES = "AES/CTR/NoPadding"
OPEN = "open"
SECURED = "secured (privacy, AES)"
TESTS = "tests/clusters/yarn/test_secured.py"

Properties = Mapping[str, Mapping[str, str]]


class Protection(NamedTuple):
    """A protection of RPC and data.

    ``settings``: of the cluster, by file.
    ``part``: of the bytes that are written and read, which are fewer where a cipher is slow.
    """

    settings: Properties
    part: float = 1.0


def protection(level: str, cipher: str = "", part: float = 1.0) -> Protection:
    """The protection of one level, by this cipher or else by those of SASL."""
    data = {
        "dfs.data.transfer.protection": level,
        "dfs.encrypt.data.transfer": str(bool(cipher)).lower(),
        "dfs.encrypt.data.transfer.cipher.suites": cipher,
    }
    return Protection({"core-site.xml": {"hadoop.rpc.protection": level}, "hdfs-site.xml": data}, part)


PROTECTIONS: Mapping[str, Protection] = {
    "authentication": protection("authentication"),
    "integrity": protection("integrity"),
    "privacy, no AES": protection("privacy", part=1 / 8),
}
"""Those beside the two clusters that are compared."""


class Running(NamedTuple):
    """A running cluster, and the seconds from the command to when it was ready."""

    hadoop: Hadoop
    start_up: float


def main(rounds: int = 2, mebibytes: int = 64, brief: bool = False) -> None:
    """Start-up, doctor, submit and HDFS under each protection beside the open cluster; unless brief, the tests, too."""
    began = time.perf_counter()
    print(f"secured: {rounds} rounds; seconds, median (min-max)")
    with ExitStack() as stack:
        clusters = {OPEN: stack.enter_context(started(None)), SECURED: stack.enter_context(started({}))}
        show("start-up of the cluster", {name: [running.start_up] for name, running in clusters.items()})
        _compare_commands(clusters, rounds)
        print(f"HDFS: {mebibytes} MiB by one thread through hdfs-native")
        for name, running in clusters.items():
            _show_hdfs(name, running.hadoop, rounds, mebibytes)
    for name, (settings, part) in PROTECTIONS.items():
        with started(settings) as running:
            _show_hdfs(name, running.hadoop, rounds, mebibytes * part)
    if not brief:
        line = [sys.executable, "-m", "pytest", "-q", "-n", "0", TESTS]
        print(f"{TESTS}: {seconds(lambda: run(line)):.0f} s, the start of its cluster in them")
    print(f"all of this: {time.perf_counter() - began:.0f} s")


def _compare_commands(clusters: Mapping[str, Running], rounds: int) -> None:
    """Time ``doctor`` and ``submit`` on each cluster in turn."""
    taken: dict[str, dict[str, list[float]]] = {}
    jobs = {}
    for name, running in clusters.items():
        with used(running.hadoop):
            jobs[name] = _job(running.hadoop)
    for number in range(rounds):
        for name, running in clusters.items():
            with used(running.hadoop):
                figures = {"doctor": seconds(lambda: run([sys.executable, "-m", "yarnml", "doctor"]))}
                parts = submit.timed(jobs[name], str(number))
            figures |= {"submit: application sent": parts[submit.SENT], "submit to its end": parts[submit.WHOLE]}
            for what, value in figures.items():
                taken.setdefault(what, {}).setdefault(name, []).append(value)
    for what, by_cluster in taken.items():
        show(what, by_cluster)


def _job(cluster: Hadoop) -> dict[str, Any]:
    """The job of ``submit``, by this interpreter on every node: nothing is packed."""
    return submit.small_job(f"{cluster.hdfs}/tmp/bench") | {"environment": {"python": sys.executable}}


def _show_hdfs(name: str, cluster: Hadoop, rounds: int, mebibytes: float) -> None:
    """Print the rates at which a file is written and read on a cluster."""
    data = os.urandom(int(mebibytes * 2**20))
    url = f"{cluster.hdfs}/tmp/bench/file"
    rates: dict[str, list[float]] = {"write": [], "read": []}
    with used(cluster):
        for _ in range(rounds):
            rates["write"].append(mebibytes / seconds(lambda: storage.write(url, data)))
            rates["read"].append(mebibytes / seconds(lambda: storage.read(url)))
    print(f"  {name:24}", *(f"{what} {spread(values, ' MiB/s'):28}" for what, values in rates.items()), flush=True)


@contextmanager
def started(settings: Properties | None) -> Iterator[Running]:
    """A secured cluster with these properties beside its own; an open one for None."""
    began = time.perf_counter()
    with ExitStack() as stack:
        if settings is None:
            cluster = stack.enter_context(hadoop())
        else:
            cluster = stack.enter_context(secure_hadoop(settings=settings)).hadoop
        yield Running(cluster, time.perf_counter() - began)


@contextmanager
def used(cluster: Hadoop) -> Iterator[None]:
    """Have this process and its children be the user of a cluster for the length of a block."""
    before = dict(os.environ)
    os.environ.update(cluster.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def show(what: str, by_cluster: Mapping[str, list[float]]) -> None:
    """Print the seconds of each cluster, and by how much the secured one was slower in the median."""
    print(f"  {what:28}", *(f"{name} {spread(values, ' s'):26}" for name, values in by_cluster.items()), flush=True)


def seconds(block: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    began = time.perf_counter()
    block()
    return time.perf_counter() - began


def run(line: list[str]) -> None:
    """Run a command, which must end well."""
    subprocess.run(line, check=True, capture_output=True, timeout=600)
