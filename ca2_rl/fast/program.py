"""Compiles the gradient step of an algorithm to one program.

With 64 units, a gradient step in SB3 consists of hundreds of small operations, each with more overhead than arithmetic. The compiled step
consists of the matrix products and a few C++ loops, and is about ten times as fast.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import torch as th
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from ca2_rl.fast.updates import AdamUpdate, Minimise, minimise

Call = Callable[[], object]


def _is_slow(a: th.Tensor, b: th.Tensor) -> bool:
    """Whether MKL takes two to six times as long for ``a @ b`` as for its transpose, and the difference is more than a few microseconds."""
    return 1 < b.shape[1] < 16 and a.numel() >= 2**15


def narrow_product(a: th.Tensor, b: th.Tensor) -> Any:
    return (b.t() @ a.t()).t() if _is_slow(a, b) else NotImplemented


def narrow_linear(bias: th.Tensor, a: th.Tensor, b: th.Tensor) -> Any:
    return th.addmm(bias.unsqueeze(1), b.t(), a.t()).t() if _is_slow(a, b) else NotImplemented


# Matrix products that the compiler would leave to a slow call
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    th.ops.aten.mm.default: narrow_product,
    th.ops.aten.addmm.default: narrow_linear,
}


class TraceableOneHot(TorchFunctionMode):
    """Replaces ``one_hot`` by a version that does not check the values, because that check can't be traced."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.one_hot:
            return one_hot(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def one_hot(numbers: th.Tensor, num_classes: int) -> th.Tensor:
    """Whole numbers [...] in [0, num_classes) -> int64 [..., num_classes]."""
    return (numbers.unsqueeze(-1) == th.arange(num_classes, device=numbers.device)).long()


def lift_constants(graph: GraphModule) -> list[th.Tensor]:
    """Turns the constant tensors of a graph into inputs, after its other inputs.

    :return: these tensors, which share the constants' memory
    """
    nodes = list(graph.graph.nodes)
    first_call = next(node for node in nodes if node.op not in ("placeholder", "get_attr"))
    inputs: dict[str, Node] = {}
    for node in nodes:
        if node.op == "get_attr":
            if node.target not in inputs:
                with graph.graph.inserting_before(first_call):
                    inputs[node.target] = graph.graph.placeholder(node.target)
            node.replace_all_uses_with(inputs[node.target])
            graph.graph.erase_node(node)
    tensors = [getattr(graph, name).detach() for name in inputs]
    for name in inputs:
        delattr(graph, name)
    graph.recompile()
    return tensors


def compile_calls(graph: GraphModule, memory: list[th.Tensor]) -> tuple[list[Call], str | None]:
    """Compiles a graph to calls that run it on ``memory``: the kernels alone, or ``torch.compile`` if PyTorch's private parts differ.

    :return: the calls, and why they are not the kernels alone (None if they are)
    """
    try:
        from ca2_rl.fast.inductor import compiled_calls  # noqa: PLC0415

        return compiled_calls(graph, memory), None
    except Exception as error:  # private parts may raise anything
        obstacle = f"{type(error).__name__}: {error}".splitlines()[0]
    run = th.no_grad()(th.compile(graph, fullgraph=True, dynamic=False))
    run(*memory)
    return [lambda: run(*memory)], obstacle


class Program:
    """A gradient step as one program, which changes parameters and optimiser states in place.

    The step is traced to a graph of plain operations, derivatives included, which PyTorch's compiler gets. ``torch.compile``
    would check at every call whether Python values have changed, which takes a noticeable part of such a short step. Here the
    ``Accelerator`` knows what can change, and compiles again. For the same reason, only the kernel calls of the compiled
    program are kept where that is possible (``inductor.py``).

    All memory that the program reads and writes is an input of it. So the compiler finds the program in its cache on disk for
    the next agent with the same settings, and compiling takes a quarter of the time.

    :param step: (minimise, *inputs) -> None
    :param optimizers: plain Adam optimisers
    :param changing: tensors that the step changes, except for the optimisers' states
    :param inputs: example inputs
    """

    def __init__(self, step: Callable[..., None], optimizers: list[Optimizer], changing: list[th.Tensor], inputs: list[th.Tensor]):
        self._update = AdamUpdate(optimizers)
        traced_minimise: Minimise = partial(minimise, update=self._update)
        changing = changing + [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
        self._inputs = [tensor.clone() for tensor in inputs]
        self._places = [(tensor, tensor.data_ptr()) for tensor in changing]
        before = [tensor.detach().clone() for tensor in changing]
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # hides its message that there is no GPU
        try:
            with TraceableOneHot():
                graph = make_fx(lambda *tensors: step(traced_minimise, *tensors), decomposition_table=DECOMPOSITIONS)(*inputs)
            self._calls, self.obstacle = compile_calls(graph, self._inputs + lift_constants(graph))
        finally:  # tracing and the first run change the tensors: restore them
            with th.no_grad():
                for tensor, value in zip(changing, before, strict=True):
                    tensor.copy_(value)

    def __call__(self, *inputs: th.Tensor) -> None:
        self._update.prepare()
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        for call in self._calls:
            call()

    def has_moved(self) -> bool:
        """Whether a tensor that the step changes has moved in memory."""
        return any(tensor.data_ptr() != place for tensor, place in self._places)
