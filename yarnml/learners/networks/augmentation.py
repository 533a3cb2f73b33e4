"""Random changes of images in training, so that a network learns what does not matter: sides, places, light.

All is drawn from a key for each row, which is a function of the seed, the step and the row (`yarnml.learners.noise`).
So the bits are the same on any number of workers, and nothing is left of it in predictions.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from yarnml.errors import JobFileError
from yarnml.job.learners import Augment
from yarnml.learners.noise import layer_keys

Images = jax.Array
"""[rows, height, width, channels], of any scale."""

Change = Callable[[jax.Array, jax.Array], jax.Array]
"""(a key, an image) → an image of the same shape."""

FIRST = 1 << 20
"""The number of the first change, for `layer_keys`: no network has so many layers."""

RGB = 3


class Augmentation:
    """The changes that options ask for, of images [height, width, channels]."""

    def __init__(self, options: Augment, shape: tuple[int, ...]) -> None:
        if options.crop >= min(shape[:2]):
            raise JobFileError(
                f"learner.augment.crop must be less than the sides of the images, which are {list(shape[:2])}, not "
                f"{options.crop}."
            )
        changes: dict[Change, bool] = {
            _flipped: options.flip,
            partial(_cropped, options.crop): options.crop > 0,
            partial(_coloured, options.colour): options.colour > 0,
        }
        self._changes = [change for change, is_asked in changes.items() if is_asked]
        self._mixup = options.mixup

    def changed(self, x: Images, keys: jax.Array) -> Images:
        """The images after every change; ``keys`` [rows]."""
        for number, change in enumerate(self._changes, FIRST):
            x = jax.vmap(change)(layer_keys(keys, number), x)
        return x

    def own_share(self, keys: jax.Array, weight: jax.Array) -> jax.Array | None:
        """[rows]: the share that a row keeps beside the `row_before`; None where none are mixed.

        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.  A row behind padding stays as it is.
        """
        if not self._mixup:
            return None
        last = layer_keys(keys, FIRST + len(self._changes))
        share = jax.vmap(lambda key: jax.random.beta(key, self._mixup, self._mixup))(last)
        return jnp.where(row_before(weight) > 0, share, 1.0)


def row_before(array: jax.Array) -> jax.Array:
    """For each row the one before it, for the first the last: [rows, …]."""
    return jnp.roll(array, 1, axis=0)


def by_row(share: jax.Array, array: jax.Array) -> jax.Array:
    """The sum of every row times its share and of the row before times the rest: [rows], [rows, …]."""
    share = share.reshape(-1, *[1] * (array.ndim - 1))
    return share * array + (1 - share) * row_before(array)


def _flipped(key: jax.Array, image: jax.Array) -> jax.Array:
    """Swap left and right of one of two images."""
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def _cropped(margin: int, key: jax.Array, image: jax.Array) -> jax.Array:
    """Shift an image by up to ``margin`` pixels on both axes; the pixels at its edges fill what comes in."""
    wider = jnp.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    place = jax.random.randint(key, (2,), 0, 2 * margin + 1)
    return jax.lax.dynamic_slice(wider, (place[0], place[1], jnp.zeros_like(place[0])), image.shape)


def _coloured(strength: float, key: jax.Array, image: jax.Array) -> jax.Array:
    """Change brightness and contrast, of a coloured image saturation too, each by a factor within 1 ± ``strength``."""
    brightness, contrast, saturation = jax.random.uniform(key, (3,), minval=1 - strength, maxval=1 + strength)
    image = image * brightness
    image = _between(jnp.mean(image), image, contrast)
    return _between(jnp.mean(image, axis=2, keepdims=True), image, saturation) if image.shape[2] == RGB else image


def _between(centre: jax.Array, image: jax.Array, factor: jax.Array) -> jax.Array:
    return centre + (image - centre) * factor
