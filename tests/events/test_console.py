"""The line of a running job tells what is true, however its news come."""

from yarnml.events.console import progress_line
from yarnml.events.events import RoundStarted, Tick
from yarnml.events.rate import Rate


def rate_of(ticks: list[tuple[int, int, float]], rounds: dict[int, int]) -> float | None:
    """``ticks``: step, rows of its round, time; ``rounds``: before which tick a round begins, and with which step."""
    rate = Rate()
    for number, tick in enumerate(ticks):
        if number in rounds:
            rate.begin(rounds[number])
        rate.add(*tick)
    return rate.per_second


def test_a_rate_counts_steps_that_nobody_told() -> None:
    """Rounds of 6 steps and 60 rows of which one tick each is heard, 12 a second: 720 rows a second."""
    ticks = [(6 * n + n % 6, 10 * (n % 6), n / 12) for n in range(1, 13)]
    rate = rate_of(ticks, {n: 6 * (n + 1) for n in range(12)})
    assert rate is not None
    assert abs(rate - 720) < 72


def test_ticks_that_come_at_once_have_no_rate() -> None:
    """News that a slow line delivers together say nothing about speed; the line then leaves it out."""
    assert rate_of([(1, 10, 5.0), (900, 9000, 5.000001)], {0: 0}) is None
    text = progress_line(RoundStarted(0, 0, 6, 600), Tick(3, 0.5, 30, 1), None)
    assert text == "round 1  step 3/600  loss 0.5  1 worker"


def test_a_rate_begins_anew_after_a_rewind() -> None:
    """A job that goes back to a checkpoint has no negative speed."""
    assert rate_of([(100, 1000, 0.0), (200, 2000, 1.0), (50, 500, 2.0), (60, 600, 3.0)], {0: 0, 2: 0}) == 100.0
