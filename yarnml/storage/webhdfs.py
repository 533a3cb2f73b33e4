"""HDFS by its REST interface: one HTTP port of the NameNode, and the DataNodes' own.

On the standard library, since fsspec's WebHDFS has no deadlines, takes a refused rename for a done one, and hands out
a DataNode's error page as the file's bytes.
"""

import contextlib
import http.client
import socket
import ssl
import string
import urllib.error
from collections.abc import Iterator, Sequence
from typing import TypeVar
from urllib.parse import quote, urlsplit

from yarnml.storage import permissions
from yarnml.storage.answers import decode
from yarnml.storage.base import Block, Entry, ReplicaUnavailable, Sink, Source, Unavailable
from yarnml.storage.errors import STANDBY
from yarnml.storage.retry import CALL_SECONDS, CONNECT_SECONDS
from yarnml.storage.security import tokens
from yarnml.storage.security.identity import user
from yarnml.storage.security.tokens import Token
from yarnml.storage.security.web import Caller, Refused, check_redirect
from yarnml.storage.webhdfs_answers import (
    BlockLocation,
    BlocksAnswer,
    ListAnswer,
    LocationAnswer,
    StatusAnswer,
    TokenAnswer,
    reason,
    remote_words,
)

_API = "/webhdfs/v1"
_T = TypeVar("_T")


