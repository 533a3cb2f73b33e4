"""Steps by torch with gloo: ``WORKLOAD STEPS WAY``, where a way is

``ddp``: its usual data parallelism, which sums buckets of gradients while it computes the others;
``fp16``, ``bf16``, ``power``: the same with one of its hooks that make gradients smaller;
``reduce``: a bare all-reduce of as many numbers.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from benchmarks import workloads
from benchmarks.peers.process import place
from benchmarks.peers.step import own_rows, serve_steps
from benchmarks.peers.together import torch_group
from benchmarks.workloads import Workload


def main(name: str, steps: str, way: str) -> None:
    workload = workloads.named(name)._replace(steps=int(steps))
    serve_steps(workload, reduce(workload) if way == "reduce" else ddp(workload, way))


def ddp(workload: Workload, way: str) -> Callable[[int], Any]:
    torch_group()
    rows = own_rows(workload)
    widths = workload.widths
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    network = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))[:-1]
    model = nn.parallel.DistributedDataParallel(network, gradient_as_bucket_view=True)
    compress(model, way)
    optimizer = torch.optim.SGD(model.parameters(), lr=workload.learning_rate, momentum=0.9)

    def loss(x: Any, y: Any) -> Any:
        if widths[-1] == 1:
            return nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)
        return nn.functional.mse_loss(model(x), torch.tanh(x.flip(1)))

    def step(number: int) -> None:
        x, y = map(torch.from_numpy, rows(number))
        optimizer.zero_grad()
        loss(x, y).backward()
        optimizer.step()

    return step


def compress(model: Any, way: str) -> None:
    """Have the model's gradients travel in another form, by torch's own hooks; ``ddp`` leaves them as they are."""
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook

    if way == "power":
        state = powerSGD_hook.PowerSGDState(None, matrix_approximation_rank=4, start_powerSGD_iter=2)
        model.register_comm_hook(state, powerSGD_hook.powerSGD_hook)
    elif way != "ddp":
        hook = {"fp16": default_hooks.fp16_compress_hook, "bf16": default_hooks.bf16_compress_hook}[way]
        model.register_comm_hook(None, hook)


def reduce(workload: Workload) -> Callable[[int], Any]:
    distributed = torch_group()
    _, world = place()
    values = torch.ones(workload.parameters)

    def step(number: int) -> None:
        distributed.all_reduce(values)
        values.div_(world)

    return step


if __name__ == "__main__":
    main(*sys.argv[1:])
