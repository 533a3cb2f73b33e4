"""The ways in which a cluster knows its users: by what everybody says of himself, or by Kerberos (`kerberos.py`)."""

from collections.abc import Mapping
from typing import Any, Protocol

from tests.hadoop.configuration import MASTER, Properties
from tests.hadoop.rest import http


class Access(Protocol):
    """The differences between an open cluster and a secured one.

    ``scheme``: of the web services.
    ``name_node_host``: of the NameNode in fs.defaultFS, where there is one alone.
    ``servers``: lines of the servers that must run before Hadoop's daemons, by name.
    ``user``: variables of this machine's user.
    ``settings``: more properties, by file.
    ``inside``: more properties of yarn-site.xml for NodeManagers and their containers alone.
    ``homes``: the users who have a home on HDFS.
    """

    scheme: str
    name_node_host: str
    servers: Mapping[str, list[str]]
    user: Mapping[str, str]
    settings: Mapping[str, Properties]
    inside: Properties
    homes: frozenset[str]

    def administrator(self, user: str) -> Mapping[str, str]:
        """The variables of an administrator of Hadoop, hdfs or yarn."""

    def datanode(self, host: str) -> Properties:
        """More properties of the DataNode of a host."""

    def nodemanager(self, host: str) -> Properties:
        """More properties of the NodeManager of a host."""

    def daemon(self, name: str) -> Mapping[str, str]:
        """More variables of a daemon."""

    def prepare(self) -> bool:
        """Do what has to be done once the servers run; false where it must be tried again."""

    def http(self, url: str, method: str, body: object, user: str) -> Any:
        """Call a web service as an administrator of Hadoop, hdfs or yarn."""


class OpenAccess:
    """Everybody is who he says he is."""

    scheme = "http"
    name_node_host = MASTER

    def __init__(self, homes: frozenset[str]) -> None:
        self.homes = homes
        self.servers: Mapping[str, list[str]] = {}
        self.user: Mapping[str, str] = {}
        self.settings: Mapping[str, Properties] = {}
        self.inside: Properties = {}

    def administrator(self, user: str) -> Mapping[str, str]:
        return {"HADOOP_USER_NAME": user}

    def datanode(self, host: str) -> Properties:
        return {}

    def nodemanager(self, host: str) -> Properties:
        return {}

    def daemon(self, name: str) -> Mapping[str, str]:
        return {}

    def prepare(self) -> bool:
        return True

    def http(self, url: str, method: str, body: object, user: str) -> Any:
        return http(f"{url}{'&' if '?' in url else '?'}user.name={user}", method, body)
