"""Learning from keys row by row, in loops that numba compiles: what steps of many rows are measured by.

Each function takes ``keys`` uint32 [rows, columns] and ``y`` float32 [rows], of 0 and 1, and changes the other arrays.
"""

from typing import Any

import numba
import numpy as np

ALPHA = 0.1
BETA = 1.0
ADAGRAD_RATE = 0.05
FACTOR_RATE = 0.01
EPSILON = 1e-10


@numba.njit
def ftrl(keys: Any, y: Any, z: Any, n: Any) -> None:
    """Logistic regression by FTRL-proximal."""
    weights = np.empty(keys.shape[1], np.float32)
    for row in range(len(y)):
        score = np.float32(0)
        for j in range(keys.shape[1]):
            key = keys[row, j]
            weights[j] = -z[key] / ((np.float32(BETA) + np.sqrt(n[key])) / np.float32(ALPHA))
            score += weights[j]
        slope = np.float32(1) / (np.float32(1) + np.exp(-score)) - y[row]
        square = slope * slope
        for j in range(keys.shape[1]):
            key = keys[row, j]
            root = np.sqrt(n[key])
            n[key] += square
            z[key] += slope - (np.sqrt(n[key]) - root) / np.float32(ALPHA) * weights[j]


@numba.njit
def adagrad(keys: Any, y: Any, weights: Any, n: Any) -> None:
    """Logistic regression by Adagrad."""
    for row in range(len(y)):
        score = np.float32(0)
        for j in range(keys.shape[1]):
            score += weights[keys[row, j]]
        slope = np.float32(1) / (np.float32(1) + np.exp(-score)) - y[row]
        for j in range(keys.shape[1]):
            key = keys[row, j]
            n[key] += slope * slope
            weights[key] -= np.float32(ADAGRAD_RATE) * slope / (np.sqrt(n[key]) + np.float32(EPSILON))


@numba.njit
def factors(keys: Any, y: Any, z: Any, n: Any, v: Any, squares: Any) -> None:
    """A factorisation machine: weights by FTRL-proximal, factors ``v`` [keys, rank] by Adagrad."""
    weights = np.empty(keys.shape[1], np.float32)
    total = np.empty(v.shape[1], np.float32)
    for row in range(len(y)):
        score = np.float32(0)
        total[:] = 0
        for j in range(keys.shape[1]):
            key = keys[row, j]
            weights[j] = -z[key] / ((np.float32(BETA) + np.sqrt(n[key])) / np.float32(ALPHA))
            score += weights[j]
            for f in range(v.shape[1]):
                total[f] += v[key, f]
                score -= np.float32(0.5) * v[key, f] * v[key, f]
        for f in range(v.shape[1]):
            score += np.float32(0.5) * total[f] * total[f]
        slope = np.float32(1) / (np.float32(1) + np.exp(-score)) - y[row]
        for j in range(keys.shape[1]):
            key = keys[row, j]
            root = np.sqrt(n[key])
            n[key] += slope * slope
            z[key] += slope - (np.sqrt(n[key]) - root) / np.float32(ALPHA) * weights[j]
            for f in range(v.shape[1]):
                gradient = slope * (total[f] - v[key, f])
                squares[key, f] += gradient * gradient
                v[key, f] -= np.float32(FACTOR_RATE) * gradient / (np.sqrt(squares[key, f]) + np.float32(EPSILON))
