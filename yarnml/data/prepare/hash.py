"""One of a fixed number of places for each value, by its hash: nothing has to be learnt.

The hash is that of the value's text, so 7 and '7' are one; true and false are 'true' and 'false'.
"""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.lookup import whole
from yarnml.data.prepare import hashed, valued
from yarnml.data.prepare.hashing import buckets
from yarnml.data.prepare.one_hot import ones
from yarnml.job.prepare import Hash

needs = valued.needs
gives = valued.gives
find = hashed.find
learn = hashed.learn
names = hashed.names


def apply(step: Hash, column: pa.Array, where: str) -> Matrix:
    coded = whole(column, where).dictionary_encode()
    place = np.append(buckets(coded.dictionary.cast(pa.large_string()), step.width), valued.NULL)
    return ones(place[coded.indices.fill_null(len(place) - 1).to_numpy(zero_copy_only=False)], step.width)
