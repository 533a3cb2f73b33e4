"""Calibration: from what a model says of a class to how often that is true.

Platt's function is 1 / (1 + exp(-(slope · score + offset))); an isotonic one runs straight between its points, and is
constant beyond them (Zadrozny and Elkan, 2002).  Of more than two classes each has a function of its own, against all
others, and a row's shares are divided by their sum.  A temperature divides the logarithms of the probabilities of all
classes (Guo, Pleiss, Sun and Weinberger, 2017).
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

LEAST_SHARE = 2.0**-24
"""Probabilities nearer to 0 or 1 than float32 can hold count as this near."""
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""Smaller probabilities count as this one where there is a temperature."""

Kind = Literal["platt", "isotonic", "temperature"]
Score = Literal["log_odds", "margin"]
Float64s = npt.NDArray[np.float64]


class Curve(Struct, frozen=True, array_like=True):
    """A rising function of a score.

    ``scores``, ``shares``: the points of an isotonic function, ascending; of Platt's ``[slope, offset]`` and nothing.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...] = ()

    def __call__(self, score: Float64s) -> Float64s:
        if self.shares:
            return np.asarray(np.interp(score, self.scores, self.shares))
        slope, offset = self.scores
        return np.asarray(1 / (1 + np.exp(-np.clip(slope * score + offset, -500, 500))))


class Calibration(Struct, frozen=True, array_like=True):
    """A function of a row's outputs.

    ``score``: of a class: ``log_odds`` of its probability, or ``margin``, 2 · output - 1.
    ``scores``, ``shares``: of two classes, the `Curve` of the second; of a temperature ``[1 / temperature]``.
    ``curves``: of more classes, one for each.
    """

    kind: Kind
    score: Score
    scores: tuple[float, ...]
    shares: tuple[float, ...] = ()
    curves: tuple[Curve, ...] = ()

    def apply(self, outputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """[rows, classes]: calibrated probabilities, from a model's own outputs of the same shape."""
        if self.kind == "temperature":
            shares = tempered(logarithms(outputs), self.scores[0])
        elif self.curves:
            pairs = zip(self.curves, outputs.T, strict=True)
            shares = np.stack([curve(scores_of(output, self.score)) for curve, output in pairs], axis=1)
            total = shares.sum(axis=1, keepdims=True)
            shares = np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / len(self.curves))
        else:
            share = Curve(self.scores, self.shares)(scores_of(outputs[:, 1], self.score))
            shares = np.stack([1 - share, share], axis=1)
        return shares.astype(np.float32)


def scores_of(output: npt.NDArray[Any], score: str) -> Float64s:
    """[rows]: the scores of a model's output for one class, [rows]; ``score``: as in `Calibration`."""
    wide = output.astype(np.float64)
    if score == "margin":
        return np.asarray(2 * wide - 1)
    share = np.clip(wide, LEAST_SHARE, 1 - LEAST_SHARE)
    return np.asarray(np.log(share / (1 - share)))


def logarithms(outputs: npt.NDArray[Any]) -> Float64s:
    """[rows, classes]: the logarithms of probabilities."""
    return np.asarray(np.log(np.maximum(outputs.astype(np.float64), LEAST_PROBABILITY)))


def tempered(logarithms: Float64s, factor: float) -> Float64s:
    """[rows, classes]: the probabilities whose logarithms are ``factor`` times these, but for a constant of the row."""
    scaled = factor * logarithms
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
