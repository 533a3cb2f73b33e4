"""Text from an exported language model, piece by piece, each drawn by the probabilities that the model gives it.

NumPy computes it from the model's arrays: keys and values of the places before are kept, so that a piece costs one pass
for one place, and a command need not load JAX.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.prepare.pieces import encoder_of
from yarnml.errors import ExportError
from yarnml.job.prepare import FIRST_WORD, PADDING, UNKNOWN, Pieces
from yarnml.model.versions import Content, read_model, resolve
from yarnml.storage import absolute

Floats = npt.NDArray[np.float32]
USUAL_TOKENS = 200

_EPSILON = np.float32(1e-5)
_GELU = np.float32(math.sqrt(2 / math.pi))


class Decoder:
    """A language model that reads pieces and tells what may follow; ``places``: how many it has read.

    ``arrays``: of the model, by name.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], blocks: int, heads: int) -> None:
        self._arrays = {name.removeprefix("parameters/"): a for name, a in arrays.items()}
        self._heads = heads
        self.context, wide = self._arrays["positions"].shape
        form = blocks, self.context, heads, wide // heads
        self._keys = np.zeros(form, np.float32)
        self._values = np.zeros(form, np.float32)
        self.places = 0

    def restart(self) -> None:
        """Forget what was read."""
        self.places = 0

    def read(self, ids: npt.NDArray[np.int64]) -> Floats:
        """Read ``ids`` of pieces, for which there must be places left; [ids]: the logit of each next piece."""
        end = self.places + len(ids)
        x = self._arrays["words"][ids] + self._arrays["positions"][self.places : end]
        for block in range(len(self._keys)):
            x = x + self._attention(block, self._normalised(f"blocks/{block}/before_attention", x), end)
            inner = self._linear(f"blocks/{block}/inner", self._normalised(f"blocks/{block}/before_inner", x))
            x = x + self._linear(f"blocks/{block}/outer", _gelu(inner))
        self.places = end
        return np.asarray(self._normalised("norm", x)[-1] @ self._arrays["words"].T)

    def _attention(self, block: int, x: Floats, end: int) -> Floats:
        """Let new places look at themselves and all before them: x [new places, numbers] → the same form."""
        name = f"blocks/{block}"
        split = self._linear(f"{name}/attention", x).reshape(len(x), 3, self._heads, -1)
        self._keys[block, self.places : end] = split[:, 1]
        self._values[block, self.places : end] = split[:, 2]
        scores = np.einsum("qhd,khd->hqk", split[:, 0], self._keys[block, :end]) / np.float32(math.sqrt(split.shape[3]))
        is_later = np.arange(end) > np.arange(self.places, end)[:, None]
        shares = _softmax(np.where(is_later, np.float32(-np.inf), scores))
        attended = np.einsum("hqk,khd->qhd", shares, self._values[block, :end])
        return self._linear(f"{name}/joined", attended.reshape(len(x), -1))

    def _linear(self, name: str, x: Floats) -> Floats:
        return np.asarray(x @ self._arrays[f"{name}/weight"] + self._arrays[f"{name}/bias"])

    def _normalised(self, name: str, x: Floats) -> Floats:
        above = x - x.mean(axis=-1, keepdims=True)
        scaled = above / np.sqrt(np.square(above).mean(axis=-1, keepdims=True) + _EPSILON)
        return np.asarray(scaled * (1 + self._arrays[f"{name}/gain"]) + self._arrays[f"{name}/bias"])


class TextGenerator:
    """The text that follows a prompt, by a language model; ExportError for another model.

    ``folder``: of the model, for errors.
    """

    def __init__(self, content: Content, folder: str) -> None:
        learner = content.about["learner"]
        if content.schema.task != "text" or "quantised" in content.about:
            raise ExportError(
                f"{folder} is of learner.kind {learner['kind']}, which can't generate text; train a transformer with "
                "learner.task: generate."
            )
        step = content.schema.features[0].steps[-1]
        assert isinstance(step, Pieces)
        self._encoder = encoder_of(step)
        self._texts = step.values or []
        self._arrays = content.arrays
        self._form = learner["blocks"], learner["heads"]

    def pieces(self, prompt: str, temperature: float, top_k: int | None, seed: int) -> Iterator[str]:
        """The pieces behind a prompt, until the end of the text.

        When the places of its context are full, the model goes on from the last half of them.
        """
        decoder = Decoder(self._arrays, *self._form)
        ids = [PADDING, *(place + FIRST_WORD for place in self._encoder.pieces(prompt))][-decoder.context :]
        logits = decoder.read(np.array(ids))
        number = 0
        while (drawn := _drawn(logits, temperature, top_k, seed, number)) != PADDING:
            yield self._texts[drawn - FIRST_WORD]
            ids.append(drawn)
            number += 1
            if decoder.places == decoder.context:
                ids = ids[-max(1, decoder.context // 2) :]
                decoder.restart()
                logits = decoder.read(np.array(ids))
            else:
                logits = decoder.read(np.array(ids[-1:]))


def generate(
    path: str | PathLike[str],
    prompt: str = "",
    *,
    tokens: int = USUAL_TOKENS,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> str:
    """Return the text that a language model writes behind a prompt, of ``tokens`` pieces, or up to the text's end.

    ``path``: as of `yarnml.load_model`.  ``temperature``: 0 takes the most probable piece each time, 1 draws by the
    model's probabilities, less makes probable pieces more so.  ``top_k``: only so many of the most probable are drawn.
    The same ``seed`` gives the same text.
    """
    return "".join(islice(pieces_behind(path, prompt, temperature, top_k, seed), tokens))


def pieces_behind(
    path: str | PathLike[str], prompt: str, temperature: float, top_k: int | None, seed: int
) -> Iterator[str]:
    """The pieces of the text of `generate`, one after the other; ExportError where there is no language model."""
    if not temperature >= 0 or math.isinf(temperature):
        raise ExportError(f"temperature must be a number of 0 or more, not {temperature}.")
    folder = resolve(absolute(str(path), Path.cwd()))
    return TextGenerator(read_model(folder), folder).pieces(prompt, temperature, top_k, seed)


def _drawn(logits: Floats, temperature: float, top_k: int | None, seed: int, number: int) -> int:
    """The id of a piece, or of the end, drawn by the random number of this ``number``; no unknown piece."""
    allowed = logits.astype(np.float64)
    allowed[UNKNOWN] = -np.inf
    order = np.argsort(-allowed, kind="stable")[:top_k]
    if temperature == 0:
        return int(order[0])
    shares = _softmax(allowed[order] / temperature)
    random = (int(np.random.Philox(key=seed, counter=number).random_raw()) >> 11) * 2.0**-53
    place = int(np.searchsorted(np.cumsum(shares), random, side="right"))
    return int(order[min(place, len(order) - 1)])


def _softmax(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _gelu(x: Floats) -> Floats:
    return np.asarray(np.float32(0.5) * x * (1 + np.tanh(_GELU * (x + np.float32(0.044715) * x**3))))
