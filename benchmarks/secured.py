"""HDFS under each protection that Hadoop has, and ``yarnml doctor``, beside the open cluster.

One process cluster after another on this machine, since a protection is a setting of its daemons.  It wants a quiet
machine: the differences are small.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from benchmarks.measure import spread
from tests.hadoop import Hadoop, hadoop, secure_hadoop
from yarnml import storage

AES = "AES/CTR/NoPadding"
OPEN = "open"


def protection(level: str, cipher: str = "", *, encrypted: bool = False) -> dict[str, dict[str, str]]:
    """The settings of one level for RPC and data, by file."""
    data = {
        "dfs.data.transfer.protection": level,
        "dfs.encrypt.data.transfer": str(encrypted).lower(),
        "dfs.encrypt.data.transfer.cipher.suites": cipher,
    }
    return {"core-site.xml": {"hadoop.rpc.protection": level}, "hdfs-site.xml": data}


LEVELS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    OPEN: {},
    "authentication": protection("authentication"),
    "integrity": protection("integrity"),
    "privacy, AES": protection("privacy", AES, encrypted=True),
    "privacy, no AES": protection("privacy"),
}


def main(rounds: int = 5, mebibytes: int = 64) -> None:
    """HDFS written and read under each protection, and doctor, beside the open cluster, on Hadoops of processes."""
    data = os.urandom(mebibytes << 20)
    print(f"secured: {mebibytes} MiB written and read by one thread through hdfs-native; {rounds} rounds")
    for name, settings in LEVELS.items():
        with started(settings) as cluster:
            url = f"{cluster.hdfs}/tmp/bench"
            taken: dict[str, list[float]] = {"write": [], "read": [], "doctor": []}
            for _ in range(rounds):
                taken["write"].append(seconds(lambda url=url: storage.write(url, data)))
                taken["read"].append(seconds(lambda url=url: storage.read(url)))
                taken["doctor"].append(seconds(doctor))
        rates = "  ".join(f"{n} {spread([mebibytes / v for v in taken[n]], ' MiB/s')}" for n in ("write", "read"))
        print(f"  {name:16} {rates}  doctor {spread(taken['doctor'], ' s')}", flush=True)


@contextmanager
def started(settings: Mapping[str, Mapping[str, str]]) -> Iterator[Hadoop]:
    """A cluster with these settings, whose user this process and its children become; without any an open one."""
    before = dict(os.environ)
    try:
        if not settings:
            with hadoop() as cluster:
                os.environ.update(cluster.environment)
                yield cluster
        else:
            with secure_hadoop(settings=settings) as running:
                os.environ.update(running.hadoop.environment)
                yield running.hadoop
    finally:
        os.environ.clear()
        os.environ.update(before)


def seconds(block: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    began = time.perf_counter()
    block()
    return time.perf_counter() - began


def doctor() -> None:
    """Check the cluster as a user does; it must be well."""
    subprocess.run([sys.executable, "-m", "yarnml", "doctor"], check=True, capture_output=True, timeout=120)
