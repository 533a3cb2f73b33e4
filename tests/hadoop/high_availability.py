"""Two NameNodes and two ResourceManagers, one of each active: another takes over within seconds where it ends.

A JournalNode holds the edits of the NameNodes, a ZooKeeper says who is active and keeps the ResourceManagers' state.
Each NameNode has a failover controller beside it, as on real clusters; a ResourceManager has its own inside.
"""

import contextlib
import shlex
from pathlib import Path
from typing import Any

from tests.hadoop.access import Access
from tests.hadoop.configuration import MASTER, Properties, free_address
from tests.hadoop.lines import daemon
from tests.hadoop.masters import Master

SERVICE = "ns1"
"""The name service of both NameNodes."""

CLUSTER_ID = "yarnml"
"""The cluster that NameNodes are of, which DataNodes ask of each."""

NAME_NODES = ("nn1", "nn2")
RESOURCE_MANAGERS = ("rm1", "rm2")

_SESSION_MS = "2000"  # the silence after which ZooKeeper gives a server up

_RPC = ("address", "scheduler.address", "resource-tracker.address", "admin.address")


class TwoMasters:
    """Two NameNodes, ``namenode-1`` and ``namenode-2``, and two ResourceManagers of that kind; a `Masters`."""

    def __init__(self, folder: Path, access: Access) -> None:
        self._folder = folder
        self._access = access
        self._zookeeper = free_address(MASTER)
        self._journal = free_address(MASTER)
        self._hdfs_webs = {name: free_address(MASTER) for name in NAME_NODES}
        self._yarn_webs = {name: free_address(MASTER) for name in RESOURCE_MANAGERS}
        self.settings = {
            "core-site.xml": {
                "fs.defaultFS": f"hdfs://{SERVICE}",
                "ha.zookeeper.quorum": self._zookeeper,
                "ha.zookeeper.session-timeout.ms": _SESSION_MS,
                "hadoop.zk.address": self._zookeeper,
                "hadoop.zk.timeout-ms": _SESSION_MS,
            },
            "hdfs-site.xml": self._hdfs_settings(),
            "yarn-site.xml": self._yarn_settings(),
        }
        self.commands = self._make_commands()

    def name_node(self) -> Master:
        return self._active("namenode")

    def resource_manager(self) -> Master:
        return self._active("resourcemanager")

    def standby(self, kind: str) -> bool:
        """Tell whether one of the daemons of a kind is active and another a standby, ready to take over."""
        return {"active", "standby"} <= {state for _, state in self._states(kind)}

    def _active(self, kind: str) -> Master:
        states = self._states(kind)
        active = [master for master, state in states if state == "active"]
        if not active:
            raise OSError(f"no {kind} is active: {states}")
        return active[0]

    def _states(self, kind: str) -> list[tuple[Master, str]]:
        """The daemons of a kind with the state that each tells of itself; those that don't answer are left out."""
        addresses, path, user = {
            "namenode": (self._hdfs_webs, "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus", "hdfs"),
            "resourcemanager": (self._yarn_webs, "/ws/v1/cluster/info", "yarn"),
        }[kind]
        states = []
        for number, address in enumerate(addresses.values(), start=1):
            master = Master(f"{kind}-{number}", f"{self._access.scheme}://{address}")
            with contextlib.suppress(OSError):
                states.append((master, _state(self._access.http(f"{master.web}{path}", "GET", None, user)).lower()))
        return states

    def _hdfs_settings(self) -> Properties:
        settings = {
            "dfs.nameservices": SERVICE,
            f"dfs.ha.namenodes.{SERVICE}": ",".join(NAME_NODES),
            f"dfs.client.failover.proxy.provider.{SERVICE}": (
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
            ),
            "dfs.ha.automatic-failover.enabled": "true",
            "dfs.ha.fencing.methods": "shell(/bin/true)",
            "dfs.ha.tail-edits.period": "1s",
            "ha.health-monitor.check-interval.ms": "500",
            f"dfs.namenode.shared.edits.dir.{SERVICE}": f"qjournal://{self._journal}/{SERVICE}",
            "dfs.journalnode.edits.dir": f"{self._folder}/journal",
            "dfs.journalnode.rpc-address": self._journal,
            "dfs.journalnode.http-address": free_address(MASTER),
            "dfs.journalnode.https-address": free_address(MASTER),
        }
        for number, name in enumerate(NAME_NODES, start=1):
            suffix = f"{SERVICE}.{name}"
            settings |= {
                f"dfs.namenode.rpc-address.{suffix}": free_address(MASTER),
                f"dfs.namenode.http-address.{suffix}": free_address(MASTER),
                f"dfs.namenode.{self._access.scheme}-address.{suffix}": self._hdfs_webs[name],
                f"dfs.namenode.name.dir.{suffix}": f"file://{self._name_folder(number)}",
                f"dfs.ha.zkfc.port.{suffix}": free_address(MASTER).rpartition(":")[2],
            }
        return settings

    def _yarn_settings(self) -> Properties:
        settings = {
            "yarn.resourcemanager.ha.enabled": "true",
            "yarn.resourcemanager.ha.rm-ids": ",".join(RESOURCE_MANAGERS),
            "yarn.resourcemanager.cluster-id": "yarnml",
            "yarn.resourcemanager.store.class": (
                "org.apache.hadoop.yarn.server.resourcemanager.recovery.ZKRMStateStore"
            ),
            # Nodes and clients that look for the active one wait so long between two tries; by default 30 s.
            "yarn.resourcemanager.connect.retry-interval.ms": "500",
        }
        web = "webapp.https.address" if self._access.scheme == "https" else "webapp.address"
        for name in RESOURCE_MANAGERS:
            settings |= {
                f"yarn.resourcemanager.hostname.{name}": MASTER,
                **{f"yarn.resourcemanager.{rpc}.{name}": free_address(MASTER) for rpc in _RPC},
                f"yarn.resourcemanager.webapp.address.{name}": free_address(MASTER),
                f"yarn.resourcemanager.{web}.{name}": self._yarn_webs[name],
            }
        return settings

    def _make_commands(self) -> dict[str, list[str]]:
        first, second = (f'"{self._name_folder(number)}"' for number in (1, 2))
        elected = f'"{self._folder}/elections"'
        name_node = [daemon("namenode", {"dfs.ha.namenode.id": name}) for name in NAME_NODES]
        controller = [daemon("zkfc", {"dfs.ha.namenode.id": name}) for name in NAME_NODES]
        format_names = (
            f"{shlex.join([*name_node[0], '-format', '-force', '-clusterid', CLUSTER_ID])} && "
            f"cp -R {first} {second}.new && mv {second}.new {second}"
        )
        format_elections = f"{shlex.join([*controller[0], '-formatZK', '-force'])} && touch {elected}"
        configuration = self._write_zookeeper()
        manager = [daemon("resourcemanager", {"yarn.resourcemanager.ha.id": name}) for name in RESOURCE_MANAGERS]
        journal = _listens(self._journal)
        zookeeper = _listens(self._zookeeper)
        return {
            "zookeeper": [*daemon("zookeeper", {}), str(configuration)],
            "journalnode": daemon("journalnode", {}),
            "namenode-1": _after(f"{journal} && {{ [ -d {second} ] || {{ {format_names}; }}; }}", name_node[0]),
            "namenode-2": _after(f"{_exists(second)} && {journal}", name_node[1]),
            "controller-1": _after(
                f"{zookeeper} && {{ [ -e {elected} ] || {{ {format_elections}; }}; }}", controller[0]
            ),
            "controller-2": _after(f"{_exists(elected)} && {zookeeper}", controller[1]),
            **{f"resourcemanager-{number}": _after(zookeeper, line) for number, line in enumerate(manager, start=1)},
        }

    def _name_folder(self, number: int) -> Path:
        return self._folder / f"name-{number}"

    def _write_zookeeper(self) -> Path:
        host, _, port = self._zookeeper.rpartition(":")
        path = self._folder / "zookeeper.cfg"
        lines = {
            "tickTime": 500,
            "dataDir": f"{self._folder}/zookeeper",
            "clientPortAddress": host,
            "clientPort": port,
            "admin.enableServer": "false",
        }
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return path


def _state(answer: Any) -> str:
    """The state that a NameNode or a ResourceManager tells of itself; empty while it begins."""
    if "clusterInfo" in answer:
        return str(answer["clusterInfo"]["haState"])
    return str(answer["beans"][0]["State"]) if answer["beans"] else ""


def _listens(address: str) -> str:
    """A line of shell that waits until a server accepts connections."""
    return f"until (: </dev/tcp/{address.replace(':', '/')}) 2>/dev/null; do sleep 0.1; done"


def _exists(path: str) -> str:
    """A line of shell that waits for a file or folder."""
    return f"until [ -e {path} ]; do sleep 0.1; done"


def _after(script: str, line: list[str]) -> list[str]:
    """The line of a daemon that begins after a script has ended well."""
    return ["/bin/bash", "-c", f'{script} && exec "$@"', "bash", *line]
