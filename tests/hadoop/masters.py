"""The masters of a cluster: one NameNode and one ResourceManager, or two of each (`high_availability.py`)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.hadoop.access import Access
from tests.hadoop.configuration import MASTER, Properties, free_address
from tests.hadoop.lines import HOME, daemon


class Master(NamedTuple):
    """A NameNode or ResourceManager: the name of its daemon, and the URL of its web service."""

    name: str
    web: str


class Masters(Protocol):
    """The NameNodes and ResourceManagers of a cluster, and the servers that these need.

    ``settings``: their properties, by file.
    ``commands``: the lines of their daemons by name, in the order of their first start.
    """

    settings: Mapping[str, Properties]
    commands: Mapping[str, list[str]]

    def name_node(self) -> Master:
        """The active NameNode; OSError where none is active."""

    def resource_manager(self) -> Master:
        """The active ResourceManager; OSError where none is active."""


MakeMasters = Callable[[Path, Access], Masters]
"""A maker of the masters of a cluster with this folder, which knows its users by this access."""


class SingleMasters:
    """One NameNode and one ResourceManager."""

    def __init__(self, folder: Path, access: Access) -> None:
        web = access.scheme
        yarn_web = "webapp.https" if web == "https" else "webapp"
        addresses = {
            name: free_address(MASTER)
            for name in ("address", "scheduler.address", "resource-tracker.address", "admin.address")
        }
        self._hdfs_web = free_address(MASTER)
        self._yarn_web = free_address(MASTER)
        self._scheme = web
        self.settings = {
            "core-site.xml": {"fs.defaultFS": f"hdfs://{free_address(access.name_node_host)}"},
            "hdfs-site.xml": {
                "dfs.namenode.name.dir": f"file://{folder}/name",
                "dfs.namenode.http-address": free_address(MASTER),
                f"dfs.namenode.{web}-address": self._hdfs_web,
            },
            "yarn-site.xml": {
                "yarn.resourcemanager.hostname": MASTER,
                **{f"yarn.resourcemanager.{name}": address for name, address in addresses.items()},
                "yarn.resourcemanager.webapp.address": free_address(MASTER),
                f"yarn.resourcemanager.{yarn_web}.address": self._yarn_web,
                "yarn.resourcemanager.fs.state-store.uri": f"file://{folder}/state",
            },
        }
        begin = f'[ -d "{folder}/name" ] || "{HOME}/bin/hdfs" namenode -format -nonInteractive && exec "$@"'
        self.commands = {
            "namenode": ["/bin/sh", "-c", begin, "sh", *daemon("namenode", {})],
            "resourcemanager": daemon("resourcemanager", {}),
        }

    def name_node(self) -> Master:
        return Master("namenode", f"{self._scheme}://{self._hdfs_web}")

    def resource_manager(self) -> Master:
        return Master("resourcemanager", f"{self._scheme}://{self._yarn_web}")
