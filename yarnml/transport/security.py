"""Who may talk to the processes of a job: those that know the job's token, sent as a header of every call."""

import hmac
import secrets
from typing import Any

import pyarrow.flight as fl

_HEADER = "x-yarnml-token"


class Token:
    """A job's shared secret.  It reaches processes by their environment, never by arguments or logs."""

    def __init__(self, value: str | None = None) -> None:
        self.value = value or secrets.token_hex(16)

    def __repr__(self) -> str:
        return "Token(…)"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(_HEADER.encode(), self.value.encode())]


class _Check(fl.ServerMiddlewareFactory):  # type: ignore[misc]
    def __init__(self, token: Token) -> None:
        super().__init__()
        self._token = token

    def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:
        given = headers.get(_HEADER, [""])[0]
        if not hmac.compare_digest(str(given), self._token.value):
            raise fl.FlightUnauthenticatedError("This process belongs to another job: the token is missing or wrong.")


def server_middleware(token: Token) -> dict[str, Any]:
    return {"token": _Check(token)}


def client_options() -> dict[str, Any]:
    """Never through a proxy, and no limit on a message's size: chunks are bounded by us."""
    return {"generic_options": [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]}
