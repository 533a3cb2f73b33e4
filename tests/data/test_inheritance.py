"""The columns of a training that starts from an earlier one: what stays, and what is refused."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from yarnml.data.inheritance import Sources, inherited, sources
from yarnml.data.schema import Feature, Offset, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners.axes import ParameterAxes
from yarnml.job.prepare import Category, Embedding, Impute, OneHot, Tokens
from yarnml.learners.growth import grown

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


def text(*words: str) -> Feature:
    return Feature("text", 4, (Tokens(columns=["text"], length=4, values=[*words]),))


def place(*values: str, **fields: Any) -> Feature:
    return Feature("place", len(values), (OneHot(columns=["place"], values=[*values], **fields),))


def city(*values: str, **fields: Any) -> Feature:
    return Feature("city", 1, (Embedding(columns=["city"], values=[*values], **fields),))


NUMBERS = ParameterAxes(numbers={"weight": 0}, classes={"weight": 1})
WORDS = ParameterAxes(words={"words": 0})


@pytest.mark.parametrize(
    ("old", "new", "axes", "sentence"),
    [
        (text("a", "b"), text("a", "b", "c"), NUMBERS, "tokens.values has 'c', which the earlier model does not know"),
        (text("a", "b"), text("a"), WORDS, "tokens.values is ['a', 'b'] there, not ['a']; make it the same."),
        (place("Bern"), place("Bern", "Rom"), WORDS, "one_hot.values has 'Rom', which the earlier model does not know"),
        (place("Bern", min_count=2), place("Bern", "Rom", min_count=2), NUMBERS, "one_hot.values has 'Rom'"),
        (city("Bern", min_count=2), city("Bern", "Rom", min_count=2), WORDS, "embedding.values has 'Rom'"),
    ],
)
def test_longer_vocabularies_are_refused(old: Feature, new: Feature, axes: ParameterAxes, sentence: str) -> None:
    """Words and values that have no parameters of their own are named, and so are those that are gone."""
    with pytest.raises(JobFileError) as caught:
        inherited(replace(NOW, features=(new,)), replace(EARLIER, features=(old,)), axes)
    assert sentence in str(caught.value)


def test_what_is_mapped() -> None:
    """Numbers are found by their names in any order, a new word where the unknown one was, new classes at the end."""
    old = replace(EARLIER, features=(Feature("age", 1, (), (40.0,)), place("Bern", "Köln")))
    given = (Feature("weight", 1), place("Aarau", "Bern", "Köln"), Feature("age", 1))
    whole = inherited(replace(NOW, features=given, classes=("perhaps", "yes")), old, NUMBERS)
    assert whole.features == (given[0], given[1], old.features[0])
    assert whole.classes == ("no", "yes", "perhaps")
    places = sources(whole, old)
    assert places.numbers.tolist() == [-1, -1, 1, 2, 0]
    assert places.classes.tolist() == [0, 1, -1]
    assert inherited(replace(NOW, features=old.features[:1]), replace(old, features=old.features[:1]), NUMBERS)
    words = replace(EARLIER, features=(text("a", "b"),))
    more = inherited(replace(NOW, features=(text("b", "c", "a"),)), words, WORDS)
    assert sources(more, words).words.tolist() == [0, 1, 3, 1, 2]
    more = inherited(replace(NOW, features=(city("c", "a"),)), replace(EARLIER, features=(city("a"),)), WORDS)
    assert sources(more, replace(EARLIER, features=(city("a"),))).words.tolist() == [0, 1, 1, 2]
    beside_ids = replace(EARLIER, features=(old.features[0], city("a")))
    with pytest.raises(JobFileError, match="does not know 'weight'"):
        inherited(replace(NOW, features=(*beside_ids.features, given[0])), beside_ids, NUMBERS)
    with pytest.raises(JobFileError, match="the earlier model also needs 'place'"):
        inherited(replace(NOW, features=given[2:]), old, NUMBERS)


def test_arrays_grow() -> None:
    """Weights of new numbers are 0, those of a new class the mean of all; the optimizer's moments go along."""
    weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    moments = {"optimizer/0/mu/weight": weight, "optimizer/0/row/weight": weight[0], "optimizer/0/count": np.array(3)}
    places = Sources(np.array([2, -1, 0]), np.array([], int), np.array([0, 1, -1]))
    result = grown({"parameters/weight": weight, **moments}, NUMBERS, places)
    for name in ("parameters/weight", "optimizer/0/mu/weight"):
        assert result[name].tolist() == [[4.0, 5.0, 4.5], [0.0, 0.0, 0.0], [0.0, 1.0, 0.5]]
        assert result[name].dtype == np.float32
    for name in ("optimizer/0/row/weight", "optimizer/0/count"):
        assert result[name] is moments[name]
