"""The checkpoint that is being made: begun with a command, committed once a worker has written its part."""

from typing import NamedTuple

from msgspec.structs import replace

from yarnml.checkpoint.store import Checkpoints, Manifest
from yarnml.control.reports import Saved


class _Begun(NamedTuple):
    folder: str
    manifest: Manifest
    best_step: int | None


class PendingCheckpoint:
    """Of one job, one at a time.  ``newest``: the manifest of the last one that was committed."""

    def __init__(self, checkpoints: Checkpoints, newest: Manifest | None) -> None:
        self._checkpoints, self.newest = checkpoints, newest
        self._begun: _Begun | None = None

    def begin(self, manifest: Manifest, best_step: int | None) -> str:
        """The folder that a worker is to write the state into; ``best_step``: of a checkpoint that is to stay."""
        folder = self._checkpoints.temporary(manifest.position.step)
        self._begun = _Begun(folder, manifest, best_step)
        return folder

    @property
    def pending(self) -> bool:
        """Whether a state is still to be written."""
        return self._begun is not None

    def written(self, saved: Saved) -> None:
        """Commit what a worker has written, if it is what was asked for last."""
        if self._begun and saved.folder == self._begun.folder:
            (folder, manifest, best_step), self._begun = self._begun, None
            self.newest = replace(manifest, files=saved.files)
            self._checkpoints.commit(self.newest, folder, best_step)

    def drop(self) -> None:
        """Who was to write is gone, or nobody wants it: another one will come."""
        self._begun = None
        self._checkpoints.discard()