class WebHdfs:
    """A client of one HDFS, whose NameNodes are asked in turn until one is active.

    ``servers``: the URLs of the NameNodes, without a path.
    ``services``: whose delegation tokens they take; see `tokens.find`.
    """

    def __init__(
        self, servers: Sequence[str], services: Sequence[str], umask: int, seconds: float = CALL_SECONDS
    ) -> None:
        self._servers = list(servers)
        self._umask = umask
        self._seconds = seconds
        self._caller = Caller(lambda: tokens.find(tokens.WEB_HDFS, services))

    def info(self, path: str) -> Entry:
        return self._read("GET", path, "GETFILESTATUS", StatusAnswer).file_status.entry(path)

    def is_encrypted(self, path: str) -> bool:
        """Tell whether a file or folder is in an encryption zone."""
        return self._read("GET", path, "GETFILESTATUS", StatusAnswer).file_status.enc_bit

    def ls(self, path: str) -> list[Entry]:
        statuses = self._read("GET", path, "LISTSTATUS", ListAnswer).file_statuses.file_status
        folder = path.rstrip("/")
        return [status.entry(f"{folder}/{status.path_suffix}" if status.path_suffix else path) for status in statuses]

    def makedirs(self, path: str) -> None:
        self._call("PUT", path, "MKDIRS", **self._modes(permissions.FOLDER))

    def protect(self, path: str) -> None:
        self._call("PUT", path, "SETPERMISSION", permission=f"{permissions.PRIVATE:o}")

    def _modes(self, mode: int) -> dict[str, str]:
        """The permissions to ask for: what the umask leaves, and what a default ACL of the folder above may give."""
        return {"permission": f"{mode & ~self._umask:o}", "unmaskedpermission": f"{mode:o}"}

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        options = "OVERWRITE" if replace else "NONE"  # with an option HDFS says why not, without it answers false
        self._call("PUT", old, "RENAME", destination=new, renameoptions=options)

    def remove(self, path: str) -> None:
        self._call("DELETE", path, "DELETE", recursive="true")

    def open(self, path: str) -> Source:
        return _Source(self, path, self.info(path))

    def create(self, path: str) -> Sink:
        excluded: list[str] = []  # the NameNode counts on a dead DataNode for a while
        while True:
            options = {"overwrite": "true", "excludedatanodes": ",".join(excluded), **self._modes(permissions.FILE)}
            location = self._location("PUT", path, "CREATE", options)
            host = urlsplit(location).hostname or ""
            try:
                return _Sink(location, self._seconds, self._caller.tls)
            except OSError as exc:
                if host in excluded:  # the next attempt may be sent elsewhere
                    raise ReplicaUnavailable(
                        f"The DataNode {urlsplit(location).netloc} can't be reached: {exc}"
                    ) from exc
                excluded += [host, *_addresses(host)]

    def part(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a file, from one DataNode or else from another."""
        excluded: list[str] = []  # the NameNode would send us to the same one again
        while True:
            span = {"offset": str(start), "length": str(length), "excludedatanodes": ",".join(excluded)}
            location = self._location("GET", path, "OPEN", span)
            try:
                with self._caller.fetch(location, self._seconds) as answer:
                    return bytes(answer.read())
            except (OSError, http.client.HTTPException) as exc:
                if isinstance(exc, urllib.error.HTTPError):
                    exc.close()
                names = self._names_on(path, urlsplit(location).hostname or "")
                if names <= {*excluded}:
                    raise ConnectionError(f"{urlsplit(location).netloc}: {reason(exc, self._seconds)}") from exc
                excluded += names - {*excluded}

    def _names_on(self, path: str, host: str) -> set[str]:
        """The DataNodes on a host that hold blocks of a file, by the names that the NameNode has for them."""
        pairs = (pair for block in self._locations(path) for pair in zip(block.names, block.hosts, strict=False))
        return {name for name, name_of_host in pairs if name_of_host == host}

    def delegation_token(self) -> Token:
        """A new token of this HDFS for ourselves, got with a ticket."""
        answer = self._read("GET", "/", "GETDELEGATIONTOKEN", TokenAnswer, renewer=user())
        return tokens.from_text(answer.token.url_string)

    def cancel(self, token: Token) -> None:
        """End a delegation token that was taken by `delegation_token`."""
        self._call("PUT", "/", "CANCELDELEGATIONTOKEN", token=token.text)

    def blocks(self, path: str) -> list[Block]:
        """The blocks of a file in order, the hosts of each sorted."""
        return [location.block() for location in self._locations(path)]

    def _locations(self, path: str) -> list[BlockLocation]:
        return self._read("GET", path, "GETFILEBLOCKLOCATIONS", BlocksAnswer).block_locations.block_location

    def _location(self, method: str, path: str, operation: str, parameters: dict[str, str]) -> str:
        """The URL of a DataNode that moves a file's bytes."""
        answer = self._read(method, path, operation, LocationAnswer, noredirect="true", **parameters)
        location = _ascii(answer.location)
        check_redirect(self._servers[0], location)
        return location

    def _read(self, method: str, path: str, operation: str, answer_type: type[_T], **parameters: str) -> _T:
        return decode(self._call(method, path, operation, **parameters), answer_type)

    def _call(self, method: str, path: str, operation: str, **parameters: str) -> bytes:
        query = {"op": operation, **parameters}
        servers = self._servers
        standby = ""
        failures: list[Exception] = []
        for number, server in enumerate(servers):
            try:
                with self._caller.open(f"{server}{_API}{quote(path)}", query, self._seconds, method) as answer:
                    self._servers = servers[number:] + servers[:number]  # the active one first from now on
                    return bytes(answer.read())
            except urllib.error.HTTPError as exc:
                words = _remote(exc)
                if STANDBY not in words:
                    raise Refused(words) from exc
                standby = words
            except PermissionError:
                raise
            except (OSError, http.client.HTTPException) as exc:
                failures.append(ConnectionError(f"{server}: {reason(exc, self._seconds)}"))
        if standby:
            raise Refused(standby)
        if len(failures) == 1:
            raise failures[0]
        raise Unavailable(f"no NameNode can be reached ({'; '.join(map(str, failures))})")


class _Source:
    def __init__(self, client: WebHdfs, path: str, entry: Entry) -> None:
        if entry.folder:
            raise IsADirectoryError(f"{path} is a folder")
        self._client = client
        self._path = path
        self.size = entry.size

    def read(self, start: int, length: int) -> bytes:
        return self._client.part(self._path, start, length)


class _Sink:
    """A file on its way to a DataNode, as one chunked request."""

    def __init__(self, location: str, seconds: float, tls: ssl.SSLContext) -> None:
        place = urlsplit(location)
        if place.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                place.netloc, timeout=CONNECT_SECONDS, context=tls
            )
        else:
            self._connection = http.client.HTTPConnection(place.netloc, timeout=CONNECT_SECONDS)
        with self._open_until_an_error():
            self._connection.connect()
            self._connection.sock.settimeout(seconds)
            self._connection.putrequest("PUT", f"{place.path}?{place.query}")
            self._connection.putheader("Content-Type", "application/octet-stream")
            self._connection.putheader("Transfer-Encoding", "chunked")
            self._connection.endheaders()

    @contextlib.contextmanager
    def _open_until_an_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._connection.close()
            raise

    def write(self, data: memoryview) -> None:
        if data:
            with self._open_until_an_error():
                self._connection.send(b"%x\r\n" % len(data))
                self._connection.send(data)
                self._connection.send(b"\r\n")

    def close(self) -> None:
        with contextlib.closing(self._connection):
            self._connection.send(b"0\r\n\r\n")
            with self._connection.getresponse() as answer:
                if answer.status >= 300:
                    raise Refused(remote_words(answer.read(), f"HTTP Error {answer.status}"))


def _addresses(host: str) -> set[str]:
    """The addresses of a host: the NameNode knows a DataNode that holds nothing of a file only by its address."""
    with contextlib.suppress(OSError):
        return {str(where[4][0]) for where in socket.getaddrinfo(host, None)}
    return set()


def _ascii(location: str) -> str:
    """A redirection with all letters quoted: HDFS leaves those beyond ASCII, everything else is quoted already."""
    return quote(location, safe=string.printable)


def _remote(exc: urllib.error.HTTPError) -> str:
    with exc:
        return remote_words(exc.read(), str(exc))
