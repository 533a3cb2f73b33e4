"""The ``data.prepare`` section of a job file: one struct for each kind of step.

A struct's tag is its ``kind`` and names the module ``yarnml.data.prepare.<kind>``.  The same structs travel in the
schema, one for each column, with what the training data taught them filled in: ``value``, ``values`` or ``edges``.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from yarnml.job.category_steps import Cross as Cross
from yarnml.job.category_steps import Target as Target
from yarnml.job.fields import Natural, PositiveInt
from yarnml.job.image_step import Image as Image
from yarnml.job.list_steps import Pad as Pad
from yarnml.job.list_steps import Pool as Pool
from yarnml.job.number_steps import Clip as Clip
from yarnml.job.number_steps import Datetime as Datetime
from yarnml.job.number_steps import Log as Log
from yarnml.job.number_steps import MinMax as MinMax
from yarnml.job.number_steps import Polynomial as Polynomial
from yarnml.job.number_steps import QuantileShare as QuantileShare
from yarnml.job.number_steps import Robust as Robust
from yarnml.job.step import BaseStep, Class, Width

Plain = str | int | float | bool

PADDING = 0
"""The id behind a text's end."""
UNKNOWN = 1
"""The id of a word that has no id of its own."""
FIRST_WORD = 2
"""The id of the first word that has one."""
MAX_PIECES = 2**16
"""The most pieces of texts that are told apart."""
MAX_IDS = 2**24
"""Ids are numbers of type float32, which holds all whole numbers below exactly."""


class Impute(BaseStep, frozen=True, kw_only=True, tag="impute"):
    """Nulls and NaN become ``value``, or what ``strategy`` finds.

    ``indicator``: one more number for each column, 1 where it was filled.
    """

    strategy: Literal["mean", "median", "most_frequent"] = "mean"
    value: Plain | None = None
    indicator: bool = False


class Valued(BaseStep, frozen=True, kw_only=True):
    """A step that tells values apart.

    ``values``: those that are told apart; else the training data's, ascending, at most ``max_values``.

    ``unknown``: what another value is: an error, or none of them.
    ``min_count``: values of fewer training rows are one together, and with them every unknown one.
    """

    values: Annotated[list[Class], Meta(min_length=1)] | None = None
    max_values: PositiveInt = 1000
    unknown: Literal["ignore", "error"] = "ignore"
    min_count: PositiveInt = 1


class OneHot(Valued, frozen=True, kw_only=True, tag="one_hot"):
    """A number for each value, 1 where a row has it; all 0 for an unknown one."""


class Category(Valued, frozen=True, kw_only=True, tag="category"):
    """The place of the value among all, 0, 1, 2, …; -1 for an unknown one."""


class Embedding(Valued, frozen=True, kw_only=True, tag="embedding"):
    """The id of the value, from `FIRST_WORD` on; `UNKNOWN` for another one: for networks, which embed it."""

    @property
    def ids(self) -> int:
        return FIRST_WORD + len(self.values or ()) + (self.min_count > 1)


class Hash(BaseStep, frozen=True, kw_only=True, tag="hash"):
    """``width`` numbers, of which the one that the value's hash chooses is 1."""

    width: Width


class Text(BaseStep, frozen=True, kw_only=True, tag="text"):
    """``width`` numbers: how often the words whose hash chooses each of them come.

    ``ngrams``: the shortest and the longest run that counts, ``of`` words, or of characters within a word.
    ``lower``: case does not matter.
    """

    width: Width
    of: Literal["words", "characters"] = "words"
    ngrams: Annotated[list[PositiveInt], Meta(min_length=2, max_length=2)] = field(default_factory=lambda: [1, 1])
    lower: bool = True


class Tfidf(Text, frozen=True, kw_only=True, tag="tfidf"):
    """Those numbers, each weighted by how few training rows have it: ln((1 + rows) / (1 + rows with it)) + 1.

    ``sublinear``: a word that comes n times counts 1 + ln(n).  ``norm``: of a row's numbers.
    ``edges``: the weights, learnt.
    """

    sublinear: bool = False
    norm: Literal["l2", "none"] = "l2"
    edges: list[float] | None = None


