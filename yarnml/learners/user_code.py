"""A user's own code: loaded from a Python file, and called so that what it raises is told in their own lines."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax

import yarnml
from yarnml.errors import JobFileError, ModelError, YarnmlError
from yarnml.job.user_code import FOLDER, locate

_LIBRARY_FILES = (*(os.path.dirname(str(p.__file__)) + os.sep for p in (yarnml, jax)), "<frozen ")


def load(file: str, attribute: str, label: str, options: Mapping[str, Any]) -> Any:
    """The module of a file, or what ``attribute`` names in it; of a class an object, made with the options.

    ``label``: the name for messages.  Raises JobFileError where there is no such thing, or options but no class.
    """
    path = locate(file)
    source: Any = _module(path, label)
    if attribute:
        if not hasattr(source, attribute):
            public = [n for n in vars(source) if not n.startswith("_")]
            raise JobFileError(f"learner.path: {path} has no '{attribute}'; it has {', '.join(public)}.")
        source = getattr(source, attribute)
    if inspect.isclass(source):
        with user_errors(label):
            source = source(**options)
    elif options:
        raise JobFileError(f"learner.options needs a class, but {label} is a {type(source).__name__}.")
    return source


def _module(path: str, label: str) -> Any:
    if not os.path.isfile(path):
        raise JobFileError(f"learner.path: there is no file {path}.")
    name = "yarnml_user_" + os.path.basename(path).removesuffix(".py")  # must not hide a package of the same name
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)
    with user_errors(os.path.basename(label)):
        spec.loader.exec_module(module)
    return module


@contextmanager
def user_errors(name: str) -> Iterator[None]:
    """Translate what a user's code raises: one sentence, and the traceback of their own lines."""
    try:
        yield
    except YarnmlError:
        raise
    except Exception as exc:
        shown = traceback.TracebackException.from_exception(exc)
        own = [f for f in shown.stack if not f.filename.startswith(_LIBRARY_FILES)]
        shown.stack[:] = own
        shown.__cause__ = None
        shown.__context__ = None
        shown.__notes__ = None
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no message"
        if isinstance(exc, ModuleNotFoundError) and FOLDER in os.environ:
            reason += " (modules of your own travel with the job when environment.files lists them)"
        raise ModelError(f"{name} raised {type(exc).__name__}: {reason}", "".join(shown.format())) from exc
