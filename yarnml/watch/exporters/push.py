"""The way to a Pushgateway, which keeps a job's metrics for Prometheus, also when the job has ended."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from yarnml.watch.exporters.exposition import Exposition
from yarnml.watch.history.entries import Entry

PUSH_SECONDS = 10.0
"""Time between two pushes."""

ANSWER_SECONDS = 5.0


class PushExporter:
    """Pushes the metrics of a run to a Pushgateway, in the group of the job's name.

    ``url``: of the gateway, which may have a user and a password.
    """

    name = "monitor.push"
    seconds = PUSH_SECONDS

    def __init__(self, job: str, exposition: Exposition, url: str) -> None:
        from prometheus_client import exposition as library  # an option, which the exposition has found

        parts = urlsplit(url)
        self._push = library.push_to_gateway
        self._gateway = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._job = job
        self._exposition = exposition
        user = unquote(parts.username or "")
        with_login = partial(library.basic_auth_handler, username=user, password=unquote(parts.password or ""))
        self._handler: Any = with_login if user else library.default_handler

    def write(self, entries: Sequence[Entry]) -> None:
        """Push the metrics as they are now."""
        try:
            self._push(self._gateway, self._job, self._exposition.registry, None, ANSWER_SECONDS, self._handler)
        except OSError as exc:
            raise OSError(f"the Pushgateway {self._gateway} does not take its metrics ({exc})") from exc

    def close(self) -> None:
        """Leave the last metrics where they are: the gateway is there to keep them."""
