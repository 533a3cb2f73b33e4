"""Logistic regression by hand: ``WAY TABLE ITERATIONS [FOLDER]``, full passes of L-BFGS from 0, history 10.

Minimised is the mean loss + L2/2 · Σ w², without the intercept.  The answer: seconds to read (files to arrays in
memory) and to fit (the compiler in it), how often loss and gradient were evaluated, seconds of one evaluation,
iterations, and the mean loss at the end.  With an URL of a folder, Spark is on YARN and reads the table there.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.passes import HISTORY, L2
from benchmarks.peers.process import Answer, place, serve
from benchmarks.tables import Table, part

Fit = Callable[..., Answer]


def answer(times: tuple[float, float, float], evaluations: list[float], iterations: int, loss: float) -> Answer:
    """``times``: before reading, between, after the fit."""
    start, between, end = times
    return {
        "seconds": end - start,
        "read": between - start,
        "fit": end - between,
        "evaluations": len(evaluations),
        "evaluation": float(np.median(evaluations)),
        "iterations": iterations,
        "loss": loss,
    }


def loss_of(x: Any, y: Any, weights: Any, bias: float) -> float:
    """Mean loss over all rows."""
    eta = x @ np.asarray(weights, np.float32) + np.float32(bias)
    return float(np.mean(np.logaddexp(0.0, eta, dtype=np.float64) - y * eta))


def minimise(evaluate: Callable[[Any], Any], width: int, iterations: int) -> tuple[Any, list[float], int]:
    """SciPy's L-BFGS; ``evaluate``: float32 [width + 1] → (loss, gradient), the last for the bias."""
    from scipy.optimize import minimize

    seconds = []

    def timed(point: Any) -> tuple[float, Any]:
        start = time.perf_counter()
        value, gradient = evaluate(point.astype(np.float32))
        result = float(value), np.asarray(gradient, np.float64)
        seconds.append(time.perf_counter() - start)
        return result

    options = {"maxiter": iterations, "maxcor": HISTORY, "ftol": 0, "gtol": 0}
    end = minimize(timed, np.zeros(width + 1), jac=True, method="L-BFGS-B", options=options)
    return end.x, seconds, int(end.nit)


def objective(point: Any, x: Any, y: Any) -> Any:
    """Mean loss and penalty over a part of the rows, for JAX."""
    import jax.numpy as jnp

    eta = x @ point[:-1] + point[-1]
    return jnp.mean(jnp.logaddexp(0.0, eta) - y * eta) + L2 / 2 * jnp.sum(point[:-1] ** 2)


def by_jax(table: Table, iterations: int) -> Answer:
    import jax

    start = time.perf_counter()
    host = tables.read(table)
    x, y = jax.block_until_ready(jax.tree.map(jax.device_put, host))
    between = time.perf_counter()
    evaluate = jax.jit(jax.value_and_grad(objective))
    point, seconds, done = minimise(lambda w: evaluate(w, x, y), table.width, iterations)
    times = start, between, time.perf_counter()
    return answer(times, seconds, done, loss_of(*host, point[:-1], point[-1]))


def by_jax_gloo(table: Table, iterations: int) -> Answer:
    import jax
    from jax.sharding import PartitionSpec as P

    from benchmarks.peers.together import jax_mesh, on_mesh

    mesh = jax_mesh()
    start = time.perf_counter()
    host = tables.read(table, part(*place()))
    x, y = jax.block_until_ready(tuple(on_mesh(mesh, a, "workers") for a in host))
    between = time.perf_counter()

    def averaged(point: Any, x: Any, y: Any) -> Any:
        return jax.lax.pmean(jax.value_and_grad(objective)(point, x, y), "workers")

    where = P(), P("workers"), P("workers")
    evaluate = jax.jit(jax.shard_map(averaged, mesh=mesh, in_specs=where, out_specs=P(), check_vma=False))

    def together(point: Any) -> Any:
        return jax.tree.map(lambda a: a.addressable_data(0), evaluate(on_mesh(mesh, point), x, y))

    point, seconds, done = minimise(together, table.width, iterations)
    times = start, between, time.perf_counter()
    return answer(times, seconds, done, loss_of(*tables.read(table), point[:-1], point[-1]))


def by_torch(table: Table, iterations: int) -> Answer:
    import torch

    from benchmarks.peers.together import torch_group

    distributed = torch_group()
    start = time.perf_counter()
    host = tables.read(table, part(*place()))
    x, y = map(torch.from_numpy, host)
    between = time.perf_counter()
    layer = torch.nn.Linear(table.width, 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    model = torch.nn.parallel.DistributedDataParallel(layer, gradient_as_bucket_view=True)
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=iterations,
        max_eval=100 * iterations,
        history_size=HISTORY,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    seconds = []

    def closure() -> Any:
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)
        loss = loss + L2 / 2 * layer.weight.square().sum()
        loss.backward()
        loss = loss.detach()
        distributed.all_reduce(loss)  # the line search needs everybody's
        seconds.append(time.perf_counter() - began)
        return loss / place()[1]

    optimizer.step(closure)
    times = start, between, time.perf_counter()
    done = optimizer.state[layer.weight]["n_iter"]
    return answer(
        times, seconds, done, loss_of(*tables.read(table), layer.weight.detach().numpy()[0], float(layer.bias.detach()))
    )


def by_sklearn(table: Table, iterations: int) -> Answer:
    """It does not tell its evaluations: they are taken to be its iterations."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    start = time.perf_counter()
    x, y = tables.read(table)
    between = time.perf_counter()
    warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early
    model = LogisticRegression(C=1 / (L2 * len(y)), max_iter=iterations, tol=1e-12).fit(x, y)
    times = start, between, time.perf_counter()
    done = int(model.n_iter_[0])
    seconds = [(times[2] - between) / done] * done
    return answer(times, seconds, done, loss_of(x, y, model.coef_[0], float(model.intercept_[0])))


def by_spark(table: Table, iterations: int, folder: str = "") -> Answer:
    """Fit with Spark; an evaluation is taken for an iteration, as for scikit-learn.

    Reading ends with the rows in the cache of the executors, which are warm before it.
    """
    from benchmarks.peers.spark import session, vectors

    with session(yarn=bool(folder)) as spark:
        from pyspark.ml.classification import LogisticRegression

        start = time.perf_counter()
        rows = (
            vectors(spark, table, folder=folder)
            .selectExpr("features", "cast(label as double) label")
            .coalesce(2)
            .cache()
        )
        rows.count()
        between = time.perf_counter()
        trainer = LogisticRegression(
            maxIter=iterations, regParam=L2, elasticNetParam=0, tol=0, standardization=False, aggregationDepth=2
        )
        model = trainer.fit(rows)
        times = start, between, time.perf_counter()
        done = int(model.summary.totalIterations)
        weights = model.coefficients.toArray()
        bias = model.intercept
    seconds = [(times[2] - between) / done] * done
    return answer(times, seconds, done, loss_of(*tables.read(table), weights, bias))


WAYS: dict[str, Fit] = {
    "jax": by_jax,
    "jax-gloo": by_jax_gloo,
    "torch": by_torch,
    "sklearn": by_sklearn,
    "spark": by_spark,
}


if __name__ == "__main__":
    way, code, iterations, *folder = sys.argv[1:]
    serve(lambda: WAYS[way](tables.decoded(code), int(iterations), *folder))
