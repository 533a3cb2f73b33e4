"""The environment variables by which a process's libraries know their threads, their memory and their devices."""

import os
from collections.abc import Mapping, Sequence

THREAD_POOL_VARIABLES = ("NPROC", "PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_MALLOC = {
    "glibc.malloc.hugetlb": 1,
    "glibc.malloc.mmap_threshold": 2**30,
    "glibc.malloc.trim_threshold": 2**32,
    "glibc.malloc.arena_max": 1,
}


def library_variables(threads: int, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that a process needs before its libraries load: thread pools held to ``threads``, memory it keeps.

    The number of threads is part of the result: XLA adds up some matrix products in an order that depends on it.

    JAX on CPU takes fresh memory for every result.  With glibc's default of 4 KiB pages, given back at once, the page
    faults of a large model cost more than its arithmetic (``python -m benchmarks step``), and those of batches more
    than gathering their rows (``feed``): glibc gives every arena but the main one back with its last block, whatever
    the threshold, and Arrow's own allocator does the same.  So there are huge pages and one arena, which Arrow takes
    from, too.

    On CPU, JAX computes in the thread that asks, which needs the result before anything else; another one would have
    to be woken and waited for.

    ``variables``: a value that a user has set in them is left as it is, but for the number of threads.
    """
    values = {
        "GLIBC_TUNABLES": ":".join(f"{name}={value}" for name, value in _MALLOC.items()),
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false",
    }
    kept = {name: variables.get(name, value) for name, value in values.items()}
    return dict.fromkeys(THREAD_POOL_VARIABLES, str(threads)) | kept


def device_variables(gpus: int, slot: int, assigned: Sequence[str] = ()) -> dict[str, str]:
    """Variables that show a process its own ``gpus`` devices of this machine, or none to a process without.

    ``assigned``: their names, where the cluster gave them; else those of the ``slot``-th worker on this machine.
    With GPUs, XLA keeps to algorithms whose bits do not change from run to run.
    """
    if not gpus:
        return {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    visible = ",".join(assigned or [str(slot * gpus + k) for k in range(gpus)])
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"
    return {"CUDA_VISIBLE_DEVICES": visible, "XLA_FLAGS": flags.strip()}
