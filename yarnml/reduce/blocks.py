"""Vectors in int8 or int4: blocks of numbers with a scale each, rounded at random to one of two neighbours, unbiased.

A block carries the number from which its random numbers are counted, a function of (seed, step, block).  With it and
the node of the tree, the rounding of a node's value is a function of the node alone, whoever adds its children.

Rounding at random keeps the mean of a sum, where rounding to the nearest would always lose what is small beside the
largest number of its block (QSGD; Alistarh et al., NIPS 2017).
"""

from typing import Any

import numpy as np

from yarnml.data.arrays import Array

BLOCK_NUMBERS = 256

INT8 = np.dtype([("counter", "<u4"), ("scale", "<f4"), ("codes", "i1", (BLOCK_NUMBERS,))])
"""A block: its numbers are ``codes`` times ``scale``, which is NaN where one of them is not finite."""

INT4 = np.dtype([("counter", "<u4"), ("scale", "<f4"), ("codes", "u1", (BLOCK_NUMBERS // 2,))])
"""A block whose codes, and 8, are packed two a byte: the lower halves have the first half of the numbers."""

FORMS = {"int8": INT8, "int4": INT4}
"""All kinds of blocks by their names, in job files and in the headers of messages."""

BLOCKS_AT_ONCE = 128
"""Blocks whose numbers lie in a core's cache while they are rounded."""

_LARGEST_CODES = {INT8: np.float32(127), INT4: np.float32(7)}
_WEYL = np.uint32(0x9E3779B9)  # 2^32 over the golden ratio: its multiples are spread evenly
_LANES = np.arange(BLOCK_NUMBERS, dtype=np.uint32) * _WEYL


def are_blocks(kind: np.dtype[Any]) -> bool:
    """Tell whether the elements of a vector are blocks."""
    return kind in _LARGEST_CODES


def numbers_in(kind: np.dtype[Any]) -> int:
    """The numbers in an element of a vector."""
    return BLOCK_NUMBERS if are_blocks(kind) else 1


def name_of(kind: np.dtype[Any]) -> str:
    """The name of an element's type; the inverse of ``FORMS.get(name, name)``."""
    return next((name for name, form in FORMS.items() if form == kind), kind.name)


def rounded(numbers: Array, kind: np.dtype[Any], seed: int, step: int, level: int, place: int) -> Array:
    """A leaf's value in blocks; float32 [numbers] → ``kind`` [blocks], the last one filled up with zeros.

    ``level``, ``place``: its node.
    """
    blocks = np.empty(-(-len(numbers) // BLOCK_NUMBERS), kind)
    of_step = _mixed(np.array([step], np.uint32) ^ _mixed(np.array([seed], np.uint32)))
    blocks["counter"] = _mixed(np.arange(len(blocks), dtype=np.uint32) * _WEYL ^ of_step)
    for low in range(0, len(blocks), BLOCKS_AT_ONCE):
        part = blocks[low : low + BLOCKS_AT_ONCE]
        values = np.zeros((len(part), BLOCK_NUMBERS), np.float32)
        source = numbers[low * BLOCK_NUMBERS : (low + len(part)) * BLOCK_NUMBERS]
        values.reshape(-1)[: len(source)] = source
        _round(values, part, level, place)
    return blocks


def added(left: Array, right: Array, level: int, place: int) -> Array:
    """The value of a node whose children have these blocks."""
    blocks = np.empty(len(left), left.dtype)
    blocks["counter"] = left["counter"]
    for low in range(0, len(blocks), BLOCKS_AT_ONCE):
        part = slice(low, low + BLOCKS_AT_ONCE)
        with np.errstate(over="ignore"):
            values = _numbers(left[part]) + _numbers(right[part])
        _round(values, blocks[part], level, place)
    return blocks


def numbers_of(blocks: Array, length: int) -> Array:
    """The first ``length`` numbers of blocks; [blocks] → float32 [length]."""
    numbers = np.empty((len(blocks), BLOCK_NUMBERS), np.float32)
    for low in range(0, len(blocks), BLOCKS_AT_ONCE):
        numbers[low : low + BLOCKS_AT_ONCE] = _numbers(blocks[low : low + BLOCKS_AT_ONCE])
    return numbers.reshape(-1)[:length]


def _numbers(blocks: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        product: Array = _unpacked(blocks) * blocks["scale"][:, None]
        return product


def _unpacked(blocks: Array) -> Array:
    """The codes as int8 [blocks, numbers]."""
    packed: Array = blocks["codes"]
    if blocks.dtype == INT8:
        return packed
    codes = np.empty((len(blocks), BLOCK_NUMBERS), np.int8)
    half = BLOCK_NUMBERS // 2
    np.bitwise_and(packed, 15, out=codes[:, :half], casting="unsafe")
    np.right_shift(packed, 4, out=codes[:, half:], casting="unsafe")
    codes -= 8
    return codes


def _packed(codes: Array, kind: np.dtype[Any]) -> Array:
    """The inverse of `_unpacked`; ``codes`` are whole numbers, float32, and used up."""
    if kind == INT8:
        return codes
    codes += 8
    half = BLOCK_NUMBERS // 2
    codes[:, half:] *= 16
    codes[:, :half] += codes[:, half:]
    return codes[:, :half]


def _round(values: Array, blocks: Array, level: int, place: int) -> None:
    """Fill in the scales and codes of blocks; ``values`` [blocks, numbers] is used up."""
    largest = _LARGEST_CODES[blocks.dtype]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        scale = np.abs(values).max(axis=1) / largest
        scale[scale < np.finfo(np.float32).tiny] = 0  # it may have no reciprocal
        is_finite = np.isfinite(scale)
        factor = np.where(is_finite & (scale > 0), 1 / scale, np.float32(0))
        values[~is_finite] = 0
        scale[~is_finite] = np.nan
        values *= factor[:, None]
        values += _random(blocks["counter"], level, place)
        np.floor(values, out=values)
        np.clip(values, -largest, largest, out=values)
    blocks["scale"] = scale
    blocks["codes"] = _packed(values, blocks.dtype)


def _random(counters: Array, level: int, place: int) -> Array:
    """Numbers from 0 to 1, without 1, of 24 bits: uint32 [blocks] → float32 [blocks, numbers]."""
    of_node = _mixed(np.array([place << 6 | level], np.uint32))
    bits = _mixed(_mixed(counters ^ of_node)[:, None] + _LANES)
    bits >>= np.uint32(8)
    return bits * np.float32(2.0**-24)


def _mixed(bits: Array) -> Array:
    """Scramble uint32 numbers by the finaliser of MurmurHash3, as `yarnml.learners.noise` does; ``bits`` is used up."""
    bits ^= bits >> np.uint32(16)
    bits *= np.uint32(0x85EBCA6B)
    bits ^= bits >> np.uint32(13)
    bits *= np.uint32(0xC2B2AE35)
    bits ^= bits >> np.uint32(16)
    return bits
