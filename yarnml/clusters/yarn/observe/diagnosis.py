"""How an application ended, out of its logs: the job's own last word, or else the probable cause in a sentence."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from yarnml.clusters.yarn.observe.logs import EVENTS, FILES, Log, of_application
from yarnml.clusters.yarn.observe.status import Application, training
from yarnml.errors import ClusterError
from yarnml.events.events import Event, Failure, Outcome

TAIL = 12  # lines of a log that are shown

_SENTENCE = re.compile(r"^(?:error: |yarnml: )?((?<=: )\S.*|(?:\w+\.)*\w*Error: .+)$", re.M)
_SKEINS = re.compile(r"Application driver failed|Application master shutdown by external signal|Failure in service")
_MEMORY = re.compile(r"([\d.]+ \w+) of ([\d.]+ \w+) (?:physical|virtual) memory used")
_OUT_OF_MEMORY = re.compile(r"exceeding memory limits|oom[- _]?kill|\bOOM\b|out of memory", re.I)


def ending(application: Application) -> Outcome | Failure | None:
    """How an application ended; None for a good end of which nothing is known but that."""
    error = ClusterError.__name__
    if application.state == "KILLED":
        return Failure(error, f"{application.id} was killed. {application.diagnostics}".strip())
    try:
        logs = of_application(application.id, EVENTS, FILES["master"])
    except ClusterError as exc:
        logs = []
        if application.state != "SUCCEEDED":
            return Failure(error, f"{_failed(application, '')} Its logs can't be read: {exc}")
    told = training(events(logs))
    if application.state == "SUCCEEDED":
        return told.outcome
    if told.failure:
        return told.failure
    sentence, detail = first_cause([log.text for log in logs if log.name == FILES["master"]])
    return Failure(error, _failed(application, sentence), detail)


def events(logs: Iterable[Log]) -> list[Event]:
    """Everything that the masters of an application have told, but for the steps."""
    found: list[Event] = []
    for log in logs:
        for line in log.content.splitlines() if log.name == EVENTS else []:
            try:
                found.append(msgspec.json.decode(line, type=Event))
            except msgspec.DecodeError:  # the last line of a master that was killed
                continue
    return found


def first_cause(texts: Sequence[str]) -> tuple[str, str]:
    """The sentence in the first log that has one, and the end of that log; else the end of the last log."""
    for text in texts:
        if found := sentence_in(text):
            return found, tail(text)
    return "", tail(texts[-1]) if texts else ""


def sentence_in(text: str) -> str:
    """The last line of a log that tells of an error: one of yarnml's own, or the end of a traceback."""
    found = _SENTENCE.findall(text)
    return found[-1].strip() if found else ""


def tail(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-TAIL:])


def for_memory(text: str, field: str) -> str:
    """The sentence for a process that YARN ended for taking too much memory; empty for any other end."""
    used = _MEMORY.search(text)
    if not used and not _OUT_OF_MEMORY.search(text):
        return ""
    much = f"{used[1]} of {used[2]}, " if used else ""
    return f"took more memory than {field} allows, {much}and was ended by YARN; raise {field}"


def _failed(application: Application, sentence: str) -> str:
    why = for_memory(application.diagnostics, "master.memory")
    if why:
        return f"{application.id} failed: its master {why}."
    if sentence and (not application.diagnostics or _SKEINS.search(application.diagnostics)):
        return f"{application.id} failed: {sentence}"
    return f"{application.id} failed: {application.diagnostics or sentence or 'it left no word.'}"
