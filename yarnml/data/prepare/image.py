"""Numbers of images: PNG, JPEG and others are decoded by Pillow, turned as the camera says, and resized."""

import io
import math
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import numeric
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.findings import Finding
from yarnml.errors import DataError, first_line
from yarnml.job.prepare import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Those that Pillow decodes by itself: others may start programs."""

WHITE = np.float32(255)

find = numeric.find_nothing


def needs(step: Image, kind: pa.DataType) -> str | None:
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    return None if is_bytes else "encoded images, as bytes"


def gives(step: Image, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def learn(step: Image, finding: Finding, where: str) -> Image:
    return step


def names(step: Image, column: str) -> list[str]:
    return [f"{column}[{','.join(map(str, place))}]" for place in np.ndindex(step.shape)]


def apply(step: Image, column: pa.Array, where: str) -> Matrix:
    """float32 [rows, height · width · channels]; NaN for null."""
    pillow = _library()
    pixels = np.full((len(column), math.prod(step.shape)), np.nan, np.float32)
    for row, value in enumerate(column):
        if value.is_valid:
            place = where if len(column) == 1 else f"{where}: row {row + 1} of {len(column)}"
            pixels[row] = _decode(pillow, value.as_py(), step, place).reshape(-1) / WHITE
    return pixels


def _library() -> ModuleType:
    try:
        import PIL.Image  # an option
    except ImportError as exc:
        raise DataError("Images need the package Pillow: pip install 'yarnml[images]'.") from exc
    return PIL.Image


def _decode(pillow: Any, data: bytes, step: Image, where: str) -> Any:
    """uint8 [height, width, channels]; DataError for what is no image, or not a whole one."""
    from PIL import ImageOps

    size = (step.width, step.height)
    mode = "RGB" if step.channels > 1 else "L"
    try:
        with pillow.open(io.BytesIO(data), formats=FORMATS) as image:
            whole = _with_8_bits(pillow, ImageOps.exif_transpose(image)).convert(mode)
    except pillow.UnidentifiedImageError as exc:
        raise DataError(f"{where} is no image in {', '.join(FORMATS)}; mend or drop it.") from exc
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as exc:  # Pillow's for broken files
        raise DataError(f"{where} is an image that can't be decoded: {first_line(exc)}; mend or drop it.") from exc
    if whole.size == size:
        return np.asarray(whole)
    smooth = pillow.Resampling.BILINEAR
    match step.resize:
        case "stretch":
            return np.asarray(whole.resize(size, smooth))
        case "crop":
            return np.asarray(ImageOps.fit(whole, size, smooth))
        case "pad":
            return np.asarray(ImageOps.pad(whole, size, smooth))


def _with_8_bits(pillow: Any, image: Any) -> Any:
    """The image with numbers up to 255; Pillow would cut off larger ones, which are of 16 bits."""
    if not image.mode.startswith("I"):
        return image
    return pillow.fromarray((np.asarray(image) >> 8).astype(np.uint8))
