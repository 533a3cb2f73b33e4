"""Offsets and exposures of linear models, beside statsmodels, through rows, predictions and errors."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import safetensors.numpy

import yarnml
from tests.compiling import quick_compiling
from yarnml.errors import DataError, JobFileError
from yarnml.model.model import Model

pytestmark = pytest.mark.long

__all__ = ["quick_compiling"]

FEATURES = ["lncoins", "idp", "disea"]
VISITS = "mdvis"
YEARS = "years"

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def visits() -> dict[str, Array]:
    """Visits to doctors of 1,500 people of the RAND experiment, each over a time of their own."""
    table = pytest.importorskip("statsmodels.datasets").randhie.load_pandas().data.iloc[:1500]
    years = np.random.default_rng(0).uniform(0.2, 3, len(table))
    return {name: table[name].to_numpy() for name in [*FEATURES, VISITS]} | {YEARS: years}


@pytest.fixture(scope="module")
def model(visits: dict[str, Array], tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Poisson regression with an exposure, of rows in three shards, and stored."""
    return yarnml.fit(
        visits,
        label=VISITS,
        features=FEATURES,
        exposure=YEARS,
        learner="poisson",
        training={"shards": 3},
        test=visits,
        export=tmp_path_factory.mktemp("models"),
    )


def expected(visits: dict[str, Array]) -> tuple[Any, Array]:
    """The model of statsmodels, and its design."""
    models = pytest.importorskip("statsmodels.api")
    design = np.column_stack([np.ones(len(visits[YEARS])), *(visits[name] for name in FEATURES)])
    return models.GLM(visits[VISITS], design, models.families.Poisson(), exposure=visits[YEARS]).fit(), design


def test_an_exposure_is_that_of_statsmodels(model: Model, visits: dict[str, Array]) -> None:
    """Coefficients agree to 1e-4 of their errors, errors to 1e-5, predictions and the test's loss to float32."""
    fit, design = expected(visits)
    table = model.coefficients()
    np.testing.assert_allclose((table["coefficient"] - fit.params) / fit.bse, 0, atol=1e-4)
    np.testing.assert_allclose(table["standard_error"], fit.bse, rtol=1e-5)
    np.testing.assert_allclose(model.predict(visits), fit.predict(design, exposure=visits[YEARS]), rtol=2e-6)
    assert model.outcome
    assert model.outcome.metrics["test"]["loss"] == pytest.approx(fit.deviance / len(design) / 2, rel=1e-6)


def test_predictions_need_the_exposure_of_every_row(model: Model, visits: dict[str, Array]) -> None:
    """An array has it behind the features, a table by its name; what lacks it, or has one of 0, is refused."""
    features = np.column_stack([visits[name] for name in FEATURES])
    whole = np.column_stack([features, visits[YEARS]])
    np.testing.assert_array_equal(model.predict(whole), model.predict(visits))
    with pytest.raises(DataError, match="needs an array of 3 features and, behind them, column 'years' per row"):
        model.predict(features)
    with pytest.raises(DataError, match="the table has no column 'years'"):
        model.predict({name: visits[name] for name in FEATURES})
    with pytest.raises(DataError, match="the exposure column 'years' must hold finite numbers above 0"):
        model.predict(visits | {YEARS: 0 * visits[YEARS]})


def test_an_exported_program_takes_the_offset_behind_the_features(model: Model, visits: dict[str, Array]) -> None:
    """The program alone adds the last number of a row to the predictor, so of an exposure it takes the logarithm."""
    folder = Path(model.folder.removeprefix("file://"))
    arrays = safetensors.numpy.load_file(folder / "model.safetensors")
    program = (folder / "model.stablehlo").read_bytes()
    x = np.column_stack([*(visits[name] for name in FEATURES), np.log(visits[YEARS])]).astype(np.float32)
    outputs = jax.export.deserialize(bytearray(program)).call(arrays, x)
    np.testing.assert_allclose(outputs, model.predict(visits), rtol=1e-5)


@pytest.mark.parametrize("learner", [{"kind": "linear"}, {"kind": "huber", "delta": 1e6}], ids=["linear", "scaled"])
def test_a_numbers_offset_is_subtracted_from_the_label(learner: dict[str, Any], visits: dict[str, Array]) -> None:
    """With an offset in the label's units least squares fit what is left, whether the label is scaled or not."""
    offset = 10 * np.log(visits[YEARS])
    x = np.column_stack([visits[name] for name in FEATURES])
    model = yarnml.fit(x, label=visits[VISITS], offset=offset, learner=learner)
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.linalg.lstsq(design, visits[VISITS] - offset, rcond=None)[0]
    np.testing.assert_allclose(model.coefficients()["coefficient"], beta, rtol=1e-3)
    np.testing.assert_allclose(
        model.predict(np.column_stack([x, offset])), design @ beta + offset, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    ("learner", "roles", "words"),
    [
        ("forest", {"offset": YEARS}, "data.offset is added to one linear predictor, which learner.kind forest has"),
        ("softmax", {"exposure": YEARS}, "data.exposure is added to one linear predictor"),
        ("poisson", {"offset": YEARS, "exposure": YEARS}, "data.exposure is an offset by its logarithm, beside"),
        ("poisson", {"offset": VISITS}, "data.offset must be another column than the label 'mdvis'"),
    ],
)
def test_offsets_that_make_no_sense_are_refused(
    learner: str, roles: dict[str, str], words: str, visits: dict[str, Array]
) -> None:
    """A learner without one linear predictor, two offsets, and the label as its own offset are refused."""
    with pytest.raises(JobFileError, match=words):
        yarnml.fit(visits, label=VISITS, features=FEATURES, learner=learner, **roles)
