"""The language of ``data.where``: from a condition in SQL's words to a tree of comparisons.

Columns are compared with values or with each other; ``and``, ``or``, ``not`` and parentheses join comparisons.
Nothing is evaluated as Python.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from yarnml.errors import JobFileError
from yarnml.job.conditions import Both, Column, Compare, Condition, Either, In, IsNull, Like, Value

MAX_LENGTH = 10_000
"""Characters of the longest condition."""

MAX_DEPTH = 30
"""Most parentheses and ``not`` in each other."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    | '(?P<text>(?:[^']|'')*)'
    | "(?P<quoted>(?:[^"]|"")+)"
    | `(?P<ticked>[^`]+)`
    | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*|\[\d+\])*)
    | (?P<sign><=|>=|<>|!=|==|[=<>(),+-])
    | (?P<end>$))""",
    re.VERBOSE,
)
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_ALIASES = {"==": "=", "<>": "!="}
_KEYWORDS = {"and", "or", "not", "in", "is", "null", "between", "like", "true", "false"}


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def parse_condition(text: str) -> Condition:
    """Parse a condition; JobFileError says at which character it is wrong, and what was expected there."""
    if len(text) > MAX_LENGTH:
        raise JobFileError(f"data.where has {len(text)} characters; it may have {MAX_LENGTH} at most.")
    parser = _Parser(text)
    condition = parser.either(negated=False, depth=0)
    parser.take_end()
    return condition


class _Parser:
    """One way through the tokens of a condition, a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._place = 0

    def either(self, *, negated: bool, depth: int) -> Condition:
        """Parse terms joined by ``or``; ``negated``: under a ``not``, which turns every ``or`` into ``and``."""
        if depth > MAX_DEPTH:
            raise JobFileError(f"data.where has more than {MAX_DEPTH} parentheses and nots in each other.")
        condition = self._both(negated=negated, depth=depth)
        while self._skip("or"):
            right = self._both(negated=negated, depth=depth)
            condition = Both(condition, right) if negated else Either(condition, right)
        return condition

    def take_end(self) -> None:
        if self._next.kind != "end":
            self._refuse("and, or, or its end")

    def _both(self, *, negated: bool, depth: int) -> Condition:
        condition = self._one(negated=negated, depth=depth)
        while self._skip("and"):
            right = self._one(negated=negated, depth=depth)
            condition = Either(condition, right) if negated else Both(condition, right)
        return condition

    def _one(self, *, negated: bool, depth: int) -> Condition:
        if self._skip("not"):
            if depth > MAX_DEPTH:
                raise JobFileError(f"data.where has more than {MAX_DEPTH} parentheses and nots in each other.")
            return self._one(negated=not negated, depth=depth + 1)
        if self._skip_sign("("):
            condition = self.either(negated=negated, depth=depth + 1)
            self._take_sign(")")
            return condition
        return self._comparison(negated)

    def _comparison(self, negated: bool) -> Condition:
        left = self._operand()
        if isinstance(left, Column):
            if self._skip("is"):
                negated ^= self._skip("not")
                if not self._skip("null"):
                    self._refuse("null")
                return IsNull(left, negated)
            negated ^= self._skip("not")
            if self._skip("in"):
                return In(left, self._values(), negated)
            if self._skip("between"):
                return self._between(left, negated)
            if self._skip("like"):
                token = self._take("text", "a pattern in single quotes")
                return Like(left, token.text, negated)
        operator = self._next.text
        if self._next.kind != "sign" or operator in "(),+-":
            if isinstance(left, Column):  # a column of true and false
                return Compare("=", left, Value(not negated, "true"))
            self._refuse("a comparison such as = or <")
        self._place += 1
        operator = _ALIASES.get(operator, operator)
        right = self._operand()
        if isinstance(left, Value) and isinstance(right, Value):
            raise JobFileError(f"data.where compares {left.source} with {right.source}; one of them must be a column.")
        return Compare(_OPPOSITE[operator] if negated else operator, left, right)

    def _between(self, column: Column, negated: bool) -> Condition:
        low = self._operand()
        if not self._skip("and"):
            self._refuse("and")
        high = self._operand()
        if negated:
            return Either(Compare("<", column, low), Compare(">", column, high))
        return Both(Compare(">=", column, low), Compare("<=", column, high))

    def _values(self) -> tuple[Value, ...]:
        self._take_sign("(")
        values = [self._value()]
        while self._skip_sign(","):
            values.append(self._value())
        self._take_sign(")")
        return tuple(values)

    def _value(self) -> Value:
        operand = self._operand()
        if isinstance(operand, Column):
            self._place -= 1
            self._refuse("a value")
        return operand

    def _operand(self) -> Column | Value:
        token = self._next
        self._place += 1
        if token.kind in ("quoted", "ticked") or (token.kind == "word" and token.text.lower() not in _KEYWORDS):
            return Column(token.text)
        if token.is_word("true", "false"):
            return Value(token.text.lower() == "true", token.text)
        if token.kind == "text":
            return Value(token.text, token.text)
        sign = "-" if token.kind == "sign" and token.text == "-" else ""
        if token.kind == "sign" and token.text in ("+", "-"):
            token = self._take("number", "a number")
        elif token.kind != "number":
            self._place -= 1
            self._refuse("a column or a value")
        source = sign + token.text
        return Value(int(source) if token.text.isdecimal() else float(source), source)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _skip(self, word: str) -> bool:
        is_next = self._next.is_word(word)
        self._place += is_next
        return is_next

    def _skip_sign(self, sign: str) -> bool:
        is_next = self._next.kind == "sign" and self._next.text == sign
        self._place += is_next
        return is_next

    def _take_sign(self, sign: str) -> None:
        if not self._skip_sign(sign):
            self._refuse(f"'{sign}'")

    def _take(self, kind: str, words: str) -> _Token:
        if self._next.kind != kind:
            self._refuse(words)
        self._place += 1
        return self._tokens[self._place - 1]

    def _refuse(self, expected: str) -> NoReturn:
        token = self._next
        shown = "ends" if token.kind == "end" else f"has '{token.text}'"
        raise JobFileError(f"data.where {shown} at character {token.start + 1}, where {expected} is expected.")


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            start = len(text) - len(text[place:].lstrip())
            raise JobFileError(
                f"data.where can't be read from character {start + 1} on, '{text[start : start + 10]}'; "
                "a text stands in single quotes, an unusual name of a column in double ones."
            )
        kind = match.lastgroup
        value = match[kind].replace("''", "'") if kind == "text" else match[kind].replace('""', '"')
        yield _Token(kind, value, match.start(kind) - (kind in ("text", "quoted", "ticked")))
        if kind == "end":
            return
        place = match.end()
