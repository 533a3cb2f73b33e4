"""Names in the table of two towers, as training stores it and recommendations read it, and a length for both."""

EMBEDDING = "embedding"
"""The block with the numbers of each key that go into a tower."""

COUNT = "count"
"""The block that counts how often a key has come as an item's id."""

SMALLEST_LENGTH = 1e-6
"""What a vector is divided by at least, so that one of zeros stays as it is."""
