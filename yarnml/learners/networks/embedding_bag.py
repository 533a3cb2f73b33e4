"""A network for texts that does not mind the order of words: the mean of their embeddings, then dense layers.

Iyyer, Manjunatha, Boyd-Graber and Daumé, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification",
ACL 2015; without hidden layers it is that of Joulin, Grave, Bojanowski and Mikolov, "Bag of Tricks for Efficient Text
Classification", EACL 2017.
"""

from collections.abc import Sequence
from typing import Any

import jax

from yarnml.data.schema import Schema
from yarnml.job.learners import EmbeddingBag
from yarnml.learners.base import Key, Learner
from yarnml.learners.networks.head import Head
from yarnml.learners.networks.network import Between, build_network, dense, init_dense, unchanged
from yarnml.learners.networks.vocabularies import Vocabularies, mean_of_words


class EmbeddingBagLayers:
    """The mean of the words' embeddings, then dense layers: x [rows, *shape], ids of words → [rows, widths[-1]].

    ``widths``: the first is that of an embedding.
    """

    def __init__(self, vocabularies: Vocabularies, widths: Sequence[int]) -> None:
        self._vocabularies = vocabularies
        self._widths = widths

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        words = self._vocabularies.init(first, self._widths[0])
        return {"words": words, "dense": init_dense(second, self._widths)}

    def outputs(self, parameters: Any, x: jax.Array, between: Between = unchanged) -> jax.Array:
        mean = mean_of_words(*self._vocabularies.look_up(parameters["words"], x))
        return dense(parameters["dense"], between(mean, 0), between, first=1)


def build(options: EmbeddingBag, schema: Schema) -> Learner:
    head = Head(schema, "embedding_bag")
    widths = [options.embedding, *options.hidden, head.width]
    return build_network(EmbeddingBagLayers(Vocabularies(schema, "embedding_bag"), widths), head, options)
