"""The configuration of a process cluster: that of ``docker/conf``, with addresses, folders and racks of its own."""

import random
import shutil
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests import lean, xla

SHARED = Path(__file__).parents[2] / "docker/conf"
SECURE = Path(__file__).parents[2] / "docker/secure"
MASTER = "127.0.0.1"
RACKS = {"127.0.0.2": "/rack-a", "127.0.0.3": "/rack-b", "127.0.0.4": "/rack-b"}
HOSTS = tuple(RACKS)
GPU_HOST = "127.0.0.4"
GPUS = 2

Properties = dict[str, str]

# What docker/bin/hadoop tells its short-lived Java processes, for those of Skein.
QUICK_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"


def admin_variables(java: str = QUICK_JAVA, **variables: str) -> str:
    """Variables of all containers, as a NodeManager's property; ``java``: options of every Java."""
    variables |= {
        "MALLOC_ARENA_MAX": "$MALLOC_ARENA_MAX",
        "JAVA_TOOL_OPTIONS": java,
        "PYTHONPATH": lean.PATH,
    }
    variables |= xla.QUICK
    return ",".join(f"{name}={value}" for name, value in variables.items())


# For who waits for the next heartbeat, or the next look: neither is far.
QUICK = {
    "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": "200",
    "yarn.nodemanager.container-monitor.interval-ms": "2000",  # a look at every process of the machine
    "yarn.resourcemanager.monitor.capacity.preemption.max_wait_before_kill": "1000",
    "yarn.nodemanager.admin-env": admin_variables(),
}
# In containers: Skein's master speaks with YARN at half of this interval, and every five seconds at most.
QUICK_INSIDE = {"yarn.am.liveness-monitor.expiry-interval-ms": "1000"}


def read(path: Path) -> Properties:
    """The properties of a Hadoop configuration file."""
    return {p.findtext("name", ""): p.findtext("value", "") for p in ElementTree.parse(path).iter("property")}


def write(path: Path, properties: Properties) -> None:
    """A Hadoop configuration file."""
    root = ElementTree.Element("configuration")
    for name, value in properties.items():
        element = ElementTree.SubElement(root, "property")
        ElementTree.SubElement(element, "name").text = name
        ElementTree.SubElement(element, "value").text = value
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


_ports = random.sample(range(15_000, 32_000), 17_000)  # those of daemons that have yet to start look free


def free_address(host: str) -> str:
    """``host:port`` that nobody listens on, below the ports that the kernel gives to clients; another at every call."""
    while _ports:
        port = _ports.pop()
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return f"{host}:{port}"
    raise RuntimeError("every port between 15000 and 32000 has been given to a daemon, or is taken")


def make_configuration(folder: Path, *settings: Mapping[str, Properties]) -> Path:
    """Write the folder that clients and daemons of this cluster read.

    ``settings``: properties by file, which may be a file of its own; later ones win.
    """
    target = folder / "conf"
    shutil.copytree(SHARED, target)
    racks = ",".join(f"{host}={rack}" for host, rack in RACKS.items())
    own = {
        "core-site.xml": {
            "hadoop.tmp.dir": str(folder / "tmp"),
            "net.topology.node.switch.mapping.impl": "org.apache.hadoop.net.StaticMapping",
            "net.topology.configured.node.mapping": racks,
        },
        "yarn-site.xml": {"yarn.node-labels.fs-store.root-dir": f"file://{folder}/labels"},
    }
    for name, properties in merged([own, *settings]).items():
        known = read(SHARED / name) if (SHARED / name).exists() else {}
        write(target / name, known | properties)
    return target


def merged(settings: Iterable[Mapping[str, Mapping[str, str]]]) -> dict[str, Properties]:
    """Properties by file, of several; later ones win."""
    whole: dict[str, Properties] = {}
    for part in settings:
        for name, properties in part.items():
            whole.setdefault(name, {}).update(properties)
    return whole


def make_inside(conf_dir: Path, changes: Properties) -> Path:
    """Write the folder that NodeManagers and their containers read: the same, with ``changes`` in yarn-site.xml."""
    target = Path(shutil.copytree(conf_dir, conf_dir.with_name("conf-inside")))
    write(target / "yarn-site.xml", read(conf_dir / "yarn-site.xml") | changes)
    return target


def datanode_options(folder: Path, host: str) -> Properties:
    """Properties of the DataNode of one host: its name, addresses and folder."""
    return {
        "dfs.datanode.hostname": host,
        "dfs.datanode.address": free_address(host),
        "dfs.datanode.ipc.address": free_address(host),
        "dfs.datanode.http.address": free_address(host),
        "dfs.datanode.data.dir": f"file://{folder}/hosts/{host}/blocks",
    }


def nodemanager_options(folder: Path, host: str) -> Properties:
    """Properties of the NodeManager of one host: its name, addresses, folders and GPUs."""
    options = {
        "yarn.nodemanager.hostname": host,
        "yarn.nodemanager.address": free_address(host),
        "yarn.nodemanager.localizer.address": free_address(host),
        "yarn.nodemanager.webapp.address": free_address(host),
        "yarn.nodemanager.collector-service.address": free_address(host),
        "yarn.nodemanager.local-dirs": f"{folder}/hosts/{host}/local",
        "yarn.nodemanager.log-dirs": f"{folder}/hosts/{host}/logs",
    }
    return options | ({"yarn.nodemanager.resource-type.yarn.io/gpu": str(GPUS)} if host == GPU_HOST else {})
