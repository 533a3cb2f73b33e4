"""Optimizers of tables: the rules by which a row is updated by the sum of its gradients."""

from msgspec import Struct

from yarnml.job.fields import NonNegative, Positive


class Ftrl(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="ftrl"):
    """FTRL-proximal on sums: a weight's rate is ``alpha`` / (``beta`` + root of its squared gradients so far).

    ``l1``: keeps a weight at 0 until the sum of its gradients, so to speak, is larger.  ``l2``: draws it to 0.
    """

    alpha: Positive = 0.1
    beta: Positive = 1.0
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0


class Adagrad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="adagrad"):
    """Adagrad on sums: a weight's rate is ``learning_rate`` / (root of its squared gradients so far + ``epsilon``)."""

    learning_rate: Positive = 0.05
    epsilon: Positive = 1e-10


class RowAdagrad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="row_adagrad"):
    """Adagrad with one rate for all weights of a row, by their mean square."""

    learning_rate: Positive = 0.05
    epsilon: Positive = 1e-10


Rule = Ftrl | Adagrad | RowAdagrad


class Count(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="count"):
    """No optimizer: a number that counts, to which sums are added.  Learners have it, and no job file asks for it."""
