"""Skein's driver: the Java process through which a command talks to YARN.

It takes seconds to come up, so it does that on a thread, while its command goes on with what needs no YARN.
"""

import os
import subprocess
import tempfile
import threading
from concurrent import futures

from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import QUICK_JAVA
from yarnml.clusters.yarn.edge.class_archive import ClassArchive
from yarnml.clusters.yarn.skein_import import skein
from yarnml.errors import ClusterError
from yarnml.storage.security import identity

START_SECONDS = 120.0
"""Longest wait for a driver to come up: it takes a ticket's use, the cluster's configuration, and seconds of Java."""


class Driver:
    """A driver of this command's own; it ends with the command, however that ends.

    ``seconds``: the longest wait for it, from when it is asked for.
    """

    def __init__(self, seconds: float = START_SECONDS) -> None:
        self._seconds = seconds
        self._client: futures.Future[skein.Client] = futures.Future()
        self._options = [*QUICK_JAVA, *os.environ.get("SKEIN_DRIVER_JAVA_OPTIONS", "").split()]
        self._archive = ClassArchive(self._options)
        proxied = identity.proxied()
        starting = threading.Thread(target=self._start, daemon=True, name="driver")
        with identity.as_ourselves():  # the driver wants a ticket of its own, and takes the name with each job
            starting.start()
            if proxied:  # the block is for all threads, and the others go on in the user's name
                starting.join(seconds)

    @property
    def client(self) -> skein.Client:
        """The line to the driver, once it has come up; ClusterError where it does not, or not in time."""
        self.wait()
        return self._client.result()

    def wait(self) -> None:
        """Wait until it has come up; ClusterError where it does not, or not in time."""
        if not futures.wait([self._client], self._seconds).done:
            raise ClusterError(
                f"Skein's driver, a Java program, has not come up within {self._seconds:g} s; look at the load of this "
                "machine, and at `yarnml doctor`, which looks at its Java and jars."
            )
        self._client.result()

    def close(self) -> None:
        """End the driver, at once or when it has come up, for which nobody waits."""
        self._client.add_done_callback(self._close)

    def _close(self, client: "futures.Future[skein.Client]") -> None:
        if client.exception() is None:
            client.result().close()
            self._archive.keep()

    def _start(self) -> None:
        try:
            self._client.set_result(self._started())
        except BaseException as exc:
            self._client.set_exception(exc)

    def _started(self) -> skein.Client:
        try:
            return _new_client([*self._archive.options, *self._options])
        except ClusterError:
            if not self._archive.used:
                raise
            self._archive.discard()  # a torn one keeps Java from starting
            return _new_client(self._options)


class _Client(skein.Client):  # type: ignore[misc]  # Skein has no types
    """Skein's client; one whose driver has not started is thrown away without a complaint on the user's terminal."""

    _proc = None


def _new_client(options: list[str]) -> skein.Client:
    with tempfile.TemporaryFile() as log:
        try:
            security = credentials.new_security()  # else Skein keeps one in ~/.skein
            return _Client(security=security, log=f"/dev/fd/{log.fileno()}", java_options=options)
        except (skein.exceptions.SkeinError, OSError, subprocess.CalledProcessError) as exc:
            log.seek(0)
            raise ClusterError(
                f"Skein's driver, a Java program, did not start: {exc}; `yarnml doctor` looks at its Java and jars.",
                log.read().decode(errors="replace"),
            ) from exc
