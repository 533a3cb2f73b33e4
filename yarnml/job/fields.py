"""Types of the job file's fields, with their bounds, and the base of its sections."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

LARGEST_INT = 2**31 - 1
"""The largest whole number: of rows, steps, units or processes nobody has more, and every message can hold it."""

LARGEST_FLOAT = 1e30
"""The largest number: a float32 holds its products with small ones."""

LARGEST_COUNT = 10_000
"""The largest number of processes of one role."""

LARGEST_SHARDS = 2**20

LARGEST_STALENESS = 10**6

LARGEST_DELAY = 16
"""The most steps that a sum may travel beside the computing of others."""

PositiveInt = Annotated[int, Meta(ge=1, le=LARGEST_INT)]
Natural = Annotated[int, Meta(ge=0, le=LARGEST_INT)]
Shards = Annotated[int, Meta(ge=1, le=LARGEST_SHARDS)]
Processes = Annotated[int, Meta(ge=1, le=LARGEST_COUNT)]
ProcessesOrNone = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
Cores = Annotated[int, Meta(ge=1, le=4096)]
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
NonNegative = Annotated[float, Meta(ge=0, le=LARGEST_FLOAT)]
Positive = Annotated[float, Meta(gt=0, le=LARGEST_FLOAT)]
Number = Annotated[float, Meta(ge=-LARGEST_FLOAT, le=LARGEST_FLOAT)]
Part = Annotated[float, Meta(ge=0, lt=1)]
Fraction = Annotated[float, Meta(gt=0, lt=1)]
Fractions = Annotated[list[Fraction], Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=10**9)]
# In Python's patterns $ also stands before a newline at the end; behind it none may come.
Size = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,9})? ?([KMGT]i?B|B)$(?!\n)", description="a size such as '512 MiB'"),
]
Period = Annotated[
    str,
    Meta(pattern=r"^[1-9][0-9]{0,8} (epochs?|steps?)$(?!\n)", description="such as '1 epoch' or '500 steps'"),
]
Epochs = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,8} epochs?$(?!\n)", description="such as '1 epoch' or '10 epochs'")
]
Duration = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,9} (s|min|h|d)$(?!\n)", description="such as '30 s', '5 min', '2 h' or '1 d'"),
]
TableName = Annotated[
    str,
    Meta(
        pattern=r"^(?!keys$|rare_keys$|rare_counts$)[A-Za-z]\w{0,63}$(?!\n)",
        description="a name of letters, digits and _, such as embedding, and neither keys, rare_keys nor rare_counts",
    ),
]
Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$(?!\n)", description="letters, digits, '.', '_', '-'")
]
MetricName = Annotated[
    str, Meta(pattern=r"^[a-z0-9_.]{1,60}$(?!\n)", description="the name of a metric, as in docs/metrics.md")
]
Backend = Literal["inline", "local"]
"""Where the processes of a job run that YARN has no part in."""

FormatName = Literal["auto", "parquet", "orc", "avro", "arrow", "tfrecord", "csv", "json", "libsvm", "images"]
Url = Annotated[str, Meta(min_length=1, extra={"place": True})]
"""A path or a URL."""

Urls = Url | Annotated[list[Url], Meta(min_length=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the job file: its keys are the fields."""


def defaults(section: Struct) -> dict[str, Any]:
    """The values of a section's fields where a job file gives none, as JSON, but for those that it must give."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        if field.default is not msgspec.NODEFAULT:
            values[field.name] = msgspec.to_builtins(field.default)
        elif field.default_factory is not msgspec.NODEFAULT:
            values[field.name] = msgspec.to_builtins(field.default_factory())
    return values


LARGEST_SIZE = 2**50
"""The largest size, in bytes: a pebibyte."""

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def size_in_bytes(size: Size) -> int:
    """'1.5 GiB' → 1610612736."""
    number = size.rstrip("KMGTiB ")
    return int(float(number) * _UNITS[size[len(number) :].strip()])


_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def seconds_in(duration: Duration) -> int:
    """'5 min' → 300."""
    count, unit = duration.split()
    return int(count) * _SECONDS[unit]


def steps_in(period: Period, steps_per_epoch: int) -> int:
    """'2 epochs' or '500 steps' in steps."""
    count, unit = period.split()
    return int(count) * (steps_per_epoch if unit.startswith("epoch") else 1)
