"""The largest numbers of a vector as a run, so that sums of them travel and are added up by key.

What does not travel is the caller's to keep and to add to the vector of the next step: error feedback, without which
small gradients would be lost for good (Stich et al., "Sparsified SGD with Memory", NeurIPS 2018).
"""

from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.run import Run

SAMPLE = 2**16
"""Of so many numbers at most the threshold is found, as sorting all would take longer than sending them."""

_STRIDE = 61
"""Samples lie a multiple of it apart: a prime, so that they are not all of one row or column of a matrix."""

_SMALLEST = np.finfo(np.float32).smallest_subnormal


class Selection(NamedTuple):
    """The numbers that travel, and all others in their places, with 0 where one travels."""

    run: Run
    rest: Array


def select(numbers: Array, share: float) -> Selection:
    """Part the numbers of largest magnitude from the others; float32 [numbers], which is used up as ``rest``.

    There are ``share`` of all, rounded up, of a vector of up to `SAMPLE` numbers.  In a longer one the threshold is
    that of a sample (Lin et al., "Deep Gradient Compression", ICLR 2018), so there are about as many, and never more
    than twice.  A 0 never travels; NaN always does, so that the update shows it.
    """
    count = max(1, int(np.ceil(share * len(numbers))))
    size = np.abs(numbers)
    # With "not smaller" NaN is among them.
    places = np.flatnonzero(~(size < _threshold(size, share)))
    if len(places) > (count if len(numbers) <= SAMPLE else 2 * count):
        places = _largest(size, places, count)
    run = Run(places.astype(np.uint64) * np.uint64(_spread(len(numbers))), numbers[places][:, None])
    numbers[places] = 0
    return Selection(run, numbers)


def numbers_of(run: Run, length: int) -> Array:
    """The vector of ``length`` numbers that has those of a run, and 0 elsewhere."""
    numbers = np.zeros(length, np.float32)
    numbers[(run.keys // np.uint64(_spread(length))).astype(np.int64)] = run.values[:, 0]
    return numbers


def _spread(length: int) -> int:
    """The distance of neighbours' keys: as those of `yarnml.reduce.keyed`, they are spread over all of 2^64.

    Their lower halves are 0, so that they travel in 4 bytes each.
    """
    return (2**32 // max(length, 2)) << 32 if length <= 2**32 else 2**64 // length


def _threshold(size: Array, share: float) -> np.float32:
    """The magnitude that about a share of all reach; never 0."""
    stride = 1 if len(size) <= SAMPLE else -(-len(size) // (SAMPLE * _STRIDE)) * _STRIDE
    sample = size[::stride]
    last = len(sample) - max(1, int(np.ceil(share * len(sample))))
    return max(np.partition(sample, last)[last], _SMALLEST)


def _largest(size: Array, places: Array, count: int) -> Array:
    """The places of the ``count`` largest magnitudes among these; of equal ones the first."""
    among = size[places]
    last = np.partition(among, -count)[-count]
    larger = ~(among <= last)
    equal = np.flatnonzero(among == last)[: count - np.count_nonzero(larger)]
    larger[equal] = True
    return places[larger]
