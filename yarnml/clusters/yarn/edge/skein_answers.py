"""Skein's reports and errors in the words of yarnml."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from yarnml.clusters.yarn.observe.status import Application
from yarnml.clusters.yarn.skein_import import skein
from yarnml.errors import ClusterError

LIVE_STATES = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")
KILLED = "KILLED"
ALL_STATES = tuple(str(state) for state in skein.model.ApplicationState)


def application_of(report: Any) -> Application:
    """The application that a report of Skein's is about; one that has ended has the state of its end."""
    started, finished = (moment.timestamp() if moment else 0.0 for moment in (report.start_time, report.finish_time))
    state = str(report.state)
    return Application(
        id=report.id,
        name=report.name,
        user=report.user,
        queue=report.queue.removeprefix("root."),
        state=str(report.final_status) if state == "FINISHED" else state,
        live=state in LIVE_STATES,
        url=str(report.tracking_url or ""),
        diagnostics=" ".join(str(report.diagnostics or "").split()),
        started=started,
        finished=finished,
        progress=report.progress,
    )


_NO_WORDS = ", exception:"  # of the driver's, before an exception without any


@contextmanager
def skein_errors(prefix: str = "") -> Iterator[None]:
    """Raise what Skein raises as a ClusterError with one sentence."""
    try:
        yield
    except skein.exceptions.SkeinError as exc:
        raise ClusterError(f"{prefix}{refusal(str(exc))}") from exc


def refusal(text: str) -> str:
    """The sentence of YARN's that says why, out of a Java exception."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("at ")]
    telling = next((line for line in lines if ":" in line and "Exception" in line), lines[0] if lines else "no reason")
    sentence = re.sub(r"^.*?(\w+\.)*\w*Exception: ", "", telling).strip()
    if sentence.endswith(_NO_WORDS):
        return (
            f"{sentence.removesuffix(_NO_WORDS)}, and Hadoop's client does not say why; where the cluster has a key "
            "server and a service acts for a user, that server must allow it (hadoop.kms.proxyuser)"
        )
    return sentence
