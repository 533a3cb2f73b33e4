"""The rows that each dataset of a job takes of its files: by a condition, by a part, and apart from other datasets."""

from typing import NamedTuple

from yarnml.data.selection import GroupSplit
from yarnml.job.data import HoldOut
from yarnml.job.spec import Data


class Choice(NamedTuple):
    """``where``: the condition, None for all.  ``groups``: whose rows.

    ``sample``, ``limit``: as in the job file, and ``seed`` of the sample.
    """

    where: str | None = None
    groups: GroupSplit | None = None
    sample: float | None = None
    limit: int | None = None
    seed: int = 0

    @property
    def is_all(self) -> bool:
        """True where all rows are taken."""
        return self == Choice(seed=self.seed)


def choices_of(data: Data, seed: int) -> dict[str, Choice]:
    """The choice of each dataset of a job, by name; rows are held out for validation before a sample is drawn."""
    held = data.validation if isinstance(data.validation, HoldOut) else None
    choices = {name: Choice(data.where) for name in ("train", "validation", "test")}
    for name in ("train", "validation") if held else ():
        assert held is not None
        if held.fraction is not None:
            split = GroupSplit(str(held.group), held.fraction, seed, name == "validation")
            choices[name] = choices[name]._replace(groups=split)
        else:
            operator = ">" if name == "validation" else "<="
            choices[name] = choices[name]._replace(where=_both(data.where, _condition(held, operator)))
    choices["train"] = choices["train"]._replace(sample=data.sample, limit=data.limit, seed=seed)
    return choices


def _condition(held: HoldOut, operator: str) -> str:
    """The condition on the column of time, in SQL's words."""
    name = str(held.by).replace('"', '""')
    value = held.after
    literal = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
    return f'"{name}" {operator} {literal}'


def _both(one: str | None, other: str) -> str:
    return f"({one}) and {other}" if one else other
