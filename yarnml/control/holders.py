"""The processes that keep the parts of a table, and the files of its rows, as they travel between processes."""

from yarnml.control.message import Message


class Holders(Message, frozen=True):
    """The processes of one part, by address: its owner, and its follower, empty where it has none.

    The follower has the same rows, and carries out the same updates.
    """

    owner: str
    follower: str = ""

    @property
    def addresses(self) -> list[str]:
        return [address for address in (self.owner, self.follower) if address]


class KeptPart(Message, frozen=True):
    """A part that a process keeps.

    ``steps``: after which training can go on with its rows.
    ``pushed``: tasks of an asynchronous round, if there is one, whose sums it has.
    """

    number: int
    steps: list[int]
    pushed: int = 0


class TableFiles(Message, frozen=True):
    """The files of one checkpoint that have rows of a table.

    ``folder``: of the checkpoint.  ``files``: name → SHA-256.
    """

    folder: str
    files: dict[str, str]
