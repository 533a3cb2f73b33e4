"""The Hadoop client configuration: where it is, what it says, and which addresses follow from it.

It is looked for in HADOOP_CONF_DIR, HADOOP_HOME/etc/hadoop and /etc/hadoop/conf, in this order.  Nothing here asks the
cluster.
"""

import getpass
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from yarnml.errors import ClusterError, JobFileError
from yarnml.storage import permissions

FILES = ("core-site.xml", "hdfs-site.xml", "yarn-site.xml", "resource-types.xml")

# Hadoop's default ports: of a NameNode, then of a ResourceManager.
RPC_PORT = 8020
HTTP_PORT = 9870
HTTPS_PORT = 9871
RM_PORT = 8032
RM_HTTP_PORT = 8088
RM_HTTPS_PORT = 8090

_INCLUDE = "{http://www.w3.org/2001/XInclude}include"
_VARIABLE = re.compile(r"\$\{([^${}\s]+)\}")
_MAX_NESTED_VARIABLES = 20  # as in Hadoop


class Address(NamedTuple):
    """One NameNode or ResourceManager: ``rpc`` is host:port, ``web`` a URL without a path."""

    rpc: str
    web: str


@dataclass(frozen=True)
class Configuration:
    """The properties of the site files; ``folder`` is None where there is no configuration."""

    folder: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """The value of a property, its variables replaced."""
        return self._replaced(self.values.get(name, default)).strip()

    def items(self) -> dict[str, str]:
        """All properties, their variables replaced."""
        return {name: self.get(name) for name in self.values}

    @property
    def default_fs(self) -> str:
        """The URL of the default filesystem, without a slash at its end; '' where none is set."""
        return self.get("fs.defaultFS", self.values.get("fs.default.name", "")).rstrip("/")

    @property
    def umask(self) -> int:
        """The bits that new files and folders don't have; JobFileError where they can't be told."""
        old = self.values.get(permissions.OLD_NAME, permissions.DEFAULT)
        return permissions.umask(self._replaced(self.values.get(permissions.NAME, old)))

    @property
    def root(self) -> str:
        """The URL of the default filesystem; ClusterError where none is set."""
        if root := self.default_fs:
            return root
        raise ClusterError("fs.defaultFS is not set in the Hadoop configuration; set HADOOP_CONF_DIR to its folder.")

    @property
    def wants_kerberos(self) -> bool:
        """True where the cluster's servers ask for tickets."""
        return self.get("hadoop.security.authentication").lower() == "kerberos"

    @property
    def name_services(self) -> dict[str, tuple[Address, ...]]:
        """The NameNodes of every name service in dfs.nameservices."""
        return {name: tuple(self._name_nodes(name)) for name in _names(self.get("dfs.nameservices"))}

    def name_nodes(self, authority: str) -> tuple[Address, ...]:
        """The NameNodes behind the host part of an hdfs:// URL: a name service, host:port or host."""
        service = self.name_services.get(authority)
        if service:
            return service
        rpc = _with_port(authority, RPC_PORT)
        known = [a for nodes in self.name_services.values() for a in nodes if a.rpc == rpc]
        return (known[0] if known else Address(rpc, self._name_node_web("", rpc)),)

    @property
    def resource_managers(self) -> tuple[Address, ...]:
        """The ResourceManagers, more than one with high availability; none where yarn-site.xml names none."""
        ids = _names(self.get("yarn.resourcemanager.ha.rm-ids"))
        if self.get("yarn.resourcemanager.ha.enabled") != "true":
            ids = []
        addresses = [self._resource_manager(f".{name}") for name in ids] or [self._resource_manager("")]
        return tuple(address for address in addresses if address)

    def _name_nodes(self, service: str) -> Iterator[Address]:
        ids = _names(self.get(f"dfs.ha.namenodes.{service}"))
        for suffix in [f".{service}.{name}" for name in ids] or [f".{service}"]:
            rpc = self.get(f"dfs.namenode.rpc-address{suffix}")
            if rpc:
                rpc = _with_port(rpc, RPC_PORT)
                yield Address(rpc, self._name_node_web(suffix, rpc))

    def _name_node_web(self, suffix: str, rpc: str) -> str:
        kind, port = ("https", HTTPS_PORT) if self.get("dfs.http.policy") == "HTTPS_ONLY" else ("http", HTTP_PORT)
        return _web(kind, self.get(f"dfs.namenode.{kind}-address{suffix}"), _host(rpc), port)

    def _resource_manager(self, suffix: str) -> Address | None:
        host = self.get(f"yarn.resourcemanager.hostname{suffix}")
        rpc = self.get(f"yarn.resourcemanager.address{suffix}") or host
        if not rpc:
            return None
        if self.get("yarn.http.policy") == "HTTPS_ONLY":
            web = _web("https", self.get(f"yarn.resourcemanager.webapp.https.address{suffix}"), host, RM_HTTPS_PORT)
        else:
            web = _web("http", self.get(f"yarn.resourcemanager.webapp.address{suffix}"), host, RM_HTTP_PORT)
        # Without a hostname the web address may lack a host, too: then it is that of the RPC address.
        return Address(_with_port(rpc, RM_PORT), web if host else web.replace("://:", f"://{_host(rpc)}:"))

    def _replaced(self, value: str) -> str:
        for _ in range(_MAX_NESTED_VARIABLES):
            after = _VARIABLE.sub(self._variable, value)
            if after == value:
                break
            value = after
        return value

    def _variable(self, match: re.Match[str]) -> str:
        """A property, or a variable of the environment (``env.NAME``, ``env.NAME:-default``); else it stays."""
        name = match[1]
        if not name.startswith("env."):
            return self.values.get(name, match[0])
        variable, _, default = name.removeprefix("env.").partition(":-")
        return os.environ.get(variable) or default.removeprefix("-")


