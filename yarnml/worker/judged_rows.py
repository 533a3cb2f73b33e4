"""Training rows that a learner has judged itself, as metrics take them."""

import numpy as np

from yarnml.data.label_scaling import LabelScaling, in_label_units, loss_in_label_units
from yarnml.data.schema import Schema
from yarnml.learners.base import Judged


def in_units(judged: Judged, schema: Schema, label: LabelScaling | None, degree: int) -> Judged:
    """Bring judged rows to the units of the label, and to the weights that they have without class weights.

    ``degree``: the power of the label's unit that the loss is in.
    """
    outputs, y = (in_label_units(values, label, schema.label_scale) for values in (judged.outputs, judged.y))
    weight = judged.weight
    if schema.class_weights is not None:
        weight = weight / np.array(schema.class_weights, np.float32)[y]
    return Judged(outputs, loss_in_label_units(judged.loss, label, schema.label_scale, degree), y, weight)
