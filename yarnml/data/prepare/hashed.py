"""Common parts of the steps that give each value its places by a hash: nothing has to be learnt."""

from typing import TypeVar

import pyarrow as pa

from yarnml.data.prepare.findings import Finding
from yarnml.job.prepare import Hash, HashedTokens, Text

Hashing = TypeVar("Hashing", Hash, Text, HashedTokens)


def find(step: Hashing, column: pa.Array, where: str) -> Finding | None:
    return None


def learn(step: Hashing, finding: Finding, where: str) -> Hashing:
    return step


def names(step: Hash | Text, column: str) -> list[str]:
    return [f"{column}#{place}" for place in range(step.width)]
