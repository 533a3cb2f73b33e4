"""The connection to one HDFS: a client that is made anew when it fails, with a deadline and repeats for every call."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from yarnml.storage.base import Client, Unavailable
from yarnml.storage.errors import STANDBY, fault
from yarnml.storage.retry import CALL_SECONDS, CHUNK_SECONDS, FAILOVER_SECONDS, bounded, persist

_T = TypeVar("_T")


class Connection:
    """The newest client of one HDFS.  Any thread may call.

    ``root``: the URL of the HDFS.
    ``addresses``: of its NameNodes, for error messages.
    ``connect``: makes the n-th client; a new client follows each one that failed to answer.
    """

    def __init__(self, root: str, addresses: Sequence[str], connect: Callable[[int], Client]) -> None:
        self.root = root
        self._name_nodes = " or ".join(addresses)
        self._highly_available = len(addresses) > 1
        self._connect = connect
        self._lock = threading.Lock()
        self._clients_made = 0
        self._client: Client | None = None

    def call(self, path: str, act: Callable[[Client, bool], _T], *, data: bool = False) -> _T:
        """Have a client do something, again and again while the storage is away and patience lasts.

        ``act``: called with the client, and whether an earlier attempt may have had its effect already.
        ``data``: whether it moves a chunk of data, so that it takes longer and a DataNode may be at fault.
        """

        def attempt(again: bool) -> _T:
            return self.once(path, lambda client: act(client, again), data=data)

        return persist(attempt)

    def once(self, path: str, act: Callable[[Client], _T], *, data: bool = False) -> _T:
        """Have a client do something, in one attempt; raises an OSError with a sentence.

        ``data``: whether it moves a chunk of data, so that it takes longer and a DataNode may be at fault.
        """
        server = f"a DataNode of the HDFS at {self._name_nodes}" if data else f"the NameNode {self._name_nodes}"
        client = self._client
        try:
            if client is None:
                client = self._new_client()
            chosen = client
            return bounded(lambda: act(chosen), CHUNK_SECONDS if data else CALL_SECONDS)
        except ValueError:
            raise
        except Exception as exc:
            error = fault(exc, self.root + path, server, data=data)
            if isinstance(error, Unavailable):
                if self._highly_available and not data:
                    error.repeat_for = max(error.repeat_for, _failover_seconds(exc))
                # Only the client that failed is given up: another thread may have made a new one meanwhile.
                with self._lock:
                    if self._client is client:
                        self._client = None
            raise error from exc

    def _new_client(self) -> Client:
        with self._lock:
            if self._client is None:
                number = self._clients_made
                self._clients_made += 1
                self._client = bounded(lambda: self._connect(number), CALL_SECONDS)
            return self._client


def _failover_seconds(exc: Exception) -> float:
    """The seconds to try again after a call that no NameNode of several has answered."""
    if isinstance(exc, TimeoutError):
        return CALL_SECONDS  # the next client asks another NameNode first
    if isinstance(exc, Unavailable):
        return 0.0  # none of them even accepts connections
    return FAILOVER_SECONDS if isinstance(exc, OSError) or STANDBY in str(exc) else 0.0
