"""The gradient step of an algorithm compiled to one program.

At 64 units a gradient step of SB3 is hundreds of small operations, each with more overhead than arithmetic. Compiled, it
is the matrix products and a few C++ loops: the same numbers, about ten times as fast.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch as th
from torch._functorch import config as functorch_config
from torch._inductor.compile_fx import compile_fx as compile_graph
from torch._inductor.compile_fx import compile_fx_inner
from torch._subclasses import FakeTensorMode
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.optim import Optimizer

from ca2_rl.common.recorded_calls import recorded_calls
from ca2_rl.common.updates import AdamUpdate


def _norms(tensors: list[th.Tensor], order: float = 2, dtype: th.dtype | None = None) -> list[th.Tensor]:
    return [tensor.square().sum().sqrt() for tensor in tensors]


def _is_slow(a: th.Tensor, b: th.Tensor) -> bool:
    """Whether MKL takes twice to six times as long for ``a @ b`` as for its transpose, and that is more than some microseconds."""
    return 1 < b.shape[1] < 16 and a.numel() >= 2**15


def _product(a: th.Tensor, b: th.Tensor) -> Any:
    return (b.t() @ a.t()).t() if _is_slow(a, b) else NotImplemented


def _linear(bias: th.Tensor, a: th.Tensor, b: th.Tensor) -> Any:
    return th.addmm(bias.unsqueeze(1), b.t(), a.t()).t() if _is_slow(a, b) else NotImplemented


# What the compiler would leave to a call of torch, or to a slow one
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    th.ops.aten._foreach_norm.Scalar: _norms,
    th.ops.aten.mm.default: _product,
    th.ops.aten.addmm.default: _linear,
}


def lift_constants(graph: GraphModule) -> list[th.Tensor]:
    """Makes the tensors that a graph holds inputs of it, after those that it has.

    :return: these tensors, sharing their memory
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


class CompiledStep:
    """A gradient step as one program, which changes parameters and optimiser states in place.

    The step is traced to a graph of plain operations, derivatives included, and this goes to torch's compiler. That is
    what ``torch.compile`` does, without its check at every call of all that may have changed in Python, a noticeable part
    of so short a step: ``WithCompiledStep`` knows what can change, and compiles anew. For the same reason only the calls of
    the program are kept, where that is possible (``recorded_calls``).

    All memory that the program reads and writes is an input of it: so the compiler finds it in its cache on disk when an
    agent of the same settings comes, and compiling takes a quarter of the time.

    :param step: (update, *inputs) -> None
    :param optimizers: plain Adam
    :param changing: what the step changes, but for the optimisers' states
    :param inputs: an example
    """

    def __init__(self, step: Callable[..., None], optimizers: list[Optimizer], changing: list[th.Tensor], inputs: list[th.Tensor]):
        self._update = AdamUpdate(optimizers)
        changing = changing + [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
        before = [tensor.detach().clone() for tensor in changing]
        graph = make_fx(lambda *tensors: step(self._update, *tensors), decomposition_table=DECOMPOSITIONS)(*inputs)
        for node in graph.graph.nodes:
            node.meta.clear()  # each example value of a trace has a mode of its own, which the compiler refuses
        self._inputs = [tensor.clone() for tensor in inputs]
        self._places = [(tensor, tensor.data_ptr()) for tensor in changing]
        memory = self._inputs + lift_constants(graph)
        shapes = FakeTensorMode(shape_env=ShapeEnv())  # without a ShapeEnv the compiler caches nothing
        examples = [shapes.from_tensor(tensor, static_shapes=True) for tensor in memory]
        programs: list[Any] = []

        def compile_and_keep(*args: Any, **kwargs: Any) -> Any:
            programs.append(compile_fx_inner(*args, **kwargs))
            return programs[-1]

        # The cache of a whole AOTAutograd would not show the program that recorded_calls takes apart
        with th.no_grad(), functorch_config.patch(enable_autograd_cache=False):
            logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # that there is no GPU is no news
            program: Any = compile_graph(graph, examples, inner_compile=compile_and_keep, config_patches={"size_asserts": False})
            self._calls = recorded_calls(programs[0], lambda: program(*memory))
            for tensor, value in zip(changing, before, strict=True):
                tensor.copy_(value)  # tracing makes the step, and so does recording

    def __call__(self, *inputs: th.Tensor) -> None:
        self._update.prepare()
        with th.no_grad():
            for own, given in zip(self._inputs, inputs, strict=True):
                own.copy_(given)
            for call in self._calls:
                call()

    def has_moved(self) -> bool:
        """Whether something that the step changes lies elsewhere in memory now."""
        return any(tensor.data_ptr() != place for tensor, place in self._places)
