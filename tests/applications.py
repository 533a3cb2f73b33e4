"""A job on the process cluster, as its user submits it; and a look at its processes, to break them."""

import getpass
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hdfs_native
import psutil
import yaml

from tests import families
from tests.hadoop import Hadoop
from tests.hadoop.driver import OPTIONS, driver_options
from tests.processes import paced_learner, wait_for

Job = dict[str, Any]

OWNER = getpass.getuser()
USER = f"/user/{OWNER}"
SKEIN = "com.anaconda.skein.ApplicationMaster"
LEAD = "yarnml.clusters.yarn.containers.application_master"
CONTAINER = "yarnml.clusters.yarn.containers.container"

ENDED = ("FINISHED", "FAILED", "KILLED")


class Cluster:
    """The user's own corner of a cluster: a home on HDFS and a folder here."""

    def __init__(self, hadoop: Hadoop, folder: Path) -> None:
        self.hadoop = hadoop
        self.folder = folder
        more = {"PYTHONUNBUFFERED": "1", OPTIONS: driver_options(hadoop.environment)}
        self.variables = os.environ | hadoop.environment | more

    def yarnml(self, *arguments: str | Path, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
        """``yarnml …`` from an edge node; its status and output."""
        line = [sys.executable, "-m", "yarnml", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=timeout, env=self.variables)

    @property
    def hdfs(self) -> hdfs_native.Client:
        return hdfs_native.Client(self.hadoop.hdfs, {"dfs.client.use.datanode.hostname": "true"})

    def put(self, source: Path, target: str) -> None:
        """A folder of files from here to HDFS."""
        for path in sorted(source.iterdir()):
            options = hdfs_native.WriteOptions(overwrite=True, create_parent=True)
            with self.hdfs.create(f"{target}/{path.name}", options) as file:
                file.write(path.read_bytes())

    def read(self, url: str) -> bytes:
        with self.hdfs.read(url.removeprefix(self.hadoop.hdfs)) as file:
            return bytes(file.read())

    def files(self, path: str) -> list[str]:
        """All files and folders below a folder of HDFS, relative to it."""
        try:
            listed = list(self.hdfs.list_status(path, recursive=True))
        except FileNotFoundError:
            return []
        folders = {str(Path(f.path).parent) for f in listed} | {f.path for f in listed}
        return sorted(f.removeprefix(path + "/") for f in folders if f.startswith(path + "/"))

    def steps(self, job: Job) -> list[int]:
        """The committed checkpoints."""
        folder = job["checkpoint"]["path"].removeprefix(self.hadoop.hdfs)
        return sorted(int(n) for f in self.files(folder) for n in re.findall(r"checkpoints/step-(\d+)$", f))

    def processes(self, kind: str) -> list[psutil.Process]:
        """The containers' processes whose command line has ``kind``, oldest first."""
        processes = [p for host in self.hadoop.hosts for p in self.hadoop.containers(host)]
        return sorted(
            (p for p in processes if kind in families.line(p) and "bash" not in families.line(p)), key=lambda p: p.pid
        )

    def hosts(self, kind: str) -> set[str]:
        """The hosts on which processes of this kind run."""
        processes = set(self.processes(kind))
        return {host for host in self.hadoop.hosts if processes & set(self.hadoop.containers(host))}

    def application(self, name: str) -> dict[str, Any]:
        """The newest application of that name, as the ResourceManager tells it."""
        apps = (self.hadoop.rest("/apps")["apps"] or {}).get("app", [])
        return max((a for a in apps if a["name"] == name), key=lambda a: int(a["id"].rpartition("_")[2]))

    def attempts(self, name: str) -> int:
        answer = self.hadoop.rest(f"/apps/{self.application(name)['id']}/appattempts")
        return len(answer["appAttempts"]["appAttempt"])

    def end(self, application: str) -> None:
        """End an application, whosever it is, as YARN's administrator; one that has ended is left as it is."""
        state = f"/apps/{application}/state"
        if self.hadoop.rest(state)["state"] not in ENDED:
            self.hadoop.rest(state, {"state": "KILLED"}, "PUT")
            wait_for(f"the end of {application}", lambda: self.hadoop.rest(state)["state"] in ENDED)

    @contextmanager
    def filled(self, memory: str, queue: str = "default", user: str = OWNER) -> Iterator[Callable[[], None]]:
        """Another user's application that takes up memory, from when it runs until it is called off."""
        spec = {
            "name": "filler",
            "queue": queue,
            "master": {"resources": {"memory": "512 MiB", "vcores": 1}},
            "services": {"fill": {"resources": {"memory": memory, "vcores": 1}, "script": "sleep 600"}},
        }
        code = (
            "import json, sys\nfrom yarnml.clusters.yarn.skein_import import skein\n"
            "with skein.Client(log=False, java_options=sys.argv[2:]) as client:\n"
            "    print(client.submit(skein.ApplicationSpec.from_dict(json.loads(sys.argv[1]))))"
        )
        line = [sys.executable, "-c", code, json.dumps(spec), *self.variables[OPTIONS].split()]
        variables = self.variables | {"HADOOP_USER_NAME": user}
        done = subprocess.run(line, env=variables, capture_output=True, text=True, check=True, timeout=120)
        application = done.stdout.split()[-1]
        try:
            yield lambda: self.end(application)
        finally:
            self.end(application)

    def job(self, name: str, **sections: Any) -> Job:
        """A short job on the digits with folders of its own."""
        home = f"{self.hadoop.hdfs}{USER}"
        return {
            "name": name,
            "data": {
                "train": f"{home}/digits/train",
                "test": f"{home}/digits/test",
                "features": ["pixels"],
                "label": "digit",
                "scale": "standard",
            },
            "learner": {"kind": "mlp", "hidden": [32], "optimizer": {"kind": "adam", "learning_rate": 1e-3}},
            "training": {"epochs": 40, "batch_size": 256, "shards": 3},
            "workers": {"count": 2, "memory": "1 GiB"},
            "master": {"memory": "1 GiB"},
            "environment": {"python": sys.executable},
            "checkpoint": {"path": f"{home}/jobs/{name}", "every": "20 epochs", "keep": 2},
            "export": f"{home}/models/{name}",
        } | sections

    def endless(self, name: str, **sections: Any) -> Job:
        """A job that takes days and hardly any processor, with a checkpoint after every epoch, which is six steps."""
        job = self.held(name, **sections)
        job["training"] |= {"epochs": 100_000}
        return job

    def held(self, name: str, **sections: Any) -> Job:
        """A job that walks, a second or two an epoch, with a checkpoint after each, until `let_go`: then it runs."""
        learner = {"path": f"walks_{name.replace('-', '_')}.py", "optimizer": {"kind": "adam", "learning_rate": 1e-3}}
        (self.folder / learner["path"]).write_text(paced_learner(0.1, "CONTAINER_ID", self._start_signal(name)))
        job = self.job(name, learner=learner, **sections)
        job["training"] |= {"epochs": 24}
        job["checkpoint"] |= {"every": "1 epoch"}
        return job

    def let_go(self, job: Job) -> None:
        """From now on a job of `held` runs as fast as it can."""
        self._start_signal(job["name"]).touch()

    def _start_signal(self, name: str) -> Path:
        return self.folder / f"{name}.run"

    def write(self, job: Job) -> Path:
        path = self.folder / f"{job['name']}.yaml"
        path.write_text(yaml.safe_dump(job))
        return path

    def left_behind(self, job: Job) -> list[str]:
        """Staging folders and temporary files that a finished job has left, once all its processes have ended.

        A killed master may leave a piece of its history half-written; the job's next run removes it.
        """
        wait_for("the containers to end", lambda: not self.processes("yarnml"))
        staged = self.files(f"{USER}/.skein")
        folders = [job["checkpoint"]["path"], job["export"]]
        files = [file for folder in folders for file in self.files(folder.removeprefix(self.hadoop.hdfs))]
        return staged + [file for file in files if ".tmp-" in file and not file.startswith("history/")]


class Submitted:
    """``yarnml submit`` in the background."""

    def __init__(self, popen: "subprocess.Popen[str]", output: Path) -> None:
        self._popen = popen
        self._output = output

    def printed(self) -> str:
        return self._output.read_text()

    @property
    def id(self) -> str:
        wait_for("an application", lambda: "application_" in self.printed() or self._popen.poll() is not None)
        match = re.search(r"application_\d+_\d+", self.printed())
        assert match, self.printed()
        return match[0]

    def end(self, timeout: float = 240) -> tuple[int, str]:
        """Wait for the end; exit status and all output."""
        self._popen.wait(timeout)
        return self._popen.returncode, self.printed()

    def interrupt(self, signal: int) -> None:
        self._popen.send_signal(signal)


@contextmanager
def submitted(
    cluster: Cluster, job: Mapping[str, Any], *options: str, python: str = sys.executable
) -> Iterator[Submitted]:
    """Submit a job, by the yarnml of a Python environment; at the end of the block it is over."""
    path = cluster.write(dict(job))
    with in_background(cluster, path.with_suffix(".out"), "submit", str(path), *options, python=python) as run:
        yield run


@contextmanager
def in_background(cluster: Cluster, output: Path, *arguments: str, python: str = sys.executable) -> Iterator[Submitted]:
    """Run a command that submits a job, with all that it prints in a file; at the end of the block the job is over."""
    with output.open("w") as out:
        line = [python, "-m", "yarnml", *arguments]
        popen = subprocess.Popen(
            line, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=cluster.variables
        )
    run = Submitted(popen, output)
    try:
        yield run
    finally:
        popen.kill()
        popen.wait()
        for application in set(re.findall(r"application_\d+_\d+", run.printed())):
            cluster.end(application)
