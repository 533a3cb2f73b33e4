"""yarnml: train models by MapReduce rounds of JAX workers, the same to the bit on any number of them.

outcome = yarnml.run("job.yaml")
yarnml.load_model(outcome.export).predict(table)
yarnml.fit(frame, label="price", learner="boosting").predict(frame)
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "fit": ("yarnml.frames.fit", "fit"),
    "generate": ("yarnml.model.generation", "generate"),
    "run": ("yarnml.runner", "run_file"),
    "load_job": ("yarnml.job.load", "load_job"),
    "load_model": ("yarnml.model.model", "load_model"),
}
_PUBLIC |= {"YarnmlError": ("yarnml.errors", "YarnmlError")}

__all__ = ["YarnmlError", "__version__", "fit", "generate", "load_job", "load_model", "run"]


def __getattr__(name: str) -> Any:
    """Load on first use: ``import yarnml`` alone stays quick, and only `load_model` brings JAX."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'yarnml' has no attribute '{name}'")
    module, attribute = _PUBLIC[name]
    return getattr(importlib.import_module(module), attribute)
