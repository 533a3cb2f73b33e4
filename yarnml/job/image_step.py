"""The step of ``data.prepare`` that makes numbers of images."""

from typing import Annotated, Literal

from msgspec import Meta

from yarnml.job.step import BaseStep

Side = Annotated[int, Meta(ge=1, le=4096)]


class Image(BaseStep, frozen=True, kw_only=True, tag="image"):
    """``height`` x ``width`` x ``channels`` numbers from 0 to 1: the pixels of an encoded image, row by row.

    ``channels``: 1 is grey, 3 red, green and blue.
    ``resize``: an image of another shape is stretched, loses what is beyond the shape at two sides (``crop``), or gets
    black edges (``pad``).
    """

    height: Side
    width: Side
    channels: Literal[1, 3] = 3
    resize: Literal["stretch", "crop", "pad"] = "stretch"

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a row."""
        return self.height, self.width, self.channels