def system_user(variables: Mapping[str, str] = os.environ) -> str:
    """The user's name on a cluster that believes everybody; `security.identity` knows it on others, too."""
    try:
        return variables.get("HADOOP_USER_NAME") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers of OpenShift
        return str(os.getuid())


def configuration(variables: Mapping[str, str] = os.environ) -> Configuration:
    """Read the configuration anew; an empty one where there is none.  JobFileError where it can't be read.

    A property of a later file counts, unless an earlier one is marked as final.
    """
    folder = find_folder(variables)
    if folder is None:
        return Configuration()
    values: dict[str, str] = {}
    final: set[str] = set()
    for name in FILES:
        for key, value, fixed in _properties(folder / name) if (folder / name).exists() else ():
            if key not in final:
                values[key] = value
            if fixed:
                final.add(key)
    return Configuration(folder, values)


def find_folder(variables: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the site files; JobFileError where HADOOP_CONF_DIR names one that is not there."""
    named = variables.get("HADOOP_CONF_DIR")
    if named and not Path(named).is_dir():
        raise JobFileError(f"HADOOP_CONF_DIR is {named}, which is not a folder; set it to the one with core-site.xml.")
    home = variables.get("HADOOP_HOME")
    places = [Path(named)] if named else [*([Path(home, "etc/hadoop")] if home else []), Path("/etc/hadoop/conf")]
    return next((place for place in places if place.is_dir()), None)


def properties(path: Path) -> dict[str, str]:
    """The properties of one file as they stand there; JobFileError where it can't be read."""
    return {name: value.strip() for name, value, _ in _properties(path)}


def _properties(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether it is final, of every property of a file and the files that it includes."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError) as exc:
        raise JobFileError(f"{path} is not readable Hadoop configuration: {exc}; repair it.") from exc
    for element in root:
        if element.tag == _INCLUDE:
            yield from _properties(path.parent / element.get("href", ""))
        elif element.tag == "property" and (name := (element.findtext("name") or "").strip()):
            fixed = (element.findtext("final") or "").strip() == "true"
            yield name, element.findtext("value") or "", fixed


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _host(address: str) -> str:
    return address.rpartition(":")[0] or address


def _with_port(address: str, port: int) -> str:
    return address if ":" in address else f"{address}:{port}"


def _web(kind: str, address: str, host: str, port: int) -> str:
    """An address to call; where the server is told to listen everywhere, its host is that of its RPC address."""
    address = _with_port(address or host, port)
    return f"{kind}://{address.replace('0.0.0.0:', f'{host}:', 1)}"
