"""The end of an application, out of its logs: the job's own last event, or else the probable cause in a sentence."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from yarnml.clusters.yarn.observe.logs import EVENTS, FILES, Log, application_logs
from yarnml.clusters.yarn.observe.status import Application, training_status
from yarnml.errors import ClusterError, TimeOver
from yarnml.events.events import End, Event, Failure

SHOWN_LINES = 12
"""Lines of a log that are shown with an error."""

_ERROR_LINE = re.compile(r"^(?:error: |yarnml: )?((?<=: )\S.*|(?:\w+\.)*\w*Error: .+)$", re.M)
_SKEINS_WORDS = re.compile(
    r"Application driver failed|Application master shutdown by external signal|Failure in service"
)
_USED_MEMORY = re.compile(r"([\d.]+ \w+) of ([\d.]+ \w+) (?:physical|virtual) memory used")
_TOKEN_ENDED = re.compile(r"\bInvalidToken\b|token \([^)]*\) (?:can't be found in cache|is expired)|Token has expired")
_OUT_OF_MEMORY = re.compile(r"exceeding memory limits|oom[- _]?kill|\bOOM\b|out of memory", re.I)


def diagnose(application: Application) -> End | Failure | None:
    """The end of an application; None for a good end of which nothing else is known."""
    error = ClusterError.__name__
    if _TOKEN_ENDED.search(application.diagnostics):
        return Failure(
            TimeOver.__name__,
            f"{application.id} ended when its delegation tokens did: YARN can't start its master any more. Submit the "
            "job again, and it goes on.",
            application.diagnostics,
        )
    if application.state == "KILLED":
        return Failure(error, f"{application.id} was killed. {application.diagnostics}".strip())
    try:
        logs = application_logs(application.id, EVENTS, FILES["master"])
    except ClusterError as exc:
        logs = []
        if application.state != "SUCCEEDED":
            return Failure(error, f"{_failed(application, '')} Its logs can't be read: {exc}")
    status = training_status(logged_events(logs))
    if application.state == "SUCCEEDED":
        return status.outcome
    if status.failure:
        return status.failure
    sentence, detail = first_cause([log.text for log in logs if log.name == FILES["master"]])
    return Failure(error, _failed(application, sentence), detail)


def logged_events(logs: Iterable[Log]) -> list[Event]:
    """All events that the masters of an application have told, but for the steps."""
    events: list[Event] = []
    for log in logs:
        for line in log.content.splitlines() if log.name == EVENTS else []:
            try:
                events.append(msgspec.json.decode(line, type=Event))
            except (msgspec.DecodeError, UnicodeDecodeError):  # the last line of a master that was killed
                continue
    return events


def first_cause(texts: Sequence[str]) -> tuple[str, str]:
    """The sentence in the first log that has one, and the end of that log; else the end of the last log."""
    for text in texts:
        if sentence := error_sentence(text):
            return sentence, last_lines(text)
    return "", last_lines(texts[-1]) if texts else ""


def error_sentence(text: str) -> str:
    """The last line of a log that tells of an error: one of yarnml's own, or the end of a traceback."""
    sentences = _ERROR_LINE.findall(text)
    return sentences[-1].strip() if sentences else ""


def last_lines(text: str) -> str:
    """The end of a log, without empty lines."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-SHOWN_LINES:])


def memory_failure(text: str, field: str) -> str:
    """The sentence for a process that YARN ended for taking too much memory; empty for any other end.

    ``text``: YARN's words about the end.
    ``field``: of the job file, which sets the limit.
    """
    used = _USED_MEMORY.search(text)
    if not used and not _OUT_OF_MEMORY.search(text):
        return ""
    amounts = f"{used[1]} of {used[2]}, " if used else ""
    return f"took more memory than {field} allows, {amounts}and was ended by YARN; raise {field}"


def _failed(application: Application, sentence: str) -> str:
    why = memory_failure(application.diagnostics, "master.memory")
    if why:
        return f"{application.id} failed: its master {why}."
    if sentence and (not application.diagnostics or _SKEINS_WORDS.search(application.diagnostics)):
        return f"{application.id} failed: {sentence}"
    return f"{application.id} failed: {application.diagnostics or sentence or 'it left no word.'}"
