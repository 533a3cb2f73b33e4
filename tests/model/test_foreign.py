"""Model folders that yarnml did not write, with right digests: refused in one sentence, never run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from jax import export

import yarnml
from yarnml.errors import ExportError
from yarnml.model.program import foreign_calls
from yarnml.storage import integrity

Change = Callable[[bytes], bytes]


def rewrite(folder: Path, name: str, change: Change) -> None:
    """Change a file of a model, and write the digests that belong to it."""
    about = folder / "model.json"
    document = json.loads(about.read_bytes())
    if name == "model.json":
        document = json.loads(change(json.dumps(document).encode()))
    else:
        data = change((folder / name).read_bytes())
        (folder / name).write_bytes(data)
        document["digests"][name] = integrity.digest_of(data)
    document["digests"].pop("model.json", None)
    about.write_bytes(integrity.seal(document, "digests", "model.json"))


def refused(folder: Path) -> str:
    with pytest.raises(ExportError) as caught:
        yarnml.load_model(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def renamed(target: str) -> Change:
    """The program with another target in the place of its checks of shapes; their names are equally long."""
    assert len(target) == len("shape_assertion")
    return lambda program: program.replace(b"shape_assertion", target.encode())


def with_arrays(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return lambda data: safetensors.numpy.save(change(safetensors.numpy.load(data)))


def doubled(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: np.concatenate([a, a]) for name, a in arrays.items()}


def another_program(data: bytes) -> bytes:
    shape = jax.ShapeDtypeStruct((3,), jnp.float32)
    return bytes(export.export(jax.jit(lambda x: x + 1))(shape).serialize())


@pytest.mark.parametrize("target", ["xla_python_call", "shape_assertioX", "lapack_sgeev_fi"])
def test_a_program_that_calls_out_is_refused(target: str, copy: Path) -> None:
    """It is named before anything of it is compiled: its operands may be addresses that the file chooses."""
    rewrite(copy, "model.stablehlo", renamed(target))
    assert f"its program calls {target}, which no exported model does" in refused(copy)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.stablehlo", lambda data: b""),
        ("model.stablehlo", lambda data: b"\x00" * 64),
        ("model.stablehlo", lambda data: data[: len(data) // 2]),
        ("model.stablehlo", lambda data: b"\xff" * len(data)),
        ("model.stablehlo", another_program),
        ("model.safetensors", lambda data: b""),
        ("model.safetensors", lambda data: b"\xff" * 8 + data[8:]),
        ("model.safetensors", lambda data: data[:-4]),
        ("model.safetensors", lambda data: data.replace(b'"F32"', b'"XXX"')),
        ("model.safetensors", lambda data: data.replace(b'"F32" ', b'"BF16"').replace(b'"F32"', b'"U32"')),
        ("model.safetensors", with_arrays(lambda arrays: {})),
        ("model.safetensors", with_arrays(doubled)),
        ("model.safetensors", with_arrays(lambda arrays: {n: a.astype(np.int8) for n, a in arrays.items()})),
        ("model.json", lambda data: data.replace(b'"pixels", 64', b'"pixels", 63')),
        ("model.json", lambda data: data.replace(b'"pixels", 64', b'"pixels", -1')),
        ("model.json", lambda data: data.replace(b'"pixels", 64', b'"pixels", "a"')),
        ("model.json", lambda data: data.replace(b'"schema"', b'"scheme"')),
    ],
)
def test_a_malformed_file_is_refused(name: str, change: Change, copy: Path) -> None:
    """Whatever a library says of it, it is an ExportError of one sentence."""
    rewrite(copy, name, change)
    assert str(copy) in refused(copy)


def test_a_description_that_is_no_json(copy: Path) -> None:
    for content in (b"", b"\xff\xfe", b"[" * 100_000, b'{"format": "yarnml-model/1"}', b"null"):
        (copy / "model.json").write_bytes(content)
        assert "model.json can't be read" in refused(copy)


def test_linear_algebra_is_allowed() -> None:
    """A model of one's own may use what jaxlib has, on processors and on GPUs."""

    def predict(x: jax.Array) -> jax.Array:
        values, _ = jnp.linalg.eigh(x.T @ x)
        return jnp.linalg.solve(x.T @ x, values) + jax.random.normal(jax.random.key(0), values.shape)

    shape = jax.ShapeDtypeStruct((5, 3), jnp.float32)
    module = export.export(jax.jit(predict), platforms=("cpu", "cuda"))(shape).mlir_module()
    assert module.count("custom_call") > 1
    assert foreign_calls(module) == []


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("stablehlo.custom_call @shape_assertion(%1)", []),
        ("stablehlo.custom_call @evil(%1)", ["evil"]),
        ('stablehlo.custom_call @"shape_assertion"(%1)', ["?"]),
        ('"stablehlo.custom_call"(%1) {call_target_name = "shape_assertion"}', ["?"]),
        ("stablehlo.custom_call @shape_assertion2(%1), stablehlo.custom_call @b(", ["b", "shape_assertion2"]),
    ],
)
def test_targets_in_a_text(module: str, names: list[str]) -> None:
    """Every mention must be one of the known forms; what is written in another way counts as hidden."""
    assert foreign_calls(module) == names
