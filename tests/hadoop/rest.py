"""Calls of Hadoop's REST services."""

import json
import urllib.error
import urllib.request
from typing import Any


def http(url: str, method: str, body: object = None) -> Any:
    """Call a service, with ``body`` as JSON; its answer is parsed where it is JSON, else text."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
    except urllib.error.HTTPError as exc:
        exc.close()
        raise
    return parsed(content)


def parsed(content: bytes) -> Any:
    """Read an answer: JSON where it is JSON, else text."""
    return json.loads(content) if content.strip().startswith((b"{", b"[")) else content.decode()


def has_registered(beans: list[dict[str, Any]]) -> bool:
    """Tell from a DataNode's own answer whether it has registered.

    Of one that was started again, the NameNode may still count on the process before.
    """
    actors = [bean.get("BPServiceActorInfo") or "[]" for bean in beans]
    return any(actor["ActorState"] == "RUNNING" for text in actors for actor in json.loads(text))


def live_hosts(beans: list[dict[str, Any]]) -> set[str]:
    """Read a NameNode's own answer: the hosts of the DataNodes that it counts on, and whose disks it knows."""
    nodes = json.loads(beans[0]["LiveNodes"]) if beans else {}
    return {name.split(":")[0] for name, node in nodes.items() if node["capacity"]}


def running_nodes(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Read a ResourceManager's answer on its nodes: those that run, by host."""
    nodes = (answer["nodes"] or {}).get("node", [])
    return {node["nodeHostName"]: node for node in nodes if node["state"] == "RUNNING"}
