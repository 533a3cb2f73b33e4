"""The history of a training as a table: a row for each epoch, a column for each metric."""

from yarnml.checkpoint.manifest import Position

EPOCH_LOSS = "epoch_loss"
"""The mean loss over the rows of an epoch as they were trained on, while the model changed."""

OF_TRAINING = "training_"
"""Begins the names of metrics of the training rows after an epoch."""


def history_of(position: Position) -> dict[str, list[float | None]]:
    """Tabulate the epochs up to a position: ``epoch``, ``epoch_loss``, then every metric; None where there is none.

    Metrics have their own names where they are of the data that judges the training.
    """
    rows: list[dict[str, float]] = []
    for number, metrics in enumerate(position.history):
        training = position.training[number] if number < len(position.training) else {}  # of an earlier version
        own = {name if name == EPOCH_LOSS else OF_TRAINING + name: value for name, value in training.items()}
        rows.append({"epoch": number + 1, **own, **metrics})
    names = dict.fromkeys(name for row in rows for name in row)
    # A first epoch may have no evaluation: those of the training stand before the others all the same.
    ordered = sorted(names, key=lambda name: (name != "epoch", name != EPOCH_LOSS, not name.startswith(OF_TRAINING)))
    return {name: [row.get(name) for row in rows] for name in ordered}
