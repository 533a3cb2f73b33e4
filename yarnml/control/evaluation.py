"""Commands that look at rows with the state of a training, and change nothing."""

from msgspec import field

from yarnml.control.message import Message
from yarnml.data.calibration import Calibration, Kind


class Evaluate(Message, frozen=True):
    """Evaluate the state on all rows of a dataset; ``calibration``: of its outputs, None for none."""

    dataset: str
    calibration: Calibration | None = None


class Calibrate(Message, frozen=True):
    """Fit a calibration of the state's outputs on the validation data."""

    kind: Kind


class CountRows(Message, frozen=True):
    """Count the training rows by the values of their features, and of what the state predicts of them.

    ``edges``: ascending, of the bins of each column; empty for the moments of which edges are made.
    """

    edges: list[list[float]] = field(default_factory=list)
