"""The columns of a training that starts from an earlier one: what stays, and what is refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from yarnml.data.inheritance import inherited
from yarnml.data.schema import Feature, Offset, Schema
from yarnml.errors import JobFileError
from yarnml.job.prepare import Category, Impute, Tokens

LEARNT = (
    Feature("age", 1, (Impute(columns=["age"], value=41.5),), (40.0,)),
    Feature("place", 1, (Category(columns=["place"], values=["Bern", "Köln"]),)),
)
EARLIER = Schema(LEARNT, "left", "class", ("no", "yes"), rows=900)
FEATURES = (Feature("age", 0, (Impute(columns=["age"]),)), Feature("place", 0, (Category(columns=["place"]),)))
NOW = Schema(FEATURES, "left", "class", None, rows=100)


def test_what_was_learnt_stays() -> None:
    """Values of steps, offsets and classes are the earlier ones, and there is room for as many rows."""
    assert inherited(NOW, EARLIER) == replace(EARLIER, features=LEARNT)
    assert inherited(replace(NOW, classes=("yes",)), EARLIER).classes == ("no", "yes")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features": FEATURES[:1]}, "also needs 'place'; data.features must be age, place."),
        ({"features": FEATURES[::-1]}, "must be in the earlier model's order: age, place."),
        (
            {"features": (Feature("age", 1), FEATURES[1])},
            "'age' has impute of data.prepare there and no steps here",
        ),
        (
            {"features": (Feature("age", 0, (Impute(columns=["age"], indicator=True),)), FEATURES[1])},
            "column 'age': impute.indicator is False there, not True; make it the same.",
        ),
        (
            {"features": (FEATURES[0], Feature("place", 1, (Category(columns=["place"], values=["Bern", "Rom"]),)))},
            "column 'place': category.values has 'Rom', which the earlier model does not know.",
        ),
        ({"classes": ("no", "perhaps")}, "data.classes has 'perhaps', which the earlier model does not know."),
        ({"label_type": "number", "classes": ()}, "data.label_type is class there and number here; make it the same."),
        ({"offset": Offset("years")}, "data.offset is not given there and given here; make it the same."),
    ],
)
def test_what_is_refused(changes: dict[str, Any], sentence: str) -> None:
    """A difference is named, with both sides."""
    with pytest.raises(JobFileError) as caught:
        inherited(replace(NOW, **changes), EARLIER)
    assert str(caught.value).startswith("start_from: ")
    assert sentence in str(caught.value)


def test_longer_vocabularies_are_refused() -> None:
    """Words beyond those that parameters were trained for are named."""
    old = replace(EARLIER, features=(Feature("text", 4, (Tokens(columns=["text"], length=4, values=["a", "b"]),)),))
    new = replace(NOW, features=(Feature("text", 4, (Tokens(columns=["text"], length=4, values=["a", "b", "c"]),)),))
    with pytest.raises(JobFileError, match=r"tokens\.values has 'c', which the earlier model does not know"):
        inherited(new, old)
