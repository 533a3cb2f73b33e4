"""The base of the structs of ``data.prepare``."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

Width = Annotated[int, Meta(ge=1, le=2**24)]
Class = str | int | bool


class BaseStep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """``columns``: the features that the step is for; in a schema those that its own feature is made of.

    ``SEES_LABEL``: whether it learns from the labels of the training rows.
    ``JOINS``: whether all its columns together become one feature.
    ``TAKES_LISTS``: whether it takes lists of any length.
    """

    SEES_LABEL: ClassVar[bool] = False
    JOINS: ClassVar[bool] = False
    TAKES_LISTS: ClassVar[bool] = False

    columns: Annotated[list[str], Meta(min_length=1)]

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def ids(self) -> int:
        """The number of ids that there are where the step makes ids of words; 0 where it makes quantities."""
        return 0
