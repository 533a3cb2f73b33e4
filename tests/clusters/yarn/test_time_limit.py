"""The moments that the end of a job's delegation tokens decides."""

import pytest

from yarnml.clusters.yarn.containers.time_limit import moments
from yarnml.storage.security.tokens import Origin

HOUR = 3600.0


@pytest.mark.parametrize(
    ("life", "warned", "left"),
    [
        (7 * 24 * HOUR, HOUR, 600.0),  # Hadoop's own
        (2 * HOUR, HOUR, 600.0),
        (HOUR, 0.75 * HOUR, 600.0),
        (200.0, 150.0, 100.0),
    ],
)
def test_moments(life: float, warned: float, left: float) -> None:
    """A user is warned an hour before the end, a job is left ten minutes before; both sooner where tokens are short."""
    assert moments(Origin("ann", "", 1000.0, 1000.0 + life)) == (1000.0 + life - warned, 1000.0 + life - left)
