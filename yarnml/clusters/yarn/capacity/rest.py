"""YARN's web services, as far as Skein does not tell the same: attempts of an application, and logs on their nodes."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from yarnml.storage import hadoop_config

SECONDS = 5.0  # how long a service may take to answer

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # a proxy for the internet is none for YARN


def resource_manager(path: str) -> Any:
    """What the active ResourceManager answers; ``path`` begins after /ws/v1/cluster.  OSError where none does."""
    found: OSError = OSError("yarn-site.xml names no ResourceManager.")
    for address in hadoop_config.configuration().resource_managers:
        try:
            return json.loads(_get(f"{address.web}/ws/v1/cluster/{path}"))
        except ValueError as exc:  # a standby points elsewhere, in HTML
            found = OSError(f"{address.web} is not the active ResourceManager: {exc}")
        except OSError as exc:
            found = exc
    raise found


def node(address: str, path: str, **query: str) -> bytes:
    """What the NodeManager at ``address`` answers; ``path`` begins after /ws/v1/node."""
    kind = "https" if hadoop_config.configuration().get("yarn.http.policy") == "HTTPS_ONLY" else "http"
    return _get(f"{kind}://{address}/ws/v1/node/{path}", **query)


def _get(url: str, **query: str) -> bytes:
    """``user.name`` is how Hadoop is told who asks, where it believes it."""
    words = urllib.parse.urlencode({"user.name": hadoop_config.user(), **query})
    request = urllib.request.Request(f"{url}?{words}", headers={"Accept": "application/json, text/plain, */*"})
    with _open(request, timeout=SECONDS) as answer:
        return bytes(answer.read())


def setting(name: str) -> str:
    """A property of a ResourceManager's own configuration; empty where it has none.  OSError where none answers."""
    addresses = hadoop_config.configuration().resource_managers
    text = _get(f"{addresses[0].web}/conf", name=name).decode() if addresses else ""
    return text.partition("<value>")[2].partition("</value>")[0]
