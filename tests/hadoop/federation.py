"""Two NameNodes and ResourceManagers, and a second HDFS on the same DataNodes, whose NameNode has files of its own."""

import shlex
from pathlib import Path

from tests.hadoop.access import Access
from tests.hadoop.configuration import MASTER, Properties, free_address, merged
from tests.hadoop.high_availability import CLUSTER_ID, SERVICE, TwoMasters
from tests.hadoop.lines import daemon
from tests.hadoop.masters import Master

OTHER_SERVICE = "ns2"
"""The name service of the second HDFS."""

_ID = "nn3"


class Federation:
    """The masters of `TwoMasters`, and the NameNode ``namenode-other`` of a second name service; a `Masters`.

    ``address``: host:port of that NameNode.
    ``other``: its name and the URL of its web service.
    """

    def __init__(self, folder: Path, access: Access) -> None:
        self.masters = TwoMasters(folder, access)
        self.address = free_address(MASTER)
        self.other = Master("namenode-other", f"{access.scheme}://{free_address(MASTER)}")
        self._folder = folder / "name-other"
        self.settings = merged([self.masters.settings, {"hdfs-site.xml": self._hdfs_settings(access.scheme)}])
        self.commands = self.masters.commands | {self.other.name: self._command()}

    def name_node(self) -> Master:
        return self.masters.name_node()

    def resource_manager(self) -> Master:
        return self.masters.resource_manager()

    def _hdfs_settings(self, scheme: str) -> Properties:
        suffix = f"{OTHER_SERVICE}.{_ID}"
        return {
            "dfs.nameservices": f"{SERVICE},{OTHER_SERVICE}",
            f"dfs.ha.namenodes.{OTHER_SERVICE}": _ID,
            f"dfs.client.failover.proxy.provider.{OTHER_SERVICE}": (
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
            ),
            f"dfs.namenode.rpc-address.{suffix}": self.address,
            f"dfs.namenode.http-address.{suffix}": free_address(MASTER),
            f"dfs.namenode.{scheme}-address.{suffix}": self.other.web.partition("://")[2],
            f"dfs.namenode.name.dir.{suffix}": f"file://{self._folder}",
        }

    def _command(self) -> list[str]:
        line = daemon("namenode", {"dfs.nameservice.id": OTHER_SERVICE, "dfs.ha.namenode.id": _ID})
        formatting = shlex.join([*line, "-format", "-force", "-clusterid", CLUSTER_ID])
        return ["/bin/bash", "-c", f'{{ [ -d "{self._folder}" ] || {formatting}; }} && exec "$@"', "bash", *line]
