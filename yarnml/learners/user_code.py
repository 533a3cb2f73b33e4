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
from yarnml.job.user_code import FOLDER, attribute_of, file_of, locate

_LIBRARY_FILES = (*(os.path.dirname(str(p.__file__)) + os.sep for p in (yarnml, jax)), "<frozen ")


def load(path: str, functions: Mapping[str, str], role: str, options: Mapping[str, Any]) -> Any:
    """The module of a file, or what is named in it, as ``file.py:Name``; of a class an object, made with the options.

    ``functions``: that it must have, each with its signature, as ``role``, such as "a model".
    Raises JobFileError where there is no such thing, it lacks one of them, or there are options but no class.
    """
    label = os.path.basename(path)
    source = _named(path, label)
    if inspect.isclass(source):
        with user_errors(label):
            source = source(**options)
    elif options:
        raise JobFileError(f"learner.options needs a class, but {label} is a {type(source).__name__}.")
    for function, signature in functions.items():
        if not callable(getattr(source, function, None)):
            raise JobFileError(f"learner.path: {label} has no function {function}; {role} needs {signature}.")
    return source


def _named(path: str, label: str) -> Any:
    """The module, or what the path names in it."""
    file = locate(file_of(path))
    module = _module(file, label)
    name = attribute_of(path)
    if name and not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise JobFileError(f"learner.path: {file} has no '{name}'; it has {', '.join(public)}.")
    return getattr(module, name) if name else module


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
        if isinstance(exc, ModuleNotFoundError) and FOLDER in os.environ and "environment.packages" not in reason:
            reason += " (modules of your own travel with the job when environment.files lists them)"
        raise ModelError(f"{name} raised {type(exc).__name__}: {reason}", "".join(shown.format())) from exc
