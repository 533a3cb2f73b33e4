"""Learners as estimators of scikit-learn: for its pipelines, cross-validation and searches."""

try:
    from yarnml.sklearn.estimators import Classifier, Clusterer, Regressor, Transformer
except ModuleNotFoundError as exc:
    if (exc.name or "").partition(".")[0] != "sklearn":
        raise
    raise ModuleNotFoundError("yarnml.sklearn needs scikit-learn: pip install yarnml[sklearn]", name=exc.name) from exc

__all__ = ["Classifier", "Clusterer", "Regressor", "Transformer"]
