"""Calibration: a rising function from what a model says of the second of two classes to how often that is true.

Platt's function is 1 / (1 + exp(-(slope · score + offset))); an isotonic one runs straight between its points, and is
constant beyond them (Zadrozny and Elkan, 2002).
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

LEAST_SHARE = 2.0**-24
"""Probabilities nearer to 0 or 1 than float32 can hold count as this near."""


class Calibration(Struct, frozen=True, array_like=True):
    """A function of a row's score.

    ``score``: ``log_odds`` of the probability of the second class, or ``margin``, 2 · output - 1.
    ``scores``, ``shares``: the points of an isotonic function, ascending; of Platt's ``[slope, offset]`` and nothing.
    """

    kind: Literal["platt", "isotonic"]
    score: Literal["log_odds", "margin"]
    scores: tuple[float, ...]
    shares: tuple[float, ...] = ()

    def apply(self, outputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """[rows, 2]: calibrated probabilities, from a model's own outputs [rows, 2]."""
        score = scores_of(outputs, self.score)
        if self.kind == "platt":
            slope, offset = self.scores
            share = 1 / (1 + np.exp(-np.clip(slope * score + offset, -500, 500)))
        else:
            share = np.interp(score, self.scores, self.shares)
        return np.stack([1 - share, share], axis=1).astype(np.float32)


def scores_of(outputs: npt.NDArray[Any], score: str) -> npt.NDArray[np.float64]:
    """[rows]: the scores of a model's own outputs [rows, 2]; ``score``: as in `Calibration`."""
    second = outputs[:, 1].astype(np.float64)
    if score == "margin":
        return np.asarray(2 * second - 1)
    share = np.clip(second, LEAST_SHARE, 1 - LEAST_SHARE)
    return np.asarray(np.log(share / (1 - share)))
