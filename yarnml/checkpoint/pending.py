"""The checkpoint that is being made: begun with a command, committed once a worker has written its part."""

from typing import NamedTuple

from msgspec.structs import replace

from yarnml.checkpoint.manifest import Manifest
from yarnml.checkpoint.store import Checkpoints
from yarnml.control.reports import Saved
from yarnml.events.events import Listener
from yarnml.events.measurements import CheckpointSaved, ParametersMeasured


class _Begun(NamedTuple):
    folder: str
    manifest: Manifest
    best_step: int | None


class PendingCheckpoint:
    """The master's side of the checkpoints of one training, which are made one at a time.

    ``newest``: the manifest of the last one that was committed.
    """

    def __init__(self, checkpoints: Checkpoints, newest: Manifest | None, say: Listener) -> None:
        self._checkpoints = checkpoints
        self._say = say
        self.newest = newest
        self._begun: _Begun | None = None

    def begin(self, manifest: Manifest, best_step: int | None) -> str:
        """Return the folder that a worker is to write the state into; ``best_step``: of a checkpoint that must stay."""
        folder = self._checkpoints.temporary(manifest.position.step)
        self._begun = _Begun(folder, manifest, best_step)
        return folder

    @property
    def pending(self) -> bool:
        """True while a state is still to be written."""
        return self._begun is not None

    def written(self, saved: Saved) -> None:
        """Commit a state that a worker has written, if it is the one that was begun last.

        A worker may tell of one twice, or late: of a folder that was dropped meanwhile.
        """
        if self._begun and saved.folder == self._begun.folder:
            folder, manifest, best_step = self._begun
            self._begun = None
            self.newest = replace(manifest, files=saved.files)
            self._checkpoints.commit(self.newest, folder, best_step)
            step = manifest.position.step
            self._say(CheckpointSaved(step, self._checkpoints.folder(step)))
            if saved.histograms:
                self._say(ParametersMeasured(step, saved.histograms))

    def drop(self) -> None:
        """Give up the state that is to be written: its writer is gone, or the training went back to an older one."""
        self._begun = None
        self._checkpoints.discard()
