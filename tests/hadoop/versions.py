"""``python -m tests.hadoop.versions VERSION …``: try the client side on daemons of other versions of Hadoop.

For each version it fetches the jars by Maven, starts a cluster, has `yarnml doctor` look at it, trains a small job
there, and keeps what the web services answer as ``tests/clusters/yarn/answers/VERSION.json``.
"""

import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.hadoop.lines import ROOT
from tests.hadoop.rest import http

ANSWERS = ROOT / "tests/clusters/yarn/answers"

HOME = f"/user/{getpass.getuser()}"

YARN = {
    "info": "info",
    "nodes": "nodes",
    "scheduler": "scheduler",
    "labels": "get-node-labels",
    "application": "apps/{application}",
    "attempts": "apps/{application}/appattempts",
}
"""The names of answers of the ResourceManager, with the path of each after ``/ws/v1/cluster/``."""

HDFS = {"GETFILESTATUS": "{file}", "LISTSTATUS": f"{HOME}/train", "GETFILEBLOCKLOCATIONS": "{file}"}
"""The operations of WebHDFS whose answers are kept, with the path that each is about."""


def fetch(version: str, home: Path) -> None:
    """Make a Hadoop home of a version, as ``docker/hadoop-home`` makes that of the tests' own."""
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={home}/lib", f"-Dhadoop.version={version}"]
    subprocess.run(["mvn", "--quiet", "--batch-mode", "--file", ROOT / "docker/pom.xml", *goal], check=True)
    (home / "lib/server").mkdir()
    for jar in (home / "lib").glob("bc*.jar"):
        jar.rename(home / "lib/server" / jar.name)
    for webapp in ("hdfs", "datanode", "journal", "static"):
        (home / "webapps" / webapp / "WEB-INF").mkdir(parents=True)
    for folder in ("bin", "conf"):
        shutil.copytree(ROOT / "docker" / folder, home / folder, symlinks=True)


def record(version: str) -> None:
    """Use a cluster of the Hadoop in TEST_HADOOP_HOME as a user would, and keep its answers."""
    from tests.hadoop import HOSTS, QUICK, QUICK_INSIDE, hadoop  # reads where Hadoop is

    with hadoop(QUICK, QUICK_INSIDE) as cluster, tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, ROOT / "examples/digits/make_data.py", folder], check=True)
        done = cluster.command("hdfs", "dfs", "-put", f"{folder}/train", f"{HOME}/train")
        assert done.returncode == 0, done.stderr
        job = Path(folder, "job.yaml")
        job.write_text(json.dumps(small_job()))
        for line in (["doctor", job], ["submit", job]):
            subprocess.run(
                [sys.executable, "-m", "yarnml", *map(str, line)], env=os.environ | cluster.environment, check=True
            )
        cluster.kill("nodemanager-1")  # is LOST soon
        os.kill(cluster.pid("nodemanager-2"), 15)  # is SHUTDOWN
        cluster.wait_for("the loss of two nodes", lambda: set(cluster.live_nodes()) == {HOSTS[2]}, deadline=60)
        names = {
            "application": cluster.rest("/apps")["apps"]["app"][0]["id"],
            "file": f"{HOME}/train/{min(path.name for path in Path(folder, 'train').iterdir())}",
        }
        calls = {name: partial(cluster.rest, f"/{path.format(**names)}") for name, path in YARN.items()}
        calls |= {name: partial(cluster.webhdfs, path.format(**names), name) for name, path in HDFS.items()}
        status = f"{cluster.hdfs_web}/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus"
        calls["NameNodeStatus"] = partial(http, status, "GET")
        answers = {name: call() for name, call in calls.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(answer, separators=(',', ':'))}" for name, answer in answers.items()]
    ANSWERS.mkdir(exist_ok=True)
    (ANSWERS / f"{version}.json").write_text("{{\n{}\n}}\n".format(",\n".join(lines)))


def small_job() -> dict[str, Any]:
    """A job that a cluster can be seen to run, in a second of training."""
    home = f"hdfs://{HOME}"
    return {
        "name": "small",
        "data": {"train": f"{home}/train", "features": ["pixels"], "label": "digit"},
        "learner": {"kind": "naive_bayes"},
        "workers": {"count": 2, "memory": "1 GiB"},
        "environment": {"python": sys.executable},
        "checkpoint": {"path": f"{home}/job"},
        "export": f"{home}/models",
    }


if __name__ == "__main__":
    if "TEST_HADOOP_HOME" in os.environ:
        record(sys.argv[1])
        sys.exit()
    for version in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="hadoop-") as home:
            fetch(version, Path(home))
            line = [sys.executable, "-m", "tests.hadoop.versions", version]
            subprocess.run(line, env=os.environ | {"TEST_HADOOP_HOME": home}, check=True)
