"""The user's folder on the cluster's storage, ``~/.yarnml``: environments, code and compiled programs."""

from yarnml import storage
from yarnml.errors import ProvisionError, translated
from yarnml.storage import atomic

LEFTOVER_SECONDS = 2 * 24 * 3600.0
"""Age of what a killed command left half-stored when the next one removes it."""


def prepare(home: str) -> None:
    """Make the folder for its owner alone, and remove what killed commands left there long ago."""
    with translated(ProvisionError, f"{home} can't be used"):
        storage.make_private(home)
        for name in storage.names(home):
            atomic.sweep(storage.join(home, name), LEFTOVER_SECONDS)
