"""The protocol of a table as learners use it: rows in this process, or in others that own them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.block import Block
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import Keys, Run
from yarnml.storage.tensors import Packed


class Part(NamedTuple):
    """The size of a part of a table.

    ``keys``: those that have a row.  ``nbytes``: in memory, with what finds the rows.
    ``rare``: keys that came too rarely to have one.
    ``evicted``: rows that were given up, as their keys had not come for too long.
    """

    keys: int
    nbytes: int
    rare: int = 0
    evicted: int = 0


def described(parts: Sequence[Part]) -> list[str]:
    """A sentence about the size of a table, for its user; none about an empty one."""
    counts = [part.keys for part in parts]
    if not sum(counts):
        return []
    bytes_per_key = sum(part.nbytes for part in parts) / sum(counts)
    cut = f" in {len(counts)} parts of {min(counts):,} to {max(counts):,}" if len(counts) > 1 else ""
    rare = sum(part.rare for part in parts)
    evicted = sum(part.evicted for part in parts)
    rest = f"; {rare:,} more came too rarely for a row" if rare else ""
    rest += f"; {evicted:,} rows were evicted by age" if evicted else ""
    return [f"the table has {sum(counts):,} keys{cut}, {bytes_per_key:.0f} bytes of memory for each{rest}"]


class Weights(Protocol):
    """Weights by key, to be read."""

    policy: KeyPolicy
    """Which keys have rows.  Unless it admits all, a run's last number says how often its key came."""

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        """The weights of these keys, which are ascending: float32 [keys, width] by block; no key is added.

        ``unknown_as_first``: a key that is not there has the weights that its row would begin with, if it got one now;
        else 0, so that it contributes nothing.
        """


class ParameterTable(Weights, Protocol):
    """Rows of weights by key, in blocks."""

    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        """Weights that are in this process."""

    def parts(self) -> list[Part]:
        """The sizes of all parts, wherever they are; of a table that is in one piece, its own."""

    @property
    def width(self) -> int:
        """Weights of a row, and so the numbers of its sums."""

    def before(self, updates: int) -> Weights:
        """The weights as they were so many updates ago, as long as there is no other update."""

    def forget(self) -> None:
        """Say that weights from before the newest update are not asked for any more."""

    def update(self, run: Run) -> object:
        """Go on by the total of a step."""

    @property
    def digest(self) -> int:
        """A number of 64 bits, equal for equal rows in this process, in whatever order they came."""

    def arrays(self) -> dict[str, Array]:
        """All of the rows in this process by name, keys ascending: equal for equal tables."""

    def restored(self, arrays: dict[str, Array]) -> "ParameterTable":
        """The table that has these arrays; KeyError or ValueError where they do not fit."""

    @property
    def infinite_block(self) -> str | None:
        """The name of a block in this process that holds a weight which is no finite number; None for none."""

    def packed(self) -> Packed:
        """The weights, keys ascending, of those keys alone that have a weight other than 0, as a safetensors file."""
