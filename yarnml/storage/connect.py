"""Connections to HDFS: which one a URL means, and how it is reached."""

import os
import socket
from collections.abc import Sequence

from yarnml.storage.base import Client, Unavailable
from yarnml.storage.connection import Connection
from yarnml.storage.hadoop_config import HTTP_PORT, HTTPS_PORT, Address, Configuration, configuration
from yarnml.storage.hdfs import Hdfs
from yarnml.storage.libhdfs import LibHdfs
from yarnml.storage.native import Native
from yarnml.storage.retry import CALL_SECONDS, CONNECT_SECONDS
from yarnml.storage.webhdfs import WebHdfs

CLIENT = "YARNML_HDFS"
"""The variable that names the client for ``hdfs://``: `NATIVE`, or libhdfs."""

NATIVE = "native"

VARIABLES = (
    "HADOOP_CONF_DIR",
    "HADOOP_HOME",
    "HADOOP_PROXY_USER",
    "HADOOP_USER_NAME",
    "KRB5CCNAME",
    "KRB5_CLIENT_KTNAME",
    CLIENT,
)
"""Variables that decide what the URL of an HDFS means, and who asks for it."""


def open_hdfs(scheme: str, authority: str) -> Hdfs:
    """The HDFS of a URL; ValueError where the URL and the configuration do not say which, JobFileError for a wrong one.

    It does not connect: the first call does.
    """
    settings = configuration()
    umask = settings.umask
    root = f"{scheme}://{authority}"
    nodes = name_nodes(scheme, authority, settings)
    if scheme == "hdfs":
        authority = authority or default_authority(settings)
        addresses = [node.rpc for node in nodes]

        def connect(number: int) -> Client:
            check_any_answers("NameNode", addresses)
            return _rpc_client(authority, settings, umask, number % len(nodes))

    else:
        addresses = [node.web for node in nodes]
        services = token_services(authority, nodes, settings)

        def connect(number: int) -> Client:
            first = number % len(addresses)
            return WebHdfs(addresses[first:] + addresses[:first], services, umask)

    return Hdfs(Connection(root, addresses, connect))


def web_client(scheme: str, authority: str, settings: Configuration, seconds: float = CALL_SECONDS) -> WebHdfs:
    """A client of the web services of the NameNodes that a URL means, by whatever protocol it reaches them."""
    nodes = name_nodes(scheme, authority, settings)
    services = token_services(authority, nodes, settings)
    return WebHdfs([node.web for node in nodes], services, settings.umask, seconds)


def name_nodes(scheme: str, authority: str, settings: Configuration) -> tuple[Address, ...]:
    """The NameNodes that a URL means; ValueError where it can't be meant."""
    default = settings.default_fs
    if not authority and not default.startswith("hdfs://"):
        where = f"{settings.folder}/core-site.xml says '{default}'" if settings.folder else "no core-site.xml was found"
        raise ValueError(
            f"{scheme}:/// without a host means fs.defaultFS, which must be an hdfs:// URL, but {where}; "
            "name the host, or set HADOOP_CONF_DIR."
        )
    if scheme == "hdfs" or not authority or authority in settings.name_services:
        nodes = settings.name_nodes(authority or default_authority(settings))
    else:
        secure = scheme == "swebhdfs"
        address = authority if ":" in authority else f"{authority}:{HTTPS_PORT if secure else HTTP_PORT}"
        nodes = (Address("", f"{'https' if secure else 'http'}://{address}"),)
    for node in nodes:
        port = (node.rpc or node.web).rpartition(":")[2]
        if not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError(f"{scheme}://{authority} has the port '{port}', which is not a number from 1 to 65535.")
    return nodes


def token_services(authority: str, nodes: Sequence[Address], settings: Configuration) -> list[str]:
    """The services that the delegation token of an HDFS may be for: its name service, or its NameNode's addresses."""
    name = authority or default_authority(settings)
    if name in settings.name_services:
        return [f"ha-hdfs:{name}"]
    webs = {node.web.lower() for node in nodes}
    known = settings.name_nodes(default_authority(settings)) if settings.default_fs.startswith("hdfs://") else ()
    same = [node.rpc for node in known if node.web.lower() in webs]
    return [*(node.rpc or node.web.rpartition("/")[2] for node in nodes), *same]


def identity(scheme: str, authority: str) -> tuple[str, str]:
    """The one protocol and host part for an HDFS, by whatever URL it is meant; both stay where it can't be told."""
    settings = configuration()
    try:
        nodes = name_nodes(scheme, authority, settings)
    except ValueError:
        return scheme, authority
    known = {service: [*members] for service, members in settings.name_services.items()}
    if settings.default_fs.startswith("hdfs://"):
        known.setdefault(default_authority(settings), list(name_nodes("hdfs", "", settings)))
    for name, members in known.items():
        if scheme == "hdfs" and {node.rpc.lower() for node in members} & {node.rpc.lower() for node in nodes}:
            return "hdfs", name
        if scheme != "hdfs" and {node.web.lower() for node in members} & {node.web.lower() for node in nodes}:
            return "hdfs", name
    return (scheme, nodes[0].rpc.lower()) if scheme == "hdfs" else (scheme, nodes[0].web.rpartition("/")[2].lower())


def default_authority(settings: Configuration) -> str:
    """The host part of fs.defaultFS."""
    return settings.default_fs.partition("://")[2].partition("/")[0]


def check_any_answers(server: str, addresses: Sequence[str]) -> None:
    """See that at least one of these host:port accepts a connection; `Unavailable` says of each why not.

    ``server``: what they are, such as NameNode.
    """
    reasons = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
            return
        except OSError as exc:
            reasons.append(f"{address}: {exc.strerror or exc}")
    raise Unavailable(f"no {server} can be reached ({'; '.join(reasons)})")


def _rpc_client(authority: str, settings: Configuration, umask: int, first: int) -> Client:
    kind = os.environ.get(CLIENT, NATIVE)
    if kind == NATIVE:
        return Native(authority, settings, umask, first)
    if kind == "libhdfs":
        return LibHdfs(authority, settings)
    raise ValueError(f"{CLIENT} is '{kind}'; it must be native or libhdfs.")
