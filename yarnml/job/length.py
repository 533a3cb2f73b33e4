"""The length of a training by gradient descent whose job file does not say it: the number of rows decides."""

import math

from msgspec.structs import replace

from yarnml.job.spec import Job

STEPS = 2000
"""Updates after which a small network has mostly learnt what it can, at the default learning rates."""
EPOCHS = 10, 100
"""The fewest and the most passes over the rows."""
EPOCHS_OF_KEYS = 10
"""Passes of a learner with a row of parameters for every key, which soon knows its rows by heart.

Zhang et al., "Towards Understanding the Overfitting Phenomenon of Deep Click-Through Rate Models", CIKM 2022.
"""
ROWS_PER_STEP = 32, 256
"""The fewest and the most."""
STEPS_PER_EPOCH = 16
"""Few rows are cut into so many batches, as far as these are large enough."""


def usual_batch(rows: int) -> int:
    """Rows of a step: a power of two, small where there are few rows, so that they make many steps."""
    low, high = ROWS_PER_STEP
    return min(max(1 << (rows // STEPS_PER_EPOCH).bit_length(), low), high)


def usual_epochs(rows: int, batch: int) -> int:
    """Passes over the rows: as many as make enough steps."""
    low, high = EPOCHS
    return min(max(math.ceil(STEPS / math.ceil(rows / batch)), low), high)


def with_length(job: Job, rows: int) -> Job:
    """The job with a number of epochs and a batch size, where it has none yet.

    ``rows``: of the training data.
    """
    training = job.training
    batch = training.batch_size or usual_batch(rows)
    usual = EPOCHS_OF_KEYS if job.learner.KEYS else usual_epochs(rows, rows if batch == "full" else batch)
    epochs = training.epochs or usual
    return replace(job, training=replace(training, batch_size=batch, epochs=epochs))
