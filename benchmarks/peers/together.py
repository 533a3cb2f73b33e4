"""Groups of processes of one library: they find each other, and gloo carries their sums."""

import os
from typing import Any

from benchmarks.peers.process import place


def jax_mesh() -> Any:
    """A mesh with the axis ``workers`` over all processes, one device each."""
    import jax

    rank, world = place()
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}", world, rank)
    return jax.make_mesh((world,), ("workers",))


def on_mesh(mesh: Any, array: Any, *axes: str) -> Any:
    """A process's own rows as part of one array over the axis; without axes, the same array everywhere."""
    import jax
    import numpy as np

    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
    local = np.asarray(array)
    return jax.make_array_from_process_local_data(sharding, local, None if axes else local.shape)


def torch_group() -> Any:
    """The module ``torch.distributed``, its processes met, one thread each."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    return distributed
