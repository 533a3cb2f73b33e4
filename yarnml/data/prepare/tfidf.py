"""Counts of a text's words, as ``text`` makes them, weighted by how few rows of the training data have them."""

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import hashed, text, texts
from yarnml.data.prepare.findings import Finding, PlaceCounts
from yarnml.errors import DataError
from yarnml.job.prepare import Tfidf

needs = texts.needs
gives = texts.gives
names = hashed.names


def find(step: Tfidf, column: pa.Array, where: str) -> Finding | None:
    if step.edges is not None:
        return None
    present = column.drop_null()
    return PlaceCounts(len(present), (text.apply(step, present, where) > 0).sum(axis=0).tolist())


def learn(step: Tfidf, finding: Finding, where: str) -> Tfidf:
    if not isinstance(finding, PlaceCounts) or finding.is_empty:
        raise DataError(f"{where} holds no text in the training data to learn from; leave it out of data.features.")
    weights = np.log((1 + finding.rows) / (1 + np.array(finding.counts, np.float64))) + 1
    return msgspec.structs.replace(step, edges=weights.tolist())


def apply(step: Tfidf, column: pa.Array, where: str) -> Matrix:
    x = text.apply(step, column, where).astype(np.float64)
    if step.sublinear:
        x = np.where(x > 0, 1 + np.log(np.maximum(x, 1)), 0)
    x *= np.array(step.edges or np.ones(step.width))
    if step.norm == "l2":
        x /= np.maximum(np.sqrt((x * x).sum(axis=1, keepdims=True)), np.finfo(np.float64).tiny)
    return x.astype(np.float32)
