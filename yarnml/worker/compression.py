"""Ways in which the host makes a shard's sums smaller before they travel."""

from typing import Any, Protocol

import numpy as np

from yarnml.job.spec import TopK, Training
from yarnml.reduce import blocks, top_k
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.tree import MixedVector, Node, Value
from yarnml.worker.residuals import Residuals

FIRST_SHARE = 0.25
"""Of a gradient's numbers at the first step of a warm-up."""


class Compression(Protocol):
    """One way; each shard's sums at a step are given to it once, in the order of the steps."""

    def __call__(self, sums: Value, step: int, shard: int) -> Value:
        """The sums of a shard as they are added up along the tree."""


def compression_of(training: Training, residuals: Residuals) -> Compression:
    """The job's way; ``residuals``: of this worker's shards."""
    if training.gradients in blocks.FORMS:
        return Rounding(blocks.FORMS[training.gradients], training.seed)
    if training.gradients == "top_k":
        return Largest(training.top_k or TopK(), residuals)
    return unchanged


def unchanged(sums: Value, step: int, shard: int) -> Value:
    """The sums as they leave the device."""
    return sums


class Rounding:
    """Gradients in blocks of one kind; ``seed``: of the training."""

    def __init__(self, kind: np.dtype[Any], seed: int) -> None:
        self._kind = kind
        self._seed = seed

    def __call__(self, sums: Value, step: int, shard: int) -> MixedVector:
        assert isinstance(sums, MixedVector)
        return MixedVector(blocks.rounded(sums.rounded, self._kind, self._seed, step, *Node(0, shard)), sums.exact)


class Largest:
    """Only the largest numbers of gradients; the others wait in the shard's residual."""

    def __init__(self, top_k: TopK, residuals: Residuals) -> None:
        self._top_k = top_k
        self._residuals = residuals

    def __call__(self, sums: Value, step: int, shard: int) -> KeyedVector:
        assert isinstance(sums, MixedVector)
        residual = self._residuals.before(shard, step)
        numbers = np.array(sums.rounded) if residual is None else residual + sums.rounded
        run, rest = top_k.select(numbers, share_at(self._top_k, step))
        self._residuals.put(shard, step + 1, rest)
        return KeyedVector(sums.exact, run)


def share_at(top_k: TopK, step: int) -> float:
    """The share of a gradient's numbers that travel at a step: in the warm-up the same part less with every step."""
    if step >= top_k.warmup_steps or top_k.share >= FIRST_SHARE:
        return top_k.share
    rest: float = (top_k.share / FIRST_SHARE) ** (step / top_k.warmup_steps)
    return FIRST_SHARE * rest
