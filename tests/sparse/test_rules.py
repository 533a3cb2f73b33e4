"""Rules of update, against their equations in float64."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from yarnml.job.learners import Adagrad, Ftrl, RowAdagrad, Rule
from yarnml.sparse.rules import rule_of

Numbers = npt.NDArray[np.float64]


def ftrl(options: Ftrl, start: float, gradients: Numbers) -> Numbers:
    """The weight after the gradients of algorithm 1 of McMahan et al., from a z that has the weight ``start``."""
    rate = options.beta / options.alpha + options.l2
    z = -start * rate - np.sign(start) * options.l1
    n = 0.0
    for gradient in [*gradients, None]:
        distance = z - np.sign(z) * options.l1
        slope = (options.beta + np.sqrt(n)) / options.alpha + options.l2
        weight = 0.0 if abs(z) <= options.l1 else -distance / slope
        if gradient is not None:
            sigma = (np.sqrt(n + gradient**2) - np.sqrt(n)) / options.alpha
            z += gradient - sigma * weight
            n += gradient**2
    return np.float64(weight)


def adagrad(options: Adagrad, start: float, gradients: Numbers) -> Numbers:
    steps = gradients / (np.sqrt(np.cumsum(gradients**2)) + options.epsilon)
    return np.float64(start - options.learning_rate * steps.sum())


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        (Ftrl(), ftrl),
        (Ftrl(alpha=0.5, beta=0.1, l1=0.3, l2=0.2), ftrl),
        (Adagrad(learning_rate=0.3, epsilon=0.01), adagrad),
    ],
    ids=["ftrl", "ftrl-l1-l2", "adagrad"],
)
def test_equations(options: Rule, reference: Callable[..., Numbers]) -> None:
    """Ten updates of forty weights, from 0 and from others, are those of the equations to 1e-5."""
    random = np.random.default_rng(0)
    start = np.where(np.arange(40) % 2, random.normal(size=40), 0.0).astype(np.float32)
    gradients = random.normal(size=(10, 40)).astype(np.float32)
    rule = rule_of(options)
    rows = rule.first(start[:, None])
    np.testing.assert_allclose(rule.weights(rows)[:, 0], start, rtol=1e-6, atol=1e-7)
    for step in gradients:
        rows = rule.update(rows, step[:, None])
    expected = [reference(options, float(s), g.astype(np.float64)) for s, g in zip(start, gradients.T, strict=True)]
    np.testing.assert_allclose(rule.weights(rows)[:, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [Ftrl(l1=0.0), Adagrad(), RowAdagrad()], ids=lambda options: type(options).__name__)
def test_a_part_of_the_rate(options: Rule) -> None:
    """A quarter of the rate takes a quarter of the step, and keeps all of the squares; the whole has the usual bits."""
    random = np.random.default_rng(1)
    rule = rule_of(options)
    sums = random.normal(size=(30, 4)).astype(np.float32)
    rows = rule.update(rule.first(np.zeros((30, 4), np.float32)), sums)
    more = random.normal(size=(30, 4)).astype(np.float32)
    none, quarter, whole = (rule.update(rows, more, rate) for rate in (0.0, 0.25, 1.0))
    assert whole.tobytes() == rule.update(rows, more).tobytes()
    assert none[:, 4:].tobytes() == quarter[:, 4:].tobytes() == whole[:, 4:].tobytes()
    step = rule.weights(whole) - rule.weights(none)
    np.testing.assert_allclose(rule.weights(quarter), rule.weights(none) + step / 4, rtol=1e-4, atol=1e-6)
    if not isinstance(options, Ftrl):  # whose weights also follow the squares
        assert rule.weights(none).tobytes() == rule.weights(rows).tobytes()


def test_one_rate_for_a_row() -> None:
    """Row-wise Adagrad divides by the root of the mean squares of the row."""
    gradients = np.random.default_rng(0).normal(size=(6, 3, 4)).astype(np.float32)
    rule = rule_of(RowAdagrad(learning_rate=0.2, epsilon=1e-6))
    rows = rule.first(np.ones((3, 4), np.float32))
    for step in gradients:
        rows = rule.update(rows, step)
    total = np.cumsum((gradients.astype(np.float64) ** 2).mean(axis=2), axis=0)
    expected = 1.0 - 0.2 * (gradients / (np.sqrt(total) + 1e-6)[:, :, None]).sum(axis=0)
    np.testing.assert_allclose(rule.weights(rows), expected, rtol=1e-5)
    assert rule.stored(4) == 5
