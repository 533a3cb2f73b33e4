"""Predict by the model in this folder, without yarnml: ``python predict.py rows.csv``, or import it and call predict.

Columns hold prepared numbers, named as ``feature_names`` in model.json; an empty cell is a missing value.
Linear models and trees need NumPy alone, others JAX (with flatbuffers) besides.
"""

import csv
import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
ABOUT = json.loads((FOLDER / "model.json").read_bytes())
SCHEMA = ABOUT["schema"]
LEARNER = ABOUT["learner"]
SEVERAL = isinstance(SCHEMA["label"], list)
TYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "U32": "<u4", "U16": "<u2", "U8": "u1", "I8": "i1", "BOOL": "?"}

Array = np.ndarray[Any, Any]


def read_arrays() -> dict[str, Array]:
    """The arrays of model.safetensors, by name."""
    data = (FOLDER / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    arrays = {}
    for name, entry in json.loads(data[8:start]).items():
        low, high = entry["data_offsets"]
        values = np.frombuffer(data[start + low : start + high], TYPES[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"])
    if ABOUT["offsets"]:
        arrays["scaling/mean"] = np.array(ABOUT["mean"], np.float32)
    return arrays


def predict(x: Array) -> Array:
    """The outputs of rows x [rows, numbers]: probabilities [rows, classes], or numbers [rows].

    Of several labels [rows, labels]: of classes the probability of the second.  Of several quantiles [rows, quantiles].
    """
    outputs = outputs_of(x)
    outputs = np.sort(outputs, axis=1) if SCHEMA.get("quantiles") else outputs
    return calibrated(outputs, *SCHEMA["calibration"]) if SCHEMA.get("calibration") else outputs


def outputs_of(x: Array) -> Array:
    """The outputs before any calibration."""
    arrays = read_arrays()
    width = len(ABOUT["feature_names"])
    counted = np.array(x, np.float64)
    counted[:, :width] -= np.array(ABOUT["offsets"] or 0.0)
    counted = counted.astype(np.float32)
    if "parameters/rounds" in arrays and LEARNER.get("objective") != "custom":
        return of_trees(counted, arrays)
    if LEARNER["kind"] in LINKS and not SCHEMA.get("offset"):
        return of_linear(counted, arrays)
    import jax.export  # type: ignore[import-not-found, unused-ignore]

    program = jax.export.deserialize(bytearray((FOLDER / "model.stablehlo").read_bytes()))
    return np.asarray(program.call(arrays, counted))


def calibrated(outputs: Array, kind: str, score: str, scores: list[float], shares: list[float], *curves: Any) -> Array:
    wide = outputs.astype(float)
    if kind == "temperature":
        return softmax(scores[0] * np.log(np.maximum(wide, float(np.finfo(np.float32).tiny))))
    share = np.clip(wide, 2.0**-24, 1 - 2.0**-24)
    x = 2 * wide - 1 if score == "margin" else np.log(share / (1 - share))
    if not any(curves):
        return two(curve(x[:, 1], scores, shares))
    parts = np.stack([curve(x[:, k], *own) for k, own in enumerate(curves[0])], axis=1)
    total = parts.sum(axis=1, keepdims=True)
    return np.where(total > 0, parts / np.where(total > 0, total, 1), 1 / parts.shape[1])


def curve(x: Array, scores: list[float], shares: list[float]) -> Array:
    return np.interp(x, scores, shares) if shares else sigmoid(scores[0] * x + scores[1])


def two(share: Array) -> Array:
    return np.stack([1 - share, share], axis=-1)


def softmax(scores: Array) -> Array:
    powers: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(score: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-score)))


def ordered(odds: Array) -> Array:
    return np.maximum(-np.diff(sigmoid(odds), axis=1, prepend=1.0, append=0.0), 0.0)


LINKS: dict[str, Any] = {
    **dict.fromkeys(["linear", "huber", "quantile"], lambda score: score),
    **dict.fromkeys(["poisson", "gamma", "negative_binomial"], np.exp),
    "logistic": lambda score: two(sigmoid(score)),
    "svm": lambda score: two(0.5 + 0.5 * score),
    "softmax": softmax,
    "ordinal": ordered,
}


def of_linear(x: Array, arrays: dict[str, Array]) -> Array:
    scaled = (x - arrays["scaling/mean"]) * arrays["scaling/factor"]
    score = scaled @ arrays["parameters/weight"]
    score = score[:, None] if LEARNER["kind"] == "ordinal" else score
    link = sigmoid if SEVERAL and LEARNER["kind"] == "logistic" else LINKS[LEARNER["kind"]]
    outputs = link(score + arrays["parameters/bias"])
    if "scaling/label/factor" in arrays:
        outputs = outputs / arrays["scaling/label/factor"] + arrays["scaling/label/mean"]
        outputs = np.exp(outputs) if SCHEMA["label_scale"] == "log" else outputs
    return np.asarray(outputs)


def of_trees(x: Array, arrays: dict[str, Array]) -> Array:
    model = {name.removeprefix("parameters/"): array for name, array in arrays.items()}
    scores = np.zeros((len(x), len(model["base"])), np.float32)
    rows = np.arange(len(x))
    names = [feature[0] for feature in SCHEMA["features"] for _ in range(feature[1])]
    coded = np.array([name in LEARNER["categorical"] for name in names])
    for number in range(int(model["rounds"])):
        leaves = []
        for tree in range(model["feature"].shape[1]):
            node = np.zeros(len(x), int)
            while ((feature := model["feature"][number, tree, node]) >= 0).any():
                value = x[rows, feature]
                right = value > model["threshold"][number, tree, node]
                missing = np.isnan(value)
                if coded.any():
                    code = np.clip(np.nan_to_num(value), 0, model["table"].shape[1] - 1).astype(int)
                    own = model["table"][np.maximum(np.cumsum(coded)[feature] - 1, 0), code].astype(int)
                    bin = np.where(code == value, own, LEARNER["bins"])
                    words = model["categories"][number, tree, node, np.minimum(bin, LEARNER["bins"] - 1) >> 5]
                    right = np.where(coded[feature], (words >> (bin & 31)) & 1 == 0, right)
                    missing |= coded[feature] & (bin == LEARNER["bins"])
                right = np.where(missing, ~model["left"][number, tree, node], right)
                node = np.where(feature >= 0, model["child"][number, tree, node] + right, node)
            leaves.append(model["leaf"][number, tree, node])
        scores += np.concatenate(leaves, axis=1).reshape(len(x), -1, scores.shape[1]).sum(axis=1)
    offset = x[:, len(ABOUT["feature_names"]) :].sum(axis=1, keepdims=True)
    scores = model["base"] + scores * model["share"] + offset
    if SEVERAL or SCHEMA.get("quantiles"):
        return scores
    if not SCHEMA["classes"]:
        is_logarithm = LEARNER.get("objective") in ("poisson", "gamma", "tweedie", "aft")
        return np.exp(scores[:, 0]) if is_logarithm else scores[:, 0]
    if LEARNER["kind"] != "boosting":
        return scores if scores.shape[1] > 1 else two(scores[:, 0])
    return softmax(scores) if scores.shape[1] > 1 else two(sigmoid(scores[:, 0]))


def main(path: str) -> None:
    offset = SCHEMA.get("offset")
    with open(path, newline="") as file:
        table = csv.DictReader(file)
        rows = [*table]
    names = [*ABOUT["feature_names"], *(offset or [])[:1]]
    if lacking := [name for name in names if name not in (table.fieldnames or [])]:
        sys.exit(f"{path} lacks {', '.join(map(repr, lacking))}: its first line names a column for each feature.")
    x = np.array([[float(row[name] or "nan") for name in ABOUT["feature_names"]] for row in rows])
    if offset:
        added = np.array([float(row[offset[0]]) for row in rows])
        x = np.column_stack([x, np.log(added) if offset[1] else added])
    outputs = predict(x.reshape(len(rows), -1))
    for output in np.array(SCHEMA["classes"])[choose(outputs)] if SCHEMA["classes"] else outputs:
        print(output)


def choose(outputs: Array) -> Array:
    """The place of the class of each row, or of each of its labels."""
    if SEVERAL:
        return (outputs >= 0.5).astype(int)
    threshold = SCHEMA.get("threshold")
    return np.asarray(outputs.argmax(axis=1) if threshold is None else (outputs[:, 1] >= threshold).astype(int))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough, as head, ends the program
    if len(sys.argv) != 2:
        sys.exit("usage: python predict.py rows.csv")
    main(sys.argv[1])
