"""YARN's web services, as far as Skein does not tell the same: nodes, queues, attempts, and logs on their nodes."""

import http.client
import os
import urllib.error
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import msgspec

from yarnml.clusters.yarn.capacity.answers import ClusterAnswer, ClusterInfo
from yarnml.storage import hadoop_config
from yarnml.storage.answers import decode
from yarnml.storage.security import tokens
from yarnml.storage.security.web import Caller

ANSWER_SECONDS = 5.0
"""Time limit for an answer of a service."""

_ERRORS = 400
_UNAUTHORIZED = 401

_active: set[str] = set()  # the URLs of ResourceManagers whose newest answer was that of an active one

_T = TypeVar("_T")


def resource_manager(path: str, answer_type: type[_T]) -> _T:
    """Ask the active ResourceManager.

    ``path``: begins after /ws/v1/cluster.
    ``answer_type``: of `yarnml.clusters.yarn.capacity.answers`.

    Raises OSError where no ResourceManager answers, or the answer lacks a field.
    """
    return _first_answer(lambda web: decode(_get(f"{web}/ws/v1/cluster/{path}"), answer_type))


def info(web: str) -> ClusterInfo:
    """The state of the ResourceManager at a URL, active or not; OSError where it does not tell."""
    return _read(web, lambda: decode(_get(f"{web}/ws/v1/cluster/info"), ClusterAnswer)).cluster_info


def node_manager(address: str, path: str, **query: str) -> bytes:
    """Ask the NodeManager at ``address``; ``path`` begins after /ws/v1/node.  OSError where it does not answer."""
    return _get(f"{_node_web(address)}/ws/v1/node/{path}", query)


def log_page(address: str, container: str) -> str:
    """The page with the logs of a container of this user, on the NodeManager at ``address``."""
    return f"{_node_web(address)}/node/containerlogs/{container}/{os.environ.get('USER', '')}"


def _node_web(address: str) -> str:
    kind = "https" if hadoop_config.configuration().get("yarn.http.policy") == "HTTPS_ONLY" else "http"
    return f"{kind}://{address}"


def application_page(application: str, page: str, seconds: float, **query: str) -> bytes:
    """A page that an application serves, through a ResourceManager's proxy; OSError where none gives it to us."""
    return _first_answer(lambda web: _get(f"{web}/proxy/{application}/pages/{page}", query, seconds))


def setting(name: str) -> str:
    """A property of a ResourceManager's own configuration; empty where it has none.  OSError where none answers."""
    text = _first_answer(lambda web: _get(f"{web}/conf", {"name": name})).decode()
    return text.partition("<value>")[2].partition("</value>")[0]


def _first_answer(ask: Callable[[str], _T]) -> _T:
    """The answer of the first ResourceManager that gives one, the one that answered last before all others."""
    webs = [address.web for address in hadoop_config.configuration().resource_managers]
    if not webs:
        raise OSError("yarn-site.xml names no ResourceManager")
    failures = []
    for web in sorted(webs, key=lambda web: web not in _active):
        try:
            answer = _read(web, partial(ask, web))
        except OSError as exc:
            _active.discard(web)
            failures.append(exc)
        else:
            _active.add(web)
            return answer
    raise OSError("; ".join(map(str, failures))) from failures[-1]


def _read(web: str, ask: Callable[[], _T]) -> _T:
    """Call a ResourceManager; OSError says in one line why there is no answer."""
    try:
        return ask()
    except msgspec.ValidationError as exc:
        raise OSError(f"{web} answers in a form that is not known: {exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:  # a standby points elsewhere, in HTML
        raise OSError(f"{web} is not the active ResourceManager: {exc}") from exc
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code < _ERRORS:  # a standby points to itself while it becomes active
            raise OSError(f"{web} is not the active ResourceManager") from exc
        wants = "; it wants Kerberos" if exc.code == _UNAUTHORIZED else ""
        raise OSError(f"{web}: {exc}{wants}") from exc
    except (OSError, http.client.HTTPException) as exc:
        raise OSError(f"{web}: {getattr(exc, 'reason', exc)}") from exc


def _get(url: str, query: Mapping[str, str] = {}, seconds: float = ANSWER_SECONDS) -> bytes:
    headers = {"Accept": "application/json, text/plain, */*"}
    caller = _caller(hadoop_config.find_folder(), os.environ.get("HADOOP_USER_NAME"))
    with caller.open(url, query, seconds, headers=headers) as answer:
        return bytes(answer.read())


@lru_cache(maxsize=4)
def _caller(folder: Path | None, name: str | None) -> Caller:
    """The caller for the cluster of a configuration and a user; both are there so that a change makes another."""
    return Caller(lambda: tokens.find([tokens.RESOURCE_MANAGER]), "X-Hadoop-Delegation-Token")
