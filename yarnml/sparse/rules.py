"""Rules of update, row by row: FTRL-proximal and Adagrad.

A rule takes *sums* of gradients over the rows of a step, not means: so its rate means the same whatever the size of a
step, and a rare key is not drowned in the rows that do not have it.  A row's update depends on no other row, and a row
without a sum stays as it is.

A ``rate`` below 1 is a part of the usual one, for sums of weights that are stale: the step is shorter, and what is kept
of squares is the same.

All arithmetic is float32, one operation after another, of the kinds that every processor rounds alike.
"""

from typing import Protocol

import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.job.learners import Adagrad, Count, Ftrl, RowAdagrad, Rule
from yarnml.job.learners.element_wise import ElementWise
from yarnml.sparse.kernels import kernels


class RowRule(Protocol):
    """The way in which the weights of a row are kept and updated.  ``options``: the job file's words for it."""

    @property
    def options(self) -> Rule | Count | ElementWise: ...

    def stored(self, width: int) -> int:
        """Numbers that are kept for ``width`` weights."""

    def first(self, weights: Matrix) -> Matrix:
        """Rows [rows, stored] that have these weights [rows, width], before their first update."""

    def weights(self, rows: Matrix) -> Matrix:
        """The weights [rows, width] of rows [rows, stored]."""

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        """The next rows, given the sums of the gradient [rows, width]; ``rate``: the part of the usual one."""


class FtrlRule:
    """FTRL-proximal with a rate for every weight: z and n, of which the weight is a function.

    McMahan, Holt, Sculley et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1.
    """

    def __init__(self, options: Ftrl) -> None:
        self.options = options
        self._alpha = np.float32(options.alpha)
        self._beta = np.float32(options.beta)
        self._l1 = np.float32(options.l1)
        self._l2 = np.float32(options.l2)

    def stored(self, width: int) -> int:
        return 2 * width

    def first(self, weights: Matrix) -> Matrix:
        z = -(weights * (self._beta / self._alpha + self._l2)) - np.sign(weights) * self._l1
        return np.concatenate([z, np.zeros_like(z)], axis=1)

    def weights(self, rows: Matrix) -> Matrix:
        weights = np.empty((len(rows), rows.shape[1] // 2), np.float32)
        kernels().ftrl_weights(_writable(rows), self._alpha, self._beta, self._l1, self._l2, weights)
        return weights

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        following = np.empty_like(rows)
        numbers = self._alpha, self._beta, self._l1, self._l2
        kernels().ftrl_update(_writable(rows), _writable(sums), *numbers, following)
        if rate != 1:  # z has the gradient itself as a term
            following[:, : sums.shape[1]] -= np.float32(1 - rate) * sums
        return following


class AdagradRule:
    """Adagrad: a weight and the sum of its squared gradients; a first step is ``learning_rate`` long.

    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning", JMLR 12, 2011.
    """

    def __init__(self, options: Adagrad) -> None:
        self.options = options
        self._rate = np.float32(options.learning_rate)
        self._epsilon = np.float32(options.epsilon)

    def stored(self, width: int) -> int:
        return 2 * width

    def first(self, weights: Matrix) -> Matrix:
        return np.concatenate([weights, np.zeros_like(weights)], axis=1)

    def weights(self, rows: Matrix) -> Matrix:
        return rows[:, : rows.shape[1] // 2]

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        weights, n = _halves(rows)
        following = n + sums * sums
        step = self._rate * np.float32(rate) * sums / (np.sqrt(following) + self._epsilon)
        return np.concatenate([weights - step, following], axis=1)


class RowAdagradRule:
    """Adagrad with one sum of squares for a whole row, the mean over its weights: a number more a row, not a copy."""

    def __init__(self, options: RowAdagrad) -> None:
        self.options = options
        self._rate = np.float32(options.learning_rate)
        self._epsilon = np.float32(options.epsilon)

    def stored(self, width: int) -> int:
        return width + 1

    def first(self, weights: Matrix) -> Matrix:
        return np.concatenate([weights, np.zeros((len(weights), 1), np.float32)], axis=1)

    def weights(self, rows: Matrix) -> Matrix:
        return rows[:, :-1]

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        total = np.zeros((len(rows), 1), np.float32)
        for column in sums.T:  # NumPy's own sum takes another order where rows are long
            total += (column * column)[:, None]
        following = rows[:, -1:] + total / np.float32(sums.shape[1])
        weights = rows[:, :-1] - self._rate * np.float32(rate) * sums / (np.sqrt(following) + self._epsilon)
        return np.concatenate([weights, following], axis=1)


class CountRule:
    """No optimizer: numbers that count, to which the sums are added."""

    def __init__(self, options: Count) -> None:
        self.options = options

    def stored(self, width: int) -> int:
        return width

    def first(self, weights: Matrix) -> Matrix:
        return weights

    def weights(self, rows: Matrix) -> Matrix:
        return rows

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        return rows + sums  # what counts has no rate


def _writable(array: Matrix) -> Matrix:
    """An array as compiled kernels take it; itself, mostly."""
    return np.require(array, np.float32, ("C", "W"))


def _halves(rows: Matrix) -> tuple[Matrix, Matrix]:
    """The two numbers that are kept for each weight, views [rows, width]; np.split takes far longer."""
    width = rows.shape[1] // 2
    return rows[:, :width], rows[:, width:]


def rule_of(options: Rule | Count) -> RowRule:
    """The rule of a job file's ``optimizer`` section, or of a number that counts."""
    match options:
        case Ftrl():
            return FtrlRule(options)
        case Adagrad():
            return AdagradRule(options)
        case RowAdagrad():
            return RowAdagradRule(options)
        case Count():
            return CountRule(options)
