"""The staleness of sums in asynchronous training, as it travels between processes."""

from yarnml.control.message import Message


class Staleness(Message, frozen=True):
    """Counts of how stale the weights were that sums belong to, when the sums were applied.

    A step of all shards that others have applied in the meantime counts as 1.

    Attributes:
        sums: how many there were.
        total: of the staleness of all of them.
        largest: of the staleness of one.
    """

    sums: int = 0
    total: float = 0.0
    largest: float = 0.0

    def with_one(self, staleness: float) -> "Staleness":
        """These and one more sum."""
        return Staleness(self.sums + 1, self.total + staleness, max(self.largest, staleness))

    def __add__(self, other: "Staleness") -> "Staleness":
        return Staleness(self.sums + other.sums, self.total + other.total, max(self.largest, other.largest))

    def __str__(self) -> str:
        """A sentence for the user."""
        mean = self.total / max(1, self.sums)
        return (
            f"the sums of {self.sums:,} asynchronous tasks were {mean:.2f} steps stale on average, "
            f"{self.largest:.2f} at most"
        )
