"""Checkpoints: a state that one worker writes beside, and the master commits by one rename.

``<job>/checkpoints/step-…/`` holds ``state.safetensors`` (scaling, parameters, optimizer) and ``manifest.json`` (what
the job is and how far it got, and the digests of all files).  Where several processes own a table, each has written a
file of its rows beside them, all or those that changed since the one before.  Whatever is not named so was
never committed and is swept away.  One whose files are not what was written is torn: it is passed over, and said so.
"""

import contextlib
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import msgspec

from yarnml import storage
from yarnml.checkpoint.manifest import Manifest, read_manifest
from yarnml.errors import CheckpointError, translated
from yarnml.events.events import CheckpointTorn, Listener
from yarnml.job import paths
from yarnml.storage import atomic, integrity
from yarnml.storage.integrity import TornFile, UnreadableFile

_FILES = (paths.STATE, paths.MANIFEST)


def reachable(job_folder: str, field: str = "checkpoint.path") -> AbstractContextManager[None]:
    """Translate what the storage of a job's folder raises into a CheckpointError.

    ``field``: of the job file, which decides the folder.
    """
    return translated(CheckpointError, f"{field} {job_folder} can't be reached")


class Checkpoints:
    """The checkpoints of one job's folder, of which the newest ``keep`` are kept.

    ``confirm``: called before each change of what is stored; raises where another run leads the job by now.
    """

    def __init__(self, job_folder: str, keep: int, confirm: Callable[[], None] = lambda: None) -> None:
        self._job = job_folder
        self._folder = paths.checkpoints(job_folder)
        self._keep = keep
        self.confirm = confirm
        self._mark = uuid.uuid4().hex[:8]  # in the names of what this run writes
        # Steps whose checkpoint was read and is torn.  They stay, but don't count among those that are kept: else a
        # torn one would take the place of a whole one.
        self._torn: set[int] = set()
        self._layers: dict[int, list[int]] = {}  # step → those of the checkpoints that its own needs
        self._foreign: set[int] = set()

    def prepare(self) -> list[str]:
        """See that the folder can be written; returns the folders that this made, see `atomic.check_writable`."""
        with translated(CheckpointError, f"checkpoint.path {self._job} can't be written"):
            return atomic.check_writable(self._folder)

    def clear(self) -> None:
        """Remove all checkpoints, and nothing else: what else a folder of such a name holds is no checkpoint then."""
        with reachable(self._job):
            self._remove_drafts()
            for step in self._steps():
                self._remove(step)
            self._foreign = {*self._steps()}
            storage.remove_empty(self._folder)

    def newest(self, say: Listener) -> Manifest | None:
        """Return the manifest of the newest checkpoint that is whole; those that are torn are told, and left there.

        CheckpointError where there are only torn ones, or the storage is away.
        """
        with reachable(self._job):
            steps = self._steps()
        torn: dict[int, TornFile] = {}
        for step in reversed(steps):
            try:
                with reachable(self._job):
                    manifest = self._whole(step)
            except TornFile as exc:
                torn[step] = exc
                continue
            self._torn = {*torn}
            for passed, why in torn.items():
                say(CheckpointTorn(self.folder(passed), str(why), step))
            return manifest
        if torn:
            raise CheckpointError(_none_is_whole(self._folder, torn))
        return None

    def newest_step(self) -> int | None:
        """Return the step of the newest checkpoint that is not known to be torn."""
        with reachable(self._job):
            return max(self._good(), default=None)

    def temporary(self, step: int) -> str:
        """Name a new folder for the state after ``step``."""
        return paths.draft(self._folder, step, f"{self._mark}-{uuid.uuid4().hex[:8]}")

    def folder(self, step: int) -> str:
        return paths.checkpoint(self._job, step)

    def commit(self, manifest: Manifest, folder: str, best_step: int | None) -> None:
        """Put the manifest beside the state that a worker has written into ``folder``; show both by one rename.

        Of the older ones, the newest ``keep`` that are whole stay, and that of ``best_step``.
        """
        self.confirm()
        step = manifest.position.step
        document = integrity.seal(msgspec.to_builtins(manifest), "files", paths.MANIFEST)
        sentence = f"The checkpoint of step {step} can't be written to {self._folder}"
        with translated(CheckpointError, sentence, also=(TornFile,)):
            integrity.check(folder, manifest.files)
            storage.write(storage.join(folder, paths.MANIFEST), document)
            self._foreign.discard(step)
            self._remove(step)
            if step in self._steps():  # something of somebody else's
                storage.rename(self.folder(step), f"{self.folder(step)}-{uuid.uuid4().hex[:8]}")
            storage.rename(folder, self.folder(step))
            self._torn.discard(step)
            self._layers[step] = [layer.step for layer in manifest.layers]
            kept = {*self._good()[-self._keep :], best_step}
            kept |= {needed for step in kept for needed in self._needed(step)}
            for old in self._steps():
                if old not in kept:
                    self._remove(old)

    def discard(self) -> None:
        """Remove what this run has half-written, after a failure."""
        with contextlib.suppress(OSError):  # the failure that led here is the one to report
            self._remove_drafts(self._mark)

    def sweep(self) -> None:
        """Remove what runs have half-written that are over."""
        own = (paths.OUTCOME, paths.SEARCH, paths.STREAM, paths.REFERENCE, paths.LEASE)
        with reachable(self._job):
            self._remove_drafts()
            for folder in (self._job, self._folder):
                for name in storage.names(folder):
                    if atomic.is_leftover(name, own):
                        storage.remove_file(storage.join(folder, name))

    def _remove_drafts(self, mark: str = paths.ANY_MARK) -> None:
        for name in storage.names(self._folder):
            if paths.is_draft(name, mark):
                _clear(storage.join(self._folder, name))

    def _remove(self, step: int) -> None:
        _clear(self.folder(step))

    def _needed(self, step: int | None) -> list[int]:
        """The steps of the checkpoints without which that of a step is not whole."""
        if step is None:
            return []
        if step not in self._layers:
            with contextlib.suppress(TornFile):
                self._layers[step] = [layer.step for layer in read_manifest(self.folder(step)).layers]
        return self._layers.get(step, [])

    def _steps(self) -> list[int]:
        steps = {paths.step_of(name) for name in storage.names(self._folder)} - self._foreign
        return sorted(step for step in steps if step is not None)

    def _good(self) -> list[int]:
        return [step for step in self._steps() if step not in self._torn]

    def _whole(self, step: int) -> Manifest:
        """Return the manifest of a checkpoint; TornFile where it or another file is not what was written."""
        manifest = read_manifest(self.folder(step))
        if manifest.position.step != step:
            raise TornFile(f"{paths.MANIFEST} is of step {manifest.position.step}, so the folder was renamed")
        files = {name: digest for name, digest in manifest.files.items() if name != paths.MANIFEST}
        integrity.check(self.folder(step), {paths.STATE: manifest.files.get(paths.STATE), **files})
        for layer in manifest.layers:
            try:
                integrity.check(self.folder(layer.step), layer.files)
            except TornFile as exc:
                raise type(exc)(f"it has what changed since step {layer.step}, where {exc}") from exc
        return manifest


def _clear(folder: str) -> None:
    """Remove the files of a checkpoint, and the folder if nothing else is in it."""
    names = storage.names(folder)
    tables = [name for name in (*names, *(n[1:-9] for n in names)) if paths.part_of_table(name)]  # and what is left
    atomic.clear(folder, (*_FILES, *tables))


def _none_is_whole(folder: str, torn: Mapping[int, TornFile]) -> str:
    """Say why no checkpoint can be gone on from; what can't be read now may be whole, so it is not given up."""
    reasons = "; ".join(f"step {step}: {why}" for step, why in torn.items())
    if any(isinstance(why, UnreadableFile) for why in torn.values()):
        return f"No checkpoint in {folder} can be read ({reasons}); look after the storage, then run the command again."
    return f"No checkpoint in {folder} is whole ({reasons}); use --restart to begin anew."
