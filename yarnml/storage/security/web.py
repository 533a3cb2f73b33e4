"""Calls of a cluster's web services, in the name of whoever we are.

What a server wants can't be told from the configuration: its RPC may ask for tickets and its web services for nothing.
So it is asked with the user's name, and where it answers 401 Negotiate, again with what it wants.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from yarnml.storage.hadoop_config import configuration
from yarnml.storage.security import gssapi, keytab, tokens
from yarnml.storage.security.identity import login_user, proxied
from yarnml.storage.security.tokens import Token
from yarnml.storage.security.truststore import tls_context

_UNAUTHORIZED = 401


class Proof(NamedTuple):
    """The parts of a call that have a server believe us."""

    query: Mapping[str, str]
    headers: Mapping[str, str]


class Refused(Exception):
    """A refusal by a server, or of where it sends us."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another web server, and from an encrypted one to encrypted ones only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        check_redirect(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_redirect(asked: str, given: str) -> None:
    """Refuse to be sent anywhere but to a web server, and from an encrypted connection to one that is not."""
    allowed = ("https",) if urlsplit(asked).scheme == "https" else ("http", "https")
    if urlsplit(given).scheme not in allowed:
        raise Refused(
            f"{urlsplit(asked).netloc} sends us to {given.partition('?')[0]}, where {' or '.join(allowed)} is due"
        )


class Caller:
    """Calls the servers of one service.

    ``token``: finds the token to show in a container; None on an edge node, or for a service that takes tickets only.
    ``header``: the header that takes a token; without one it goes into the query, where WebHDFS looks for it.
    ``tls``: the authorities that the servers' certificates are checked against.
    """

    def __init__(self, token: Callable[[], Token | None] = lambda: None, header: str = "") -> None:
        self._token = token
        self._header = header
        self.tls = tls_context(configuration())
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # a proxy for the internet is none for the cluster
            Redirects(),
            urllib.request.HTTPSHandler(context=self.tls),
        ).open
        self._user = cache(login_user)
        self._wanting: set[str] = set()  # servers that have asked for a proof

    def open(
        self,
        url: str,
        query: Mapping[str, str],
        seconds: float,
        method: str = "GET",
        headers: Mapping[str, str] = {},
    ) -> http.client.HTTPResponse:
        """Call a server; OSError where it does not answer, or refuses."""
        server = urlsplit(url).netloc
        if server not in self._wanting:
            named = Proof({"user.name": self._user(), **_in_the_name_of()}, {})
            try:
                return self._send(url, query, headers, method, seconds, named)
            except urllib.error.HTTPError as exc:
                if not _wants_ticket(exc):
                    raise
                exc.close()
                self._wanting.add(server)
        return self._send(url, query, headers, method, seconds, self._proof(server))

    def asked_for_ticket(self, url: str) -> bool:
        """Tell whether the server of a URL has wanted more than the user's name."""
        return urlsplit(url).netloc in self._wanting

    def fetch(self, url: str, seconds: float) -> http.client.HTTPResponse:
        """Get what a server has sent us to, by a URL that has all that is needed."""
        answer: http.client.HTTPResponse = self._open(url, timeout=seconds)
        return answer

    def _send(
        self,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        method: str,
        seconds: float,
        proof: Proof,
    ) -> http.client.HTTPResponse:
        whole = f"{url}?{urlencode({**query, **proof.query})}"
        request = urllib.request.Request(whole, headers=dict(headers), method=method)
        for name, value in proof.headers.items():
            request.add_unredirected_header(name, value)  # it is for this server alone
        answer: http.client.HTTPResponse = self._open(request, timeout=seconds)
        return answer

    def _proof(self, server: str) -> Proof:
        token = None if keytab.in_use() or not tokens.in_container() else self._token()
        if token and self._header:
            return Proof({}, {self._header: token.text})
        if token:
            return Proof({"delegation": token.text}, {})
        host = urlsplit(f"//{server}").hostname or ""
        try:
            return Proof(_in_the_name_of(), {"Authorization": gssapi.negotiate(host)})
        except PermissionError as exc:
            raise PermissionError(f"{server} wants a Kerberos ticket: {exc}") from exc


def _in_the_name_of() -> Mapping[str, str]:
    return {"doas": proxied()} if proxied() else {}


def _wants_ticket(exc: urllib.error.HTTPError) -> bool:
    asked = exc.headers.get_all("WWW-Authenticate", [])
    return exc.code == _UNAUTHORIZED and any(line.split()[:1] == ["Negotiate"] for line in asked)
