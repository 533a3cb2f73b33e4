"""YARN's web services, as far as Skein does not tell the same: nodes, queues, attempts, and logs on their nodes."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from yarnml.clusters.yarn.capacity.answers import decode
from yarnml.storage import hadoop_config
from yarnml.storage.security import tokens
from yarnml.storage.security.web import Caller

ANSWER_SECONDS = 5.0
"""Time limit for an answer of a service."""

_T = TypeVar("_T")


def resource_manager(path: str, answer_type: type[_T]) -> _T:
    """Ask the active ResourceManager.

    ``path``: begins after /ws/v1/cluster.
    ``answer_type``: of `yarnml.clusters.yarn.capacity.answers`.

    Raises OSError where no ResourceManager answers, or the answer lacks a field.
    """
    failure = OSError("yarn-site.xml names no ResourceManager.")
    for address in hadoop_config.configuration().resource_managers:
        try:
            return decode(_get(f"{address.web}/ws/v1/cluster/{path}"), answer_type)
        except msgspec.ValidationError as exc:
            failure = OSError(f"{address.web} answers in a form that is not known: {exc}")
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:  # a standby points elsewhere, in HTML
            failure = OSError(f"{address.web} is not the active ResourceManager: {exc}")
        except OSError as exc:
            failure = exc
    raise failure


def node_manager(address: str, path: str, **query: str) -> bytes:
    """Ask the NodeManager at ``address``; ``path`` begins after /ws/v1/node.  OSError where it does not answer."""
    kind = "https" if hadoop_config.configuration().get("yarn.http.policy") == "HTTPS_ONLY" else "http"
    return _get(f"{kind}://{address}/ws/v1/node/{path}", **query)


def setting(name: str) -> str:
    """A property of a ResourceManager's own configuration; empty where it has none.  OSError where none answers."""
    addresses = hadoop_config.configuration().resource_managers
    text = _get(f"{addresses[0].web}/conf", name=name).decode() if addresses else ""
    return text.partition("<value>")[2].partition("</value>")[0]


def _get(url: str, **query: str) -> bytes:
    headers = {"Accept": "application/json, text/plain, */*"}
    caller = _caller(hadoop_config.find_folder(), os.environ.get("HADOOP_USER_NAME"))
    with caller.open(url, query, ANSWER_SECONDS, headers=headers) as answer:
        return bytes(answer.read())


@lru_cache(maxsize=4)
def _caller(folder: Path | None, name: str | None) -> Caller:
    """The caller for the cluster of a configuration and a user; both are there so that a change makes another."""
    return Caller(lambda: tokens.find([tokens.RESOURCE_MANAGER]), "X-Hadoop-Delegation-Token")
