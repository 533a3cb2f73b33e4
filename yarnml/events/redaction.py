"""Texts without secrets: passwords in URLs, and what the variables of a job hold.

A process hides the values of every job that it reads (`hide`).  Whatever leaves it as words, an error, an event or a
line of a log, goes through `redacted`.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

HIDDEN = "…"
"""The mark in the place of a secret."""

MIN_SECRET = 6
"""Length of the shortest value that is looked for in texts: shorter ones, such as 'true', are words of sentences."""

MIN_WORD = 8
"""The same for values of letters alone, which may also be the name of a column."""

MIN_NUMBER = 12
"""The same for numbers, which may also be figures of a training."""

_USER_INFO = re.compile(r"(?<=://)([^\s/:@'\"]*):[^\s/'\"]*@")
_QUERY = re.compile(
    r"([?&;][\w.-]*(?:password|passwd|secret|token|signature|sig|credential|key|delegation)[\w.-]*=)[^\s&;#'\"]+", re.I
)


class _Secrets:
    """The values that are hidden, and the pattern that finds them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        new = {form for value in values for form in _forms(value)} - self._values
        if new:
            self._values |= new
            longest_first = sorted(self._values, key=len, reverse=True)
            any_value = "|".join(map(re.escape, longest_first))
            self._pattern = re.compile(rf"(?:(?<!\w)|(?<=\\[nrt]))(?:{any_value})(?!\w)")

    def remove_from(self, text: str) -> str:
        pattern = self._pattern
        return pattern.sub(HIDDEN, text) if pattern else text


_secrets = _Secrets()


def hide(values: Iterable[str]) -> None:
    """Have `redacted` leave these values out of all texts of this process from now on."""
    _secrets.add(values)


def hide_passwords(urls: Iterable[str]) -> None:
    """Hide the passwords of these URLs also where a library quotes them alone."""
    matches = filter(None, map(_USER_INFO.search, urls))
    passwords = [match[0].partition(":")[2].removesuffix("@") for match in matches]
    hide([*passwords, *map(unquote, passwords)])


def redacted(text: str) -> str:
    """The text without secrets."""
    return _secrets.remove_from(without_password(text))


def without_password(text: str) -> str:
    """The text with its URLs as they may be shown; all else stays."""
    return _QUERY.sub(rf"\1{HIDDEN}", _USER_INFO.sub(rf"\1:{HIDDEN}@", text))


def map_texts(change: Callable[[str], str], value: Any) -> Any:
    """A value of lists, mappings and texts, with every text changed."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: map_texts(change, item) for key, item in value.items()}
        case list():
            return [map_texts(change, item) for item in value]
    return value


def _forms(value: str) -> set[str]:
    """The texts that stand for a value: its lines, as they are, quoted by Python or JSON, once or twice."""
    lines = [value, *value.splitlines()] if _may_be_secret(value) else []
    quoted = [form[1:-1] for line in lines for form in (repr(line), json.dumps(line))]
    twice = [form[1:-1] for line in quoted for form in (repr(line), json.dumps(line))]
    return {form for form in [*lines, *quoted, *twice] if len(form) >= MIN_SECRET}


def _may_be_secret(value: str) -> bool:
    """Tell a value that may be secret from a short word, a number and a path, which stand in many texts."""
    if value.isalpha() and len(value) < MIN_WORD:
        return False
    if value.startswith("/") and os.path.isdir("/" + value.split("/")[1]):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return len(value) >= MIN_NUMBER
