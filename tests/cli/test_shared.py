"""Options that several commands have."""

import click
import pytest

from yarnml.cli.shared import link_rate


@pytest.mark.parametrize(
    ("text", "rate"), [("", 0.0), ("10gbit", 1.25e9), ("500 Mbit/s", 62.5e6), ("0.8gbit/s", 1e8), ("1000mbit", 1.25e8)]
)
def test_rates_of_links(text: str, rate: float) -> None:
    """A rate is bits a second with their unit, as networks are named by it; bytes come out."""
    assert link_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["fast", "10", "10 GB", "-1gbit", "0gbit", "1e9gbit", " "])
def test_texts_that_are_no_rate(text: str) -> None:
    """Anything else is refused in one sentence that shows how a rate looks."""
    with pytest.raises(click.UsageError, match=r"--trial must be a rate such as 10gbit .* not"):
        link_rate(text)
