"""Augmentation: each change is what it says, of a row alone, and mixup trains on both rows."""

from typing import Any

import jax
import numpy as np
import pytest

from tests.learners.kinds import IMAGE
from yarnml.errors import JobFileError
from yarnml.job.learners import Augment, Cnn
from yarnml.learners.base import Batch
from yarnml.learners.networks.augmentation import Augmentation
from yarnml.learners.noise import first_noise
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

SHAPE = (4, 5, 3)


def changed(x: Any, step: int = 0, **fields: Any) -> Any:
    noise = first_noise(jax.random.key(1))
    for _ in range(step):
        noise = noise.next_step()
    return np.asarray(Augmentation(Augment(**fields), SHAPE).changed(x, noise.keys(x)))


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(0).random((40, *SHAPE), np.float32)


def test_flip_and_crop(images: Any) -> None:
    """About half the images are mirrored; a crop is a window of the image whose edges go on."""
    mirrored = changed(images, flip=True)
    is_same = (mirrored == images).all(axis=(1, 2, 3))
    assert 10 < is_same.sum() < 30
    assert (mirrored[~is_same] == images[~is_same][:, :, ::-1]).all()
    wider = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    windows = [wider[:, a : a + 4, b : b + 5] for a in range(3) for b in range(3)]
    cropped = changed(images, crop=1)
    chosen = np.array([(cropped == window).all(axis=(1, 2, 3)) for window in windows])
    assert chosen.any(axis=0).all()
    assert chosen.any(axis=1).sum() > 5


def test_colour(images: Any) -> None:
    """Numbers change by no more than the three factors can, and each image by its own."""
    coloured = changed(images, colour=0.1)
    assert 0.01 < np.abs(coloured - images).mean() < 0.1
    assert len(np.unique((coloured.mean(axis=(1, 2, 3)) / images.mean(axis=(1, 2, 3))).round(4))) > 30


@pytest.mark.long
def test_changes_are_of_the_row_and_the_step(images: Any) -> None:
    """A row is changed in the same way whatever rows are beside it, and in another way at the next step."""
    fields = {"flip": True, "crop": 1, "colour": 0.2}
    whole = changed(images, **fields)
    assert (changed(images[7:9], **fields) == whole[7:9]).all()
    assert (changed(images, step=1, **fields) != whole).any()


@pytest.mark.long
def test_mixup_is_between_two_rows() -> None:
    """A row that is mixed with its like has its own loss; a row behind padding is not mixed at all."""
    x = np.random.default_rng(0).random((4, 4, 4, 2), np.float32)
    y = np.array([0, 1, 2, 0], np.int32)

    def loss(x: Any, y: Any, weight: Any, mixup: float) -> float:
        learner: Any = build_learner(Cnn(channels=[3], hidden=[5], augment=Augment(mixup=mixup)), IMAGE)
        return float(jax.jit(learner.map)(learner.init(jax.random.key(0)), Batch(x, y, weight)).loss)

    ones = np.ones(4, np.float32)
    twice = (np.repeat(x[:1], 4, axis=0), np.repeat(y[:1], 4))
    assert loss(*twice, ones, 0.5) == pytest.approx(loss(*twice, ones, 0.0), rel=1e-6)
    assert loss(x, y, ones, 0.5) != pytest.approx(loss(x, y, ones, 0.0), rel=1e-4)
    alone = np.array([0, 1, 0, 1], np.float32)
    assert loss(x, y, alone, 0.5) == pytest.approx(loss(x, y, alone, 0.0), rel=1e-6)


def test_a_crop_beyond_the_image_is_refused() -> None:
    """A shift by a whole side leaves nothing of the image."""
    with pytest.raises(JobFileError, match=r"learner.augment.crop must be less than the sides .* \[4, 4\], not 4"):
        build_learner(Cnn(channels=[3], augment=Augment(crop=4)), IMAGE)
