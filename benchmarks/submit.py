"""From the command to the first update on YARN, beside a bare Skein application and ``spark-submit``, in turn.

One process cluster on this machine; the environment is packed and on HDFS before the first round.  Spark (the extra
``bench``) finds its jars on every node, which is its quickest way.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks import workloads
from benchmarks.measure import spread
from benchmarks.on_hadoop import copied, started
from benchmarks.peers.spark import on_nodes
from benchmarks.workloads import SMALL
from yarnml import storage

ROUNDS = 5
SENT = "yarnml submit: application sent (checks, nothing packed)"
WHOLE = "the whole command"
MARK = "date +%s.%N > {folder}/$(date +%s%N)-$$"  # what a peer's tasks do: leave the time

SKEIN = """
import json, skein, sys
with skein.Client(log=False) as client:
    application = client.submit_and_connect(skein.ApplicationSpec.from_dict(json.loads(sys.argv[1])))
    while client.application_report(application.id).state not in ("FINISHED", "FAILED", "KILLED"):
        pass
"""
SPARK = """
import sys, time, uuid
from pyspark.sql import SparkSession

def task(rows, folder=sys.argv[1]):
    with open(f"{folder}/{uuid.uuid4()}", "w") as file:
        file.write(str(time.time()))
    return [0]

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize(range(2), 2).mapPartitions(task).collect()
spark.stop()
"""


def main(rounds: int = ROUNDS, packages: str = "auto") -> None:
    """From ``yarnml submit`` to the first update, beside Skein and Spark, on a Hadoop of processes.

    ``--packages all`` lets the whole environment travel, ``--packages yarnml`` only this package and its requirements.
    """
    print("submit: seconds from the command on, two workers; the same environment is on HDFS already")
    taken: dict[str, list[float]] = {}
    with started() as (_, home):
        job = small_job(home) | {
            "environment": {"packages": packages if packages in ("auto", "all") else packages.split()}
        }
        print(f"  packed, stored and unpacked for the first time: {timed(job, 'first')[WHOLE]:.1f} s")
        for number in range(rounds):
            for name, seconds in _round(job, number):
                taken.setdefault(name, []).append(seconds)
    for name, values in taken.items():
        print(f"  {name:60} {spread(values, ' s')}")


def _round(job: dict[str, Any], number: int) -> Iterator[tuple[str, float]]:
    yield from timed(job, str(number)).items()
    yield "bare Skein application: first worker's first command", _first_mark(_skein)
    if find_spec("pyspark"):
        yield "spark-submit: first task", _first_mark(_spark)
    elif number == 0:
        print("  spark-submit is left out: pyspark is not installed (pip install yarnml[bench])")


def small_job(home: str) -> dict[str, Any]:
    """The small workload, with data, checkpoints and models on HDFS."""
    job = workloads.job(SMALL, Path("unused"))
    job["data"]["train"] = copied(workloads.write(SMALL), f"{home}/data")
    job |= {"training": {"epochs": 1, "batch_size": SMALL.batch}, "export": f"{home}/models"}
    return job | {"checkpoint": {"path": f"{home}/job"}, "workers": {"count": 2, "memory": "1 GiB"}}


def timed(job: dict[str, Any], round: str) -> dict[str, float]:
    """One submit, timed by the lines that it prints and by what the master noted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.yaml"
        job_folder = f"{job['checkpoint']['path']}-{round}"
        path.write_text(yaml.safe_dump(job | {"checkpoint": {"path": job_folder}}))
        start = time.time()
        line = [sys.executable, "-u", "-m", "yarnml", "submit", path]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            seen = {line: time.time() - start for line in run.stdout}
        whole = time.time() - start
        assert run.returncode == 0, "".join(seen)
    sent = next(at for line, at in seen.items() if line.startswith("application_"))
    planned = next(at for line, at in seen.items() if " train rows in " in line)
    noted = json.loads(storage.read(f"{job_folder}/outcome.json"))["seconds"]
    begun = planned - noted["until_planned"]
    return {
        SENT: sent,
        "… the master's container up, Python and its imports": begun,
        "… data planned": planned,
        "… workers' containers up and joined": begun + noted["until_joined"],
        "… JAX imported, learner built": begun + noted["until_built"],
        "… first read, compiled, first update": begun + noted["until_updated"],
        WHOLE: whole,
    }


def _first_mark(peer: Callable[[Path], None]) -> float:
    """Seconds from the start of a peer to the earliest time that a task of it left."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        peer(Path(folder))
        return min(float(path.read_text()) for path in Path(folder).iterdir()) - start


def _skein(folder: Path) -> None:
    service = {
        "instances": 2,
        "resources": {"memory": "1 GiB", "vcores": 1},
        "script": MARK.format(folder=folder),
    }
    master = {"resources": {"memory": "1 GiB", "vcores": 1}}
    spec = {"name": "bare", "master": master, "services": {"worker": service}}
    subprocess.run([sys.executable, "-c", SKEIN, json.dumps(spec)], check=True, capture_output=True)


def _spark(folder: Path) -> None:
    import pyspark

    home = Path(pyspark.__file__).parent
    script = folder.with_suffix(".py")
    script.write_text(SPARK)
    options = on_nodes() | {
        "spark.executor.memory": "512m",
        "spark.pyspark.python": sys.executable,
        "spark.executorEnv.PYTHONPATH": str(home.parent),
    }
    line = [home / "bin/spark-submit", "--master", "yarn", "--num-executors", "2"]
    line += [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    subprocess.run([*line, script, folder], check=True, capture_output=True, env=os.environ | {"SPARK_HOME": str(home)})
    script.unlink()
