"""Cox's proportional hazards: a score is the logarithm of a row's risk, beside that of all rows still there.

The partial likelihood looks at each event: how likely was it that row of all that had come so far?  (Cox, "Regression
Models and Life-Tables", 1972; equal times by Breslow, 1974.)
"""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.risk import risk_of
from yarnml.learners.trees.table import Slopes, Table


class Cox:
    """The partial likelihood of times; a label is negative for a time up to which nothing happened."""

    def slopes(self, table: Table, places: Array) -> Slopes:
        """The derivatives of -log of the partial likelihood, and the events' parts of it."""
        rows = np.flatnonzero(table.weight > 0)
        risk = risk_of(table.weight[rows], table.score[rows], table.label[rows])
        rows = rows[risk.order]
        events = table.weight[rows] * (table.label[rows] > 0)
        upto = np.searchsorted(risk.time, risk.time, side="right") - 1
        hazard, passed, squared, at_risk = (np.zeros(len(table.score)) for _ in range(4))
        hazard[rows] = risk.hazard
        passed[rows] = np.cumsum(events / risk.left)[upto]
        squared[rows] = np.cumsum(events / risk.left**2)[upto]
        at_risk[rows] = np.log(risk.left) + risk.largest
        ended = table.weight[places] * (table.label[places] > 0)
        own = hazard[places]
        loss = float(ended @ (at_risk[places] - table.score[places]))
        return Slopes(own * passed[places] - ended, own * passed[places] - own**2 * squared[places], loss)

    def refused(self, y: Array) -> str | None:
        odd = y[(y == 0) | ~np.isfinite(y)]
        return f"learner.objective cox needs times other than 0, but one is {odd[0]:g}." if odd.size else None
