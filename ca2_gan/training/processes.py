"""Communication between processes. With one process, it does nothing.

The networks aren't wrapped in DistributedDataParallel: it has no double backward, which the gradient penalties need, and a step
runs the discriminator several times. Averaging the gradients after the backward pass has the same result.
"""

from functools import partial

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def average_gradients(fabric: Fabric, parameters: list[Tensor]) -> None:
    """Replaces every gradient by its mean over the processes, in one all-reduce."""
    if fabric.world_size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = fabric.all_reduce(torch.cat([g.flatten() for g in gradients]), reduce_op="mean")
    assert isinstance(flat, Tensor)
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def mean_over_processes(fabric: Fabric, value: Tensor) -> float:
    """Mean of a scalar over the processes."""
    if fabric.world_size > 1:
        mean = fabric.all_reduce(value.clone(), reduce_op="mean")
        assert isinstance(mean, Tensor)
        value = mean
    return float(value)


def any_process(fabric: Fabric, wish: bool) -> bool:
    """Whether ``wish`` is true in any process."""
    if fabric.world_size == 1:
        return wish
    return mean_over_processes(fabric, torch.tensor(float(wish), device=fabric.device)) > 0


def total(share: Tensor) -> Tensor:
    """The sum of a tensor over the processes. Every process's loss depends on every share, so gradients are summed too."""
    summed: Tensor = all_reduce(share)
    return summed


def share_batch_norm(network: nn.Module, fabric: Fabric) -> None:
    """Makes every BatchNorm of a network use the whole batch's statistics, not those of one process's share.

    Unlike ``torch.nn.SyncBatchNorm`` it works on the CPU too, and does not replace the modules.
    """
    if fabric.world_size == 1:
        return
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.forward = partial(_shared_norm, module, fabric.world_size)  # type: ignore[method-assign]


def _shared_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, world: int, x: Tensor) -> Tensor:
    """[N, F, ...] -> [N, F, ...]; the processes' batches have the same size."""
    if not norm.training:
        plain: Tensor = type(norm).forward(norm, x)
        return plain
    others = [dim for dim in range(x.dim()) if dim != 1]
    shape = [1, -1] + [1] * (x.dim() - 2)
    mean = total(x.float().mean(others)) / world  # [F]
    centred = x.float() - mean.view(shape)
    variance = total(centred.square().mean(others)) / world  # [F]
    if norm.running_mean is not None and norm.running_var is not None:
        count = world * x.numel() // x.shape[1]
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum or 0.1)
            norm.running_var.lerp_(variance * (count / max(count - 1, 1)), norm.momentum or 0.1)
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked += 1
    y: Tensor = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.weight is not None:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    return y.to(x.dtype)
