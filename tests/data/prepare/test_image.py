"""The step ``image``: Pillow's pixels as numbers, and one sentence for what is no whole image."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn
from PIL import Image, ImageOps
from sklearn.datasets import load_digits, load_sample_image

from yarnml.data.prepare import image
from yarnml.errors import DataError
from yarnml.job.prepare import Image as Step

PHOTOGRAPHS = Path(sklearn.__file__).parent / "datasets/images"


def encoded(pixels: Any, format: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def decode(data: bytes, height: int, width: int, **fields: Any) -> Any:
    """The numbers of one image, in its shape."""
    step = Step(columns=["x"], height=height, width=width, **fields)
    x = image.apply(step, pa.array([data]), "photo.jpg: column 'x'")
    assert x.dtype == np.float32
    assert len(image.names(step, "x")) == x.shape[1]
    return x.reshape(step.shape)


DIGIT = (load_digits().images[7] * 15).astype(np.uint8)


def test_pixels_of_png() -> None:
    """Grey pixels are their 255th parts, alike as one channel and as three, of 8 bits and of 16, and null is NaN."""
    assert (decode(encoded(DIGIT), 8, 8, channels=1)[..., 0] == DIGIT / np.float32(255)).all()
    assert (decode(encoded(DIGIT), 8, 8) == (DIGIT / np.float32(255))[..., None]).all()
    assert (decode(encoded(DIGIT.astype(np.uint16) * 257), 8, 8, channels=1)[..., 0] == DIGIT / np.float32(255)).all()
    step = Step(columns=["x"], height=8, width=8, channels=1)
    assert np.isnan(image.apply(step, pa.array([None], pa.binary()), "x")).all()


def test_photographs() -> None:
    """Both photographs of scikit-learn are its own pixels in their size, and Pillow's in another."""
    for name in ("china.jpg", "flower.jpg"):
        data = (PHOTOGRAPHS / name).read_bytes()
        assert (decode(data, 427, 640) * 255 == load_sample_image(name)).all()
        whole = Image.fromarray(load_sample_image(name))
        smooth = Image.Resampling.BILINEAR
        resized = {
            "stretch": whole.resize((30, 40), smooth),
            "crop": ImageOps.fit(whole, (30, 40), smooth),
            "pad": ImageOps.pad(whole, (30, 40), smooth),
        }
        for resize, expected in resized.items():
            np.testing.assert_allclose(decode(data, 40, 30, resize=resize) * 255, np.asarray(expected), atol=1e-4)


def test_cameras_say_which_side_is_up() -> None:
    """An image is turned as its EXIF says."""
    exif = Image.Exif()
    exif[274] = 6  # the side that is at the right when the camera is held upright
    turned = decode(encoded(DIGIT, exif=exif), 8, 8, channels=1)
    assert (turned == decode(encoded(np.rot90(DIGIT, -1).copy()), 8, 8, channels=1)).all()


def test_what_is_no_image() -> None:
    """A truncated image and foreign bytes are named with their row."""
    whole = (PHOTOGRAPHS / "china.jpg").read_bytes()
    for data, words in {
        whole[:50_000]: r"photo.jpg: column 'x' is an image that can't be decoded: .*truncated.*; mend or drop it",
        b"%!PS-Adobe-3.0 EPSF-3.0": "photo.jpg: column 'x' is no image in PNG, JPEG, ",
        b"": "photo.jpg: column 'x' is no image",
    }.items():
        with pytest.raises(DataError, match=words):
            decode(data, 8, 8)
    step = Step(columns=["x"], height=8, width=8)
    with pytest.raises(DataError, match=r"rows.parquet: row 2 of 2 is no image"):
        image.apply(step, pa.array([whole, b"nothing"]), "rows.parquet")
