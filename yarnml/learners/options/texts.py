"""Networks for texts: their features are ids of words, made by ``data.prepare`` (`tokens` or `hashed_tokens`)."""

from msgspec import field

from yarnml.learners.options.base import PositiveInt
from yarnml.learners.options.networks import NetworkOptions


class EmbeddingBag(NetworkOptions, frozen=True, kw_only=True, tag="embedding_bag"):
    """The mean of ``embedding`` numbers for each word of a row, then a perceptron with ``hidden``.

    ``dropout``: of the mean, and of what the hidden layers put out.
    """

    WORDS = "only"

    embedding: PositiveInt = 64
    hidden: list[PositiveInt] = field(default_factory=list)


class Transformer(NetworkOptions, frozen=True, kw_only=True, tag="transformer"):
    """An encoder of ``blocks`` with ``heads`` each, ``embedding`` wide, then a perceptron with ``hidden`` on its mean.

    ``dropout``: of the embeddings, of what every block adds to them, and of what the hidden layers put out.
    """

    WORDS = "only"

    embedding: PositiveInt = 64
    blocks: PositiveInt = 2
    heads: PositiveInt = 4
    hidden: list[PositiveInt] = field(default_factory=list)
