"""A check of the devices that JAX computes on."""

import os
import socket

import jax

from yarnml.errors import JobFileError


def check_devices(gpus: int) -> None:
    """Refuse a process that does not see just the GPUs it was given: JAX would quietly compute on the processor."""
    visible = sum(device.platform == "gpu" for device in jax.local_devices())
    if visible != gpus:
        variable = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise JobFileError(
            f"workers.gpus is {gpus}, but on {socket.gethostname()} JAX sees {visible} GPUs (CUDA_VISIBLE_DEVICES: "
            f"{variable}); a GPU needs the CUDA build of JAX, the extra yarnml[gpu], and NVIDIA's driver on its node."
        )
