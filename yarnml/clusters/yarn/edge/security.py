"""The checks of `yarnml doctor` that only a cluster with Kerberos needs."""

import http.client
import ssl
import time
import urllib.error
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.edge.clocks import compare_with_servers
from yarnml.errors import ClusterError
from yarnml.events.text import count_of
from yarnml.storage.base import Unavailable
from yarnml.storage.connect import check_any_answers
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import kerberos, truststore
from yarnml.storage.security.web import Caller

ANSWER_SECONDS = 5.0
"""Time limit for an answer of a web service."""

KEY_PROVIDER = "hadoop.security.key.provider.path"
OLD_KEY_PROVIDER = "dfs.encryption.key.provider.uri"

_KEY_SERVER_PORT = 9600


class WebAnswer(NamedTuple):
    """An answer of a web service.

    ``asks_for_ticket``: whether the user's name was not enough.
    ``ahead``: seconds by which its clock is ahead of this machine's.
    """

    asks_for_ticket: bool
    ahead: float


def check_truststore(settings: Configuration) -> str:
    """Check the authorities by which the certificates of web services are judged; where they come from, in words."""
    store = truststore.of_cluster(settings)
    if not store.path:
        return "ssl-client.xml names none; SSL_CERT_FILE or this system's authorities count"
    count = len(truststore.certificates(store.path, store.password))
    return f"{store.path}, {count_of(count, 'certificate')}"


class WebServices:
    """The web services of the NameNodes and the ResourceManagers; of each kind the first that answers counts."""

    def __init__(self, settings: Configuration) -> None:
        self._settings = settings
        self._answers: dict[str, WebAnswer] = {}

    def check(self) -> str:
        """Find out what they ask for, in words; `UnknownToYarn` where none of a kind answers us."""
        caller = Caller()
        for kind, pages in _pages(self._settings).items():
            name, answer = _first_answer(caller, kind, pages)
            self._answers[name] = answer
        words = {True: "asks for a ticket", False: "believes a name"}
        return "; ".join(f"{name} {words[answer.asks_for_ticket]}" for name, answer in self._answers.items())

    def check_clocks(self) -> str:
        """Compare their clocks, and that of the KDC, with this machine's."""
        kdc = kerberos.kdc_ahead()
        ahead = {} if kdc is None else {"the KDC": kdc}
        ahead |= {name: answer.ahead for name, answer in self._answers.items()}
        if not ahead:
            raise UnknownToYarn("no server tells what its clock shows")
        return compare_with_servers(ahead)


def check_key_provider(settings: Configuration) -> str:
    """Check that the server of the keys of encryption zones answers."""
    provider = settings.get(KEY_PROVIDER) or settings.get(OLD_KEY_PROVIDER)
    if not provider:
        return f"{KEY_PROVIDER} names none"
    addresses = key_servers(provider)
    try:
        if addresses:
            check_any_answers("key server", addresses)
    except Unavailable as exc:
        raise ClusterError(f"{exc}; have it started, or correct {KEY_PROVIDER} in core-site.xml.") from exc
    return provider


def key_servers(provider: str) -> list[str]:
    """The addresses, host:port, in a URL such as ``kms://https@host1;host2:9600/kms``; none for another kind."""
    scheme, _, rest = provider.partition("://")
    if scheme != "kms":
        return []
    hosts, _, port = rest.partition("/")[0].rpartition("@")[2].partition(":")
    return [f"{host}:{port or _KEY_SERVER_PORT}" for host in hosts.split(";")]


def _pages(settings: Configuration) -> dict[str, list[str]]:
    """Pages of the NameNodes and ResourceManagers that every user may see, by the kind of server."""
    nodes = settings.name_nodes(settings.root.partition("://")[2]) if settings.root.startswith("hdfs://") else ()
    return {
        "NameNode": [f"{node.web}/webhdfs/v1/" for node in nodes],
        "ResourceManager": [f"{manager.web}/ws/v1/cluster/info" for manager in settings.resource_managers],
    }


def _first_answer(caller: Caller, kind: str, pages: list[str]) -> tuple[str, WebAnswer]:
    """The first answer of these pages, and the name of its server."""
    failures = []
    for url in pages:
        web = "/".join(url.split("/")[:3])
        try:
            return f"the {kind} {web}", _ask(caller, url)
        except ssl.SSLCertVerificationError as exc:
            raise ClusterError(
                f"The certificate of the {kind} {web} is not trusted: {exc.verify_message}; have its authority in the "
                "truststore that ssl-client.xml names, or set SSL_CERT_FILE to its certificate."
            ) from exc
        except (OSError, http.client.HTTPException) as exc:
            failures.append(f"{web}: {exc}")
    raise UnknownToYarn(f"the web service of no {kind} answers us ({'; '.join(failures)})")


def _ask(caller: Caller, url: str) -> WebAnswer:
    """Call a web service; OSError where it does not answer us."""
    before = time.time()
    try:
        with caller.open(url, {"op": "GETFILESTATUS"}, ANSWER_SECONDS) as answer:  # YARN's ignore an operation
            shown = answer.headers["Date"]
    except urllib.error.HTTPError as exc:
        with exc:
            if exc.code in (http.client.UNAUTHORIZED, http.client.NOT_FOUND):
                raise
            shown = exc.headers["Date"]  # a standby, which has a clock, too
    except urllib.error.URLError as exc:
        raise (exc.reason if isinstance(exc.reason, OSError) else exc) from exc
    clock = parsedate_to_datetime(shown).timestamp() if shown else before
    return WebAnswer(caller.asked_for_ticket(url), _ahead(clock, before, time.time()))


def _ahead(shown: float, before: float, after: float) -> float:
    """Seconds by which a clock that was read between two looks at this machine's is ahead of it; whole seconds show."""
    if shown + 1 < before:
        return shown + 1 - before
    return max(0.0, shown - after)
