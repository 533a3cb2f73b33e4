"""Credentials of a job's processes: the token that they all know, or the certificate that they all hold."""

import datetime
import hmac
import secrets
import socket
from typing import Any, Protocol

import pyarrow.flight as fl

from yarnml.control.socket_folder import SocketFolder

TOKEN_VARIABLE = "YARNML_TOKEN"
FOLDER_VARIABLE = "YARNML_SOCKETS"

_HEADER = "x-yarnml-token"
_OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]  # chunks are bounded by us


class Credentials(Protocol):
    """The means by which one job's processes know each other.

    ``scheme``: of their addresses, ``grpc+unix`` or ``grpc+tls``.
    """

    @property
    def scheme(self) -> str: ...

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers for every call."""

    def listening(self, host: str) -> str:
        """The URL for a new server of this machine; ``host``: its name, as others reach it."""

    def address(self, url: str, port: int) -> str:
        """The address, without its scheme, of a server that listens at this URL and has got this port."""

    def serving(self) -> dict[str, Any]:
        """Arguments of a Flight server that refuses strangers."""

    def calling(self) -> dict[str, Any]:
        """Arguments of a Flight client."""

    def variables(self) -> dict[str, str]:
        """Environment variables that hand the credentials to a child process."""

    def doubt(self, error: str) -> str:
        """The probable reason why nobody could be called, to be put behind a sentence; empty where there is none.

        ``error``: what the transport says.
        """


class Token:
    """A shared secret, for processes of one machine that talk over sockets in a folder of their user.

    Other users can't enter the folder: they neither reach a server nor stand in for one.  The secret keeps apart the
    jobs of one user.  It reaches processes by their environment, never by arguments or logs, which others can read.

    ``folder``: of the sockets; a new one where a job begins.
    """

    scheme = "grpc+unix"

    def __init__(self, value: str | None = None, folder: str | None = None) -> None:
        self.value = value or secrets.token_hex(16)
        self._own_folder = None if folder else SocketFolder()
        self._folder = self._own_folder.path if self._own_folder else str(folder)

    def __repr__(self) -> str:
        return "Token(…)"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(_HEADER.encode(), self.value.encode())]

    def listening(self, host: str) -> str:
        return f"{self.scheme}://{self._folder}/{secrets.token_hex(8)}"

    def address(self, url: str, port: int) -> str:
        return url.removeprefix(f"{self.scheme}://")

    def serving(self) -> dict[str, Any]:
        return {"middleware": {"token": _Check(self)}}

    def calling(self) -> dict[str, Any]:
        return {"generic_options": _OPTIONS}

    def variables(self) -> dict[str, str]:
        return {TOKEN_VARIABLE: self.value, FOLDER_VARIABLE: self._folder}

    def doubt(self, error: str) -> str:
        return ""


class Certificate:
    """Mutual TLS: both ends show the job's own self-signed certificate, and trust no other.

    ``name`` is the common name that the certificate was made for; it stands for every host.
    """

    scheme = "grpc+tls"

    def __init__(self, certificate: bytes, key: bytes, name: str) -> None:
        self._certificate = certificate
        self._key = key
        self._name = name
        self.headers: list[tuple[bytes, bytes]] = []

    def __repr__(self) -> str:
        return "Certificate(…)"

    def listening(self, host: str) -> str:
        return f"{self.scheme}://{host}:0"

    def address(self, url: str, port: int) -> str:
        return f"{url.removeprefix(f'{self.scheme}://').removesuffix(':0')}:{port}"

    def serving(self) -> dict[str, Any]:
        pair = (self._certificate, self._key)
        return {"tls_certificates": [pair], "verify_client": True, "root_certificates": self._certificate}

    def calling(self) -> dict[str, Any]:
        return {
            "tls_root_certs": self._certificate,
            "cert_chain": self._certificate,
            "private_key": self._key,
            "override_hostname": self._name,
            "generic_options": _OPTIONS,
        }

    def variables(self) -> dict[str, str]:
        return {}  # every container has the files

    def doubt(self, error: str) -> str:
        begin, end = _validity(self._certificate)
        now = datetime.datetime.now(datetime.UTC)
        if not begin <= now <= end:
            return (
                f"; the clock of {socket.gethostname()} is off: it says {now:%Y-%m-%d %H:%M}, and the certificate of "
                f"this job is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
            )
        if "handshake" in error.lower():
            return "; TLS refuses: the other process is none of this job, or the clock of its machine is off by a day"
        return ""


def _validity(certificate: bytes) -> tuple[datetime.datetime, datetime.datetime]:
    """The times between which a certificate is valid."""
    from cryptography import x509

    decoded = x509.load_pem_x509_certificate(certificate)
    return decoded.not_valid_before_utc, decoded.not_valid_after_utc


class _Check(fl.ServerMiddlewareFactory):  # type: ignore[misc]
    """Refuses calls without the token."""

    def __init__(self, token: Token) -> None:
        super().__init__()
        self._token = token

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:
        value = headers.get(_HEADER, [""])[0]
        # In a time that does not depend on how much of the token a stranger has guessed.
        if not hmac.compare_digest(str(value), self._token.value):
            raise fl.FlightUnauthenticatedError("This process belongs to another job: the token is missing or wrong.")
