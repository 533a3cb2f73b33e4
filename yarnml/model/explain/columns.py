"""The numbers of a row that belong together: they are permuted together, or one by one."""

from typing import NamedTuple

from yarnml.data.schema import Schema


class Group(NamedTuple):
    """A column, or one number of a list, and the places of its numbers in a row."""

    name: str
    places: list[int]


def groups_of(schema: Schema) -> list[Group]:
    """The groups of a row's numbers: what steps make of one column is one, and so is each number of a plain list."""
    groups = []
    start = 0
    for feature in schema.features:
        places = [*range(start, start + feature.width)]
        if feature.steps:
            groups.append(Group(feature.name, places))
        else:
            groups += [Group(name, [place]) for name, place in zip(feature.names, places, strict=True)]
        start += feature.width
    return groups
