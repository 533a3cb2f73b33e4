"""One training as a worker takes part in it: its job, its rows and its state."""

from collections.abc import Iterable, Sequence

import jax
import numpy as np
from msgspec.structs import replace

from yarnml.checkpoint.start import unchanged_folder
from yarnml.control.commands import Build, Initialize
from yarnml.control.holders import Holders
from yarnml.control.reports import StatePosition
from yarnml.data.inheritance import sources
from yarnml.data.scaling import Scaling, identity_of, neutral, scaling_from
from yarnml.data.schema import Rows, Schema
from yarnml.errors import JobFileError, YarnmlError
from yarnml.job import paths, user_code
from yarnml.job.fields import steps_in
from yarnml.job.learners import TableLearnerOptions
from yarnml.job.start import Start
from yarnml.learners.growth import grown
from yarnml.learners.warm_start import WITH_OPTIMIZER, Earlier
from yarnml.reduce.owners import Owners
from yarnml.reduce.placement import place_parts
from yarnml.worker.compiled_learners import CompiledLearner, CompiledLearners
from yarnml.worker.earlier_state import read_earlier
from yarnml.worker.loaders import Loaders, RowCaches
from yarnml.worker.replica import NO_STATE, Replica
from yarnml.worker.residuals import Residuals


class Training:
    """The job of one training, its rows and its state on this worker.

    ``loaders``: its datasets.  ``scaling``: what `FitScaling` has found, or None.
    ``parts``: of its table, and the processes that keep them; none where every worker has all of it.
    ``residuals``: of its shards' gradients, where only the largest numbers of these travel.
    """

    def __init__(self, initialize: Initialize, row_caches: RowCaches, learners: CompiledLearners) -> None:
        self.job = initialize.job
        self.folder = initialize.folder
        self.loaders = Loaders(initialize, row_caches)
        self.scaling: Scaling | None = None
        self.parts: list[Holders] = []
        self.residuals = Residuals(initialize.job.training.delay)
        self._is_search = initialize.is_search
        self._learners = learners
        self._replica: Replica | None = None

    @property
    def keeps_rows(self) -> bool:
        """True where rows are kept that a shard learner reads but once: the next trials of a search read them, too."""
        return self._is_search

    @property
    def has_residuals(self) -> bool:
        """True where the state after a step is nothing without the residuals of all shards."""
        return self.job.training.gradients == "top_k"

    @property
    def replica(self) -> Replica:
        """The learner's state.  Raises YarnmlError before `Build` or `SyncState` has made it."""
        if self._replica is None:
            raise YarnmlError(f"The training in {self.folder} has no learner yet: Build must come first.")
        return self._replica

    def rows_of(self, step: int, shard: int) -> Rows | None:
        """The rows of a shard at a step, prepared for the learner; None where a step is a full pass."""
        rows = self.loaders.batch(self.replica.schema, step, shard)
        return rows and self.replica.program.prepare(rows)

    @property
    def position(self) -> StatePosition:
        position = self._replica.position if self._replica is not None else NO_STATE
        return replace(position, residuals=self.residuals.steps)

    def traces(self, worker: int) -> dict[str, str]:
        """Choose where the trace of a worker's steps goes: URLs by the endings of its files."""
        return paths.traces(self.folder, worker, for_tensorboard=self.job.monitor.tensorboard)

    def place_table(self, addresses: Sequence[str]) -> None:
        """Cut the table over these processes, if they are to keep it: into as many parts as they are."""
        is_sharded = self.job.training.state == "sharded"
        followers = self.job.reducers.followers
        self.parts = place_parts([[]] * len(addresses), addresses, followers) if is_sharded and addresses else []

    def held_by(self, addresses: Iterable[str]) -> set[str]:
        """Those of some processes that keep a part of its table."""
        return {address for part in self.parts for address in part.addresses} & set(addresses)

    def build(self, schema: Schema, owners: Owners | None = None) -> Replica:
        """Make the learner's first state, which counts as no state until it is moved to a position.

        ``owners``: the way to the processes that keep its table, if others do.
        """
        scaling = self.scaling or identity_of(schema)
        hidden = self.job.scales and self.job.data.scale != "standard"
        if owners:
            owners.parts = self.parts
        compiled = self._compiled(schema)
        self._replica = Replica(
            compiled,
            schema,
            self.job.training.seed,
            scaling,
            hidden=hidden,
            owners=owners if self.parts else None,
            delay=self.job.training.delay,
            max_age=self._max_age(schema),
            tracks_keys=self.job.checkpoint.full_every > 1,
        )
        return self._replica

    def _max_age(self, schema: Schema) -> int:
        """The steps for which a row of a table stays without its key; 0 for ever."""
        learner = self.job.learner
        max_age = learner.max_age if isinstance(learner, TableLearnerOptions) else None
        return steps_in(max_age, self.loaders.steps(schema)) if max_age else 0

    def begin(self, build: Build, owners: Owners | None) -> tuple[str, str | None]:
        """Make the first state, or that of an earlier training.

        Returns what of an earlier one it holds, in words, and the folder of a checkpoint that is still to be read.
        ``owners``: as in `build`.
        """
        if build.start is None:
            self.build(build.schema, owners)
            return "", build.restore
        if self.job.learner.KEYS:  # the rows of a table are read as those of a checkpoint are
            self.build(build.schema, owners)
            return WITH_OPTIMIZER, unchanged_folder(build.start)
        return self.start_from(build.schema, build.start, owners), None

    def start_from(self, schema: Schema, start: Start, owners: Owners | None = None) -> str:
        """Make the first state of an earlier training's; tells what of that it holds.

        The scaling is the earlier one, since parameters count with it, but for columns that are new.
        ``owners``: as in `build`.  JobFileError where the two don't go together.
        """
        arrays, before = read_earlier(start, self.job.learner)
        try:
            scaling = Earlier(arrays, start.is_model).tree(identity_of(before), "scaling")
        except (KeyError, ValueError) as exc:
            raise JobFileError(f"start_from: {start.folder} has other columns than this job: {exc}.") from exc
        scaling = jax.tree.map(np.asarray, scaling)
        is_scaled = self.job.scales and not all(feature.ids for feature in schema.features)  # ids stay as they are
        if neutral(scaling._replace(label=None)) == is_scaled:
            scale = ("none", "and that did not") if is_scaled else ("standard", "and this job does not")
            raise JobFileError(
                f"start_from: one of {start.folder} and this job scales its features, {scale[1]}; "
                f"set data.scale: {scale[0]}."
            )
        places = sources(schema, before)
        self.scaling = scaling_from(scaling, places.numbers, self.scaling or identity_of(schema))
        arrays = grown(arrays, self.job.learner.axes, places)
        return self.build(schema, owners).start_from(Earlier(arrays, start.is_model), start.folder)

    def give_up_state(self) -> None:
        """Say from here on that there is no state."""
        if self._replica is not None:
            self._replica.move_to(NO_STATE)
        self.residuals.keep(())

    def warm_up(self, schema: Schema) -> None:
        """Compile the steps of the training by one step on a state that is thrown away."""
        learner = self._compiled(schema)
        rows = self.loaders.batch(schema, 0, 0)
        if rows is None:  # a step is a full pass: its first batch has the shape of all
            rows = next(self.loaders.loader("train", schema).scan(0))
        # The numbers of the scaling come with the state.  That there is one is part of the compiled function.
        scaling = identity_of(schema) if self.job.scales or schema.label_scale != "none" else None
        state = learner.first_state(schema, self.job.training.seed)
        if self.job.training.state == "sharded" and learner.element_wise:
            learner.program.map(state._replace(optimizer=None), scaling, rows)  # its owners make the updates
            return
        learner.program.update(state, learner.program.map(state, scaling, rows))

    def _compiled(self, schema: Schema) -> CompiledLearner:
        user_code.make_importable(self.job.environment.files)
        learner = self._learners.compiled(self.job, schema)
        self.loaders.share_cache(self.keeps_rows and learner.program.maps_shards)
        return learner
