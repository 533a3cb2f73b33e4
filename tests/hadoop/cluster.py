"""A running Hadoop: its daemons, its hosts and its commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests import families
from tests.hadoop.access import Access
from tests.hadoop.configuration import (
    GPU_HOST,
    HOSTS,
    datanode_options,
    make_configuration,
    make_inside,
    nodemanager_options,
    read,
)
from tests.hadoop.lines import HOME, daemon, java_home
from tests.hadoop.masters import Masters
from tests.hadoop.rest import has_registered, live_hosts, running_nodes

DEADLINE = 180.0


class Hadoop:
    """A running cluster.

    Daemons have names: ``namenode``, ``resourcemanager``, ``datanode-1`` … ``datanode-3``, ``nodemanager-1`` …; number
    i is on ``hosts[i - 1]``.
    """

    def __init__(
        self,
        folder: Path,
        changes: Mapping[str, str],
        inside: Mapping[str, str],
        access: Access,
        masters: Masters,
        hosts: Sequence[str] = HOSTS,
    ) -> None:
        self.folder = folder
        self.hosts = hosts
        self._access = access
        self.masters = masters
        self.conf_dir = make_configuration(folder, access.settings, masters.settings, {"yarn-site.xml": dict(changes)})
        self._inside = make_inside(self.conf_dir, {**inside, **access.inside})
        self.hdfs = read(self.conf_dir / "core-site.xml")["fs.defaultFS"]
        self._processes: dict[str, psutil.Process] = {}
        self._commands = {**access.servers, **masters.commands}
        self._datanode_webs = []
        for i, host in enumerate(hosts, start=1):
            properties = datanode_options(folder, host) | access.datanode(host)
            self._datanode_webs.append(f"{access.scheme}://" + properties[f"dfs.datanode.{access.scheme}.address"])
            self._commands[f"datanode-{i}"] = daemon("datanode", properties)
            properties = nodemanager_options(folder, host) | access.nodemanager(host)
            self._commands[f"nodemanager-{i}"] = daemon("nodemanager", properties)
        self._guard = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("guard.py"), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def web(self) -> str:
        """The URL of the active ResourceManager's web service."""
        return self.masters.resource_manager().web

    @property
    def hdfs_web(self) -> str:
        """The URL of the active NameNode's web service."""
        return self.masters.name_node().web

    @property
    def daemons(self) -> list[str]:
        """The names of all daemons, in the order of their first start."""
        return list(self._commands)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a user of this cluster, to be laid over those of the process."""
        return {
            "HADOOP_CONF_DIR": str(self.conf_dir),
            "HADOOP_HOME": str(HOME),
            "JAVA_HOME": java_home(),
            "PATH": f"{HOME}/bin:{os.environ['PATH']}",
            **self._access.user,
        }

    def start(self, name: str) -> None:
        """Start a daemon that does not run; it is not waited for."""
        assert not self.runs(name), f"{name} runs already"
        node = self.environment | {"PATH": f"{HOME}/bin:{os.defpath}", "LANG": "C.UTF-8", "HADOOP_HEAPSIZE_MAX": "320m"}
        node |= self._access.daemon(name)
        if name.startswith("nodemanager"):
            node |= {"HADOOP_CONF_DIR": str(self._inside)}
        order = {"argv": self._commands[name], "environment": node, "log": str(self.log(name))}
        assert self._guard.stdin
        assert self._guard.stdout
        print(json.dumps(order), file=self._guard.stdin, flush=True)
        self._processes[name] = psutil.Process(int(self._guard.stdout.readline()))

    def kill(self, name: str) -> None:
        """SIGKILL to a daemon; the containers of a NodeManager live on."""
        self._processes[name].kill()
        self.wait_for(f"the end of {name}", lambda: not self.runs(name))

    def stop(self, name: str) -> None:
        """Freeze a daemon."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen daemon go on."""
        self._processes[name].send_signal(signal.SIGCONT)

    def kill_host(self, host: str) -> None:
        """SIGKILL to both daemons of a host and to every container there, as when its power is cut."""
        i = self.hosts.index(host) + 1
        family = [self._processes[f"datanode-{i}"], self._processes[f"nodemanager-{i}"], *self.containers(host)]
        families.send(family)
        self.wait_for(f"the end of {host}", lambda: not any(map(families.runs, family)))

    def start_host(self, host: str) -> None:
        """Start both daemons of a host again; they are not waited for."""
        i = self.hosts.index(host) + 1
        self.start(f"datanode-{i}")
        self.start(f"nodemanager-{i}")

    def containers(self, host: str) -> list[psutil.Process]:
        """The processes that the NodeManager of a host has started; none where it does not run."""
        return families.family(self._processes[f"nodemanager-{self.hosts.index(host) + 1}"])[1:]

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def runs(self, name: str) -> bool:
        return name in self._processes and families.runs(self._processes[name])

    def log(self, name: str) -> Path:
        """The file that a daemon's output goes to."""
        return self.folder / f"{name}.log"

    def command(
        self, *line: str | Path, user: str | None = None, timeout: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command (``hdfs dfs -ls /``) as this machine's user, or as an administrator of Hadoop, hdfs or yarn."""
        variables = os.environ | self.environment | (self._access.administrator(user) if user else {})
        return subprocess.run(
            [shutil.which(line[0], path=variables["PATH"]) or line[0], *line[1:]],
            env=variables,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )

    def rest(self, path: str, body: object = None, method: str = "POST", user: str = "yarn") -> Any:
        """Ask the ResourceManager's REST service, as an administrator; ``path`` begins after ``/ws/v1/cluster``.

        ``method``: that of a call with a ``body``.
        """
        url = f"{self.web}/ws/v1/cluster{path}"
        return self._access.http(url, "GET" if body is None else method, body, user)

    def webhdfs(self, path: str, operation: str, method: str = "GET", user: str = "hdfs", web: str = "") -> Any:
        """Ask the NameNode's REST service, as an administrator; ``web``: that of another NameNode."""
        return self._access.http(f"{web or self.hdfs_web}/webhdfs/v1{path}?op={operation}", method, None, user)

    def _beans(self, web: str, query: str) -> list[dict[str, Any]]:
        """The facts that a daemon tells of itself."""
        beans: list[dict[str, Any]] = self._access.http(f"{web}/jmx?qry={query}", "GET", None, "hdfs")["beans"]
        return beans

    def wait_for(
        self, what: str, condition: Callable[[], object], deadline: float = DEADLINE, needs: Iterable[str] = ()
    ) -> None:
        """Poll until the condition holds; a silent server is no failure, the death of a needed daemon is."""
        end = time.monotonic() + deadline
        while True:
            answer = ""
            try:
                if condition():
                    return
            except OSError as e:
                answer = f"; the last answer was {e}"
            dead = [name for name in needs if not self.runs(name)]
            logs = "".join(f"\n--- the end of {name}.log:\n{_tail(self.log(name))}" for name in dead)
            assert not dead, f"{', '.join(dead)} died while waiting for {what}{logs}"
            assert time.monotonic() < end, f"waited {deadline:.0f} s for {what}{answer}"
            time.sleep(0.1)

    def wait_until_ready(self) -> None:
        """Wait for every daemon to do its work; all of them have been started."""
        for what, condition in [
            ("the servers before Hadoop's", self._access.prepare),
            ("the NameNode", lambda: self._make_folders() is None),
            ("the ResourceManager", lambda: self._make_labels() is None),
            ("all DataNodes", lambda: all(map(self._has_registered, self._datanode_webs))),
            ("the NameNode to see them", lambda: self.live_datanodes() == set(self.hosts)),
            ("all NodeManagers", lambda: set(self.live_nodes()) == set(self.hosts)),
        ]:
            self.wait_for(what, condition, needs=self._commands)

    def live_nodes(self) -> dict[str, dict[str, Any]]:
        """The ResourceManager's description of each running node, by host."""
        return running_nodes(self.rest("/nodes"))

    def live_datanodes(self) -> set[str]:
        """The hosts of the DataNodes that the NameNode counts on, and whose disks it knows from a heartbeat."""
        return live_hosts(self._beans(self.hdfs_web, "Hadoop:service=NameNode,name=NameNodeInfo"))

    def _has_registered(self, web: str) -> bool:
        return has_registered(self._beans(web, "Hadoop:service=DataNode,name=DataNodeInfo"))

    def close(self) -> None:
        """End all processes and remove the folder."""
        assert self._guard.stdin
        assert self._guard.stdout
        self._guard.stdin.close()
        self._guard.stdout.close()
        self._guard.wait(DEADLINE)

    def _make_folders(self) -> None:
        """A home for every user; room for everybody's temporary files and logs."""
        for folder, owner, mode in [
            ("/tmp", "hdfs", 1777),
            ("/logs", "yarn", 1777),
            ("/user", "hdfs", 755),
            *((f"/user/{user}", user, 755) for user in self._access.homes),
        ]:
            self.webhdfs(folder, f"MKDIRS&permission={mode}", "PUT")
            self.webhdfs(folder, f"SETOWNER&owner={owner}", "PUT")

    def _make_labels(self) -> None:
        self.rest("/add-node-labels", {"nodeLabelInfo": [{"name": "gpu", "exclusivity": True}]})
        self.rest("/replace-node-to-labels", {"nodeToLabels": [{"nodeId": f"{GPU_HOST}:0", "labels": ["gpu"]}]})


def _tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
