"""The part of a gradient that travels, where only its largest numbers do."""

from yarnml.job.fields import Fraction, Natural, Section


class TopK(Section, frozen=True, kw_only=True):
    """The numbers of a shard's gradient that travel: those of the largest magnitude.

    ``share``: how many of all.
    ``warmup_steps``: the first steps of the job, in which the share falls to that from a quarter.
    """

    share: Fraction = 0.01
    warmup_steps: Natural = 0