class _Tokens(BaseStep, frozen=True, kw_only=True):
    """``length`` numbers: the ids of a text's first words, `PADDING` behind the last.

    ``vocabulary``: how many ids there are for words.  ``lower``: case does not matter.
    """

    length: Width
    vocabulary: Annotated[int, Meta(ge=1, le=MAX_IDS - FIRST_WORD)] = 10_000
    lower: bool = True


class Tokens(_Tokens, frozen=True, kw_only=True, tag="tokens"):
    """Each of ``values`` has an id of its own, from `FIRST_WORD` on; all other words are `UNKNOWN`.

    ``values``: those words; else the ``vocabulary`` most frequent ones of the training data that come ``min_count``
    times or more, the most frequent first, equally frequent ones ascending.
    """

    values: Annotated[list[str], Meta(min_length=1)] | None = None
    min_count: PositiveInt = 2

    @property
    def ids(self) -> int:
        return FIRST_WORD + len(self.values or ())


class HashedTokens(_Tokens, frozen=True, kw_only=True, tag="hashed_tokens"):
    """The id of a word is chosen by its hash, so words may share one; none is `UNKNOWN`."""

    @property
    def ids(self) -> int:
        return FIRST_WORD + self.vocabulary


class Pieces(BaseStep, frozen=True, kw_only=True, tag="pieces"):
    """``length`` numbers: the ids of a text's first pieces, from `FIRST_WORD` on, `PADDING` behind the last.

    ``vocabulary``: how many pieces there are, characters and pairs of pieces that often come together; ``characters``:
    these alone.  ``min_count``: how often a piece must come in the training data.
    ``values``, ``merges``: the pieces, and the pairs of places that became one, in order; learnt.
    """

    length: Width
    vocabulary: Annotated[int, Meta(ge=1, le=MAX_PIECES)] | Literal["characters"] = 512
    min_count: PositiveInt = 2
    values: list[str] | None = None
    merges: list[tuple[Natural, Natural]] | None = None

    @property
    def ids(self) -> int:
        return FIRST_WORD + len(self.values or ())


class Bucket(BaseStep, frozen=True, kw_only=True, tag="bucket"):
    """The number of the bucket: how many ``edges`` are not above the value.

    ``edges``: ascending; else those between ``buckets`` buckets of equally many training rows.
    ``one_hot``: a number for each bucket instead.
    """

    buckets: Annotated[int, Meta(ge=2, le=1000)] = 10
    edges: list[float] | None = None
    one_hot: bool = False


class Frequency(BaseStep, frozen=True, kw_only=True, tag="frequency"):
    """The share of the training rows that have the value; 0 for an unknown one.

    ``values``, ``edges``: the values and their shares, learnt; at most ``max_values``.
    """

    values: list[Class] | None = None
    max_values: PositiveInt = 100_000
    edges: list[float] | None = None


class Key(BaseStep, frozen=True, kw_only=True, tag="key"):
    """Each value is a key, of which a learner with tables keeps a row: text, whole numbers, lists of them, or maps.

    A list has a key for each of its values, and a map one for each of its keys, with a value that it counts by.
    ``bits``: how many of a hash's bits are kept; with few, values may share a key, and there are 2^bits keys at most.
    ``buckets_per_octave``: the column holds numbers, and a key is a range of them: so many from each power of two to
    the next.
    ``crosses``: lists of columns that become keys, by this step or another; each combination of their keys in a row is
    a key besides.
    """

    bits: Annotated[int, Meta(ge=8, le=64)] = 64
    buckets_per_octave: Literal[1, 2, 4, 8, 16] | None = None
    crosses: list[Annotated[list[str], Meta(min_length=2, max_length=4)]] = field(default_factory=list)


Step = (
    Impute
    | OneHot
    | Category
    | Embedding
    | Hash
    | Text
    | Tfidf
    | Tokens
    | HashedTokens
    | Pieces
    | Bucket
    | Log
    | Clip
    | MinMax
    | Robust
    | QuantileShare
    | Polynomial
    | Frequency
    | Target
    | Cross
    | Datetime
    | Pad
    | Pool
    | Key
    | Image
)
