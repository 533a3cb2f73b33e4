"""Names of columns as a job file gives them: a name, a glob such as ``tmp_*``, or a type such as ``type:number``."""

from yarnml.errors import JobFileError
from yarnml.job.spec import Data

TYPE = "type:"
KINDS = ("number", "boolean", "text", "list", "date")
"""The types that a pattern may name."""


def is_pattern(name: str) -> bool:
    """Tell whether a name may stand for several columns; one that a column has stands for that one alone."""
    return name.startswith(TYPE) or any(sign in name for sign in "*?[")


def is_open(data: Data) -> bool:
    """Tell whether the columns of a job are only known once its data have been looked into."""
    names = [name for step in data.prepare for name in step.columns]
    return not isinstance(data.features, list) or any(map(is_pattern, [*data.features, *data.labels, *names]))


def named_features(data: Data) -> list[str]:
    """The features that a job names, and the patterns among them; none for ``all``."""
    return data.features if isinstance(data.features, list) else []


def check_patterns(data: Data) -> None:
    """Refuse a type that there is none of."""
    excepted = [] if isinstance(data.features, list | str) else data.features.exceptions
    steps = {f"data.prepare[{n}].columns": step.columns for n, step in enumerate(data.prepare)}
    named = {"data.features": [*named_features(data), *excepted], "data.label": data.labels}
    for field, names in {**named, **steps}.items():
        for name in names:
            if name.startswith(TYPE) and name.removeprefix(TYPE) not in KINDS:
                raise JobFileError(
                    f"{field}: '{name}' is no type; there are {', '.join(TYPE + kind for kind in KINDS)}."
                )
