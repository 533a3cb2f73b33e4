"""A function that JAX compiles, whose compiled forms are kept in a store."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import jax
import numpy as np
from jax.experimental import serialize_executable

from yarnml.events.log import log
from yarnml.worker.first_call import FirstCall, turn
from yarnml.worker.program_store import ProgramStore, Store

_MISS = "/jax/compilation_cache/cache_misses"

_T = TypeVar("_T")


class StoredProgram(Generic[_T]):
    """A compiled function that is loaded for each form of its arguments, or compiled by one process at a time.

    ``function``: of `jax.jit`.  ``name``: tells the programs of a store apart, the same in all processes.
    """

    def __init__(self, function: Any, name: str, store: ProgramStore) -> None:
        self._function = function
        self._name = name
        self._store = store
        self._programs: dict[Hashable, Callable[..., _T]] = {}
        self._only: Callable[..., _T] | None = None
        """The program of the only form that has come so far, which looks at its arguments itself, and quicker."""

    @property
    def is_compiled(self) -> bool:
        """True once it has been called."""
        return bool(self._programs)

    def __call__(self, *arguments: object) -> _T:
        only = self._only
        if only is not None:
            try:
                return only(*arguments)
            except TypeError:  # the arguments have another form
                pass
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            inlined: _T = self._function(*arguments)  # as a part of a larger program
            return inlined
        form = _form_of(arguments)
        if form not in self._programs:
            self._programs[form] = self._ready(f"{self._name} {form}", arguments)
            self._only = self._programs[form] if len(self._programs) == 1 else None
        return self._programs[form](*arguments)

    def _ready(self, name: str, arguments: tuple[object, ...]) -> Callable[..., _T]:
        """Load the program for arguments of this form; compile it where there is none yet."""
        key = self._store.key(name)
        program = self._stored(key, arguments)
        if program is None:
            with turn(self._name):
                program = self._stored(key, arguments) or self._compiled(key, arguments)
        return program

    def _stored(self, key: str, arguments: tuple[object, ...]) -> Callable[..., _T] | None:
        """Load the program that was stored under a key."""
        entry = self._store.load(key)
        return entry and self._loaded(entry, arguments)

    def _loaded(self, entry: tuple[str, Any], arguments: tuple[object, ...]) -> Callable[..., _T] | None:
        """Load machine code by its key, and with the structure of what it returns."""
        code_key, outputs = entry
        code = self._store.load(code_key)
        if code is None:
            return None
        try:
            inputs = jax.tree.structure((arguments, {}))
            return serialize_executable.deserialize_and_load(code, inputs, outputs)
        except Exception as exc:
            log(f"A stored program can't be loaded, so it is compiled again: {exc}")
            return None

    def _compiled(self, key: str, arguments: tuple[object, ...]) -> Callable[..., _T]:
        lowered = self._function.lower(*arguments)
        text = lowered.as_text()
        if "custom_call" in text:  # it calls functions outside of XLA
            return lowered.compile()
        entry = self._store.key_of_code(self._name, text), lowered.out_tree
        program = self._loaded(entry, arguments)
        if program is None:
            before = _compiled_here.count
            program = lowered.compile()
            if _compiled_here.count == before:  # JAX had it in a cache of its own, and what it loads can't be stored
                return program
            try:
                code = serialize_executable.serialize(program)[0]
            except (NotImplementedError, ValueError):  # it holds large constants
                return program
            self._store.store(entry[0], code)
        self._store.store(key, entry)
        return program


def compiled_once(function: Any, name: str, store: Store) -> FirstCall[Any] | StoredProgram[Any]:
    """A function of `jax.jit` that one process of this machine compiles, and that is kept where a store is."""
    return StoredProgram(function, name, store) if isinstance(store, ProgramStore) else FirstCall(function, name)


def _form_of(arguments: tuple[object, ...]) -> Hashable:
    """The form that a program is compiled for: structure, shapes and types of its arguments."""
    leaves, structure = jax.tree.flatten(arguments)
    forms = tuple((np.shape(leaf), str(getattr(leaf, "dtype", type(leaf))), _is_weak(leaf)) for leaf in leaves)
    settings: Any = jax.config
    return structure, forms, settings.jax_enable_x64, jax.default_backend()


def _is_weak(leaf: Any) -> bool:
    return bool(getattr(leaf, "weak_type", not hasattr(leaf, "dtype")))


class _CompiledHere(threading.local):
    """The programs that JAX has compiled in this thread and written to its cache."""

    count = 0


_compiled_here = _CompiledHere()


def _note_event(event: str, **about: Any) -> None:
    if event == _MISS:
        _compiled_here.count += 1


jax.monitoring.register_event_listener(_note_event)
