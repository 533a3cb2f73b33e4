"""The processes of a job: their roles and their names."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["worker", "reducer"]


@dataclass(frozen=True, order=True)
class ProcessId:
    """The name of one process of a job.  An index is never used twice, so a replacement has another name."""

    role: Role
    index: int

    def __str__(self) -> str:
        return f"{self.role} {self.index}"
