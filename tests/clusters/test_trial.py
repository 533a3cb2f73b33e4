"""Advice by a trial, as a line of `yarnml doctor`."""

from typing import Any

import pytest

from yarnml.clusters.yarn.edge.costs import describe_costs
from yarnml.clusters.yarn.edge.encryption import Advice
from yarnml.job.load import load_job

pytestmark = pytest.mark.long


def test_a_slow_link_calls_for_advice(digits_job: dict[str, Any]) -> None:
    """A line of advice names a field and seconds, if the exchange is most of a step."""
    job = load_job(digits_job | {"learner": {"kind": "mlp", "hidden": [64]}, "workers": {"count": 4}})
    with pytest.raises(Advice, match=r"The exchange is \d+ % of a step: with training\.gradients: .* it would take"):
        describe_costs(job, 1e5)
