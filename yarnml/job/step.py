"""The base of the structs of ``data.prepare``."""

from typing import Annotated

from msgspec import Meta, Struct


class BaseStep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """``columns``: the features that the step is for; in a schema the one that it belongs to."""

    columns: Annotated[list[str], Meta(min_length=1)]

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def ids(self) -> int:
        """The number of ids that there are where the step makes ids of words; 0 where it makes quantities."""
        return 0
