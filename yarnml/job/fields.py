"""Types of the job file's fields, with their bounds, and the base of its sections."""

from typing import Annotated

from msgspec import Meta, Struct

PositiveInt = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Part = Annotated[float, Meta(ge=0, lt=1)]
Fraction = Annotated[float, Meta(gt=0, lt=1)]
Seconds = Annotated[float, Meta(gt=0)]
Size = Annotated[str, Meta(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B|B)$", description="a size such as '512 MiB'")]
Period = Annotated[str, Meta(pattern=r"^[1-9]\d* (epochs?|steps?)$", description="such as '1 epoch' or '500 steps'")]
Epochs = Annotated[str, Meta(pattern=r"^[1-9]\d* epochs?$", description="such as '1 epoch' or '10 epochs'")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="letters, digits, '.', '_', '-'")]
Url = Annotated[str, Meta(min_length=1)]
Urls = Url | Annotated[list[Url], Meta(min_length=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the job file: its keys are the fields."""


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def size_in_bytes(size: Size) -> int:
    """'1.5 GiB' → 1610612736."""
    number = size.rstrip("KMGTiB ")
    return int(float(number) * _UNITS[size[len(number) :].strip()])
