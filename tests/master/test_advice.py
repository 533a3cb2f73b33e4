"""Advice about the exchange of steps: what is named fits the job, is quicker, and changes the result least."""

from typing import Any

import pytest

from tests.master.test_costs import GIGABIT, LARGE, SMALL, job
from yarnml.master.advice import advice, remark_on_exchange, with_gradients
from yarnml.master.costs import Machines, costs_of

TEN_GIGABIT = Machines(1, 10e9 / 8)
OFTEN = "training.local_steps: 4, or a larger training.batch_size"
ALONE = "One worker would be as quick as 2 workers"


@pytest.mark.parametrize(
    ("fields", "machines", "expected"),
    [
        (
            {},
            GIGABIT,
            [
                "The exchange is 84 % of a step: with training.gradients: int8 and training.delay: 1 it would take "
                "0.275 s, not 0.95.",
                OFTEN,
                ALONE,
            ],
        ),
        ({}, TEN_GIGABIT, ["with training.gradients: bfloat16 and training.delay: 1 it would", OFTEN, ALONE]),
        ({"gradients": "bfloat16"}, TEN_GIGABIT, ["with training.delay: 1 it would", OFTEN, ALONE]),
        ({"delay": 1}, TEN_GIGABIT, ["with training.gradients: bfloat16 it would", OFTEN, ALONE]),
        ({"gradients": "int8", "local_steps": 4}, GIGABIT, ["with training.delay: 1 it would"]),
        ({"gradients": "int4", "delay": 1}, GIGABIT, []),
        ({"state": "sharded"}, GIGABIT, ["with training.delay: 1 it would", ALONE]),
    ],
    ids=str,
)
def test_advice(fields: dict[str, Any], machines: Machines, expected: list[str]) -> None:
    """Fields that the job does not have yet, and can have, are named with the seconds that they save."""
    asked = job(2, **fields)
    sentences = advice(asked, with_gradients(LARGE, job(2), asked), 2, machines)
    assert len(sentences) == len(expected)
    for sentence, part in zip(sentences, expected, strict=True):
        assert part in sentence


def test_a_small_exchange_calls_for_none() -> None:
    """Nothing is said of a step that is mostly computing."""
    assert advice(job(2), SMALL, 2, GIGABIT) == []


def test_gradients_of_another_type() -> None:
    """A trial with float32 tells the bytes and the rounding of one with int8."""
    rounded = with_gradients(LARGE, job(2), job(2, gradients="int8"))
    assert rounded.sum_bytes == LARGE.sum_bytes * 264 / 256 / 4
    assert rounded.seconds["compute"] == pytest.approx(LARGE.seconds["compute"] + 0.125)
    assert costs_of(job(2, gradients="int8"), rounded, 2, GIGABIT).step < costs_of(job(2), LARGE, 2, GIGABIT).step


LONG = {"compute": 50.0, "exchange": 90.0, "wait": 10.0, "total": 900.0}


@pytest.mark.parametrize(
    ("fields", "seconds", "expected"),
    [
        (
            {},
            LONG,
            "took 60 % of the steps: training.gradients: int8 or training.delay: 1 or training.local_",
        ),
        ({"gradients": "int8", "delay": 1}, LONG, "of the steps: training.local_steps: 4 would make it shorter"),
        ({"gradients": "int8", "delay": 1, "local_steps": 4}, LONG, ""),
        ({}, {"compute": 5.0, "exchange": 9.0}, ""),  # seconds are not worth a change
        ({}, {"compute": 500.0, "exchange": 90.0}, ""),
        ({}, {}, ""),
        ({"batch_size": "full"}, LONG, ""),
    ],
    ids=str,
)
def test_remark(fields: dict[str, Any], seconds: dict[str, float], expected: str) -> None:
    """After a training whose exchange took long, one sentence says what would make it shorter."""
    remark = remark_on_exchange(job(2, **fields), seconds)
    assert expected in remark
    assert bool(expected) == bool(remark)
