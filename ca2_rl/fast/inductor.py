"""All uses of PyTorch's private parts in this package. They may change in the next version; ``program.py`` also works without them.

The module extracts the calls that a compiled program makes. The Python code around them takes a third of the time of a small network.
"""

from collections.abc import Callable
from functools import partial
from inspect import ismethod
from types import FunctionType, SimpleNamespace
from typing import Any

import torch as th
from torch._functorch import config as functorch_config
from torch._inductor.compile_fx import compile_fx, compile_fx_inner
from torch._inductor.output_code import CompiledFxGraph
from torch.fx import GraphModule

Call = Callable[[], object]

KERNELS = "cpp_fused_"
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
# Other names that the code may use: buffers, views of them, dtypes
MEMORY = {"clear", "empty_strided_cpu", "reinterpret_tensor", "extern_kernels", "torch", "bool", "float32", "float64", "int64"}


def compiled_calls(graph: GraphModule, memory: list[th.Tensor]) -> list[Call]:
    """Compiles a graph by ``torch.compile``, runs it once on ``memory``, and returns calls that repeat this run; see ``recorded_calls``."""
    programs: list[CompiledFxGraph] = []

    def compile_and_keep(*args: Any, **kwargs: Any) -> Any:
        programs.append(compile_fx_inner(*args, **kwargs))  # type: ignore[arg-type]
        return programs[-1]

    def backend(graph: GraphModule, examples: list[th.Tensor]) -> Any:
        return compile_fx(graph, examples, inner_compile=compile_and_keep, config_patches={"size_asserts": False})

    run = th.no_grad()(th.compile(graph, backend=backend, fullgraph=True, dynamic=False))
    # AOTAutograd's cache would return a result without calling compile_and_keep
    with functorch_config.patch(enable_autograd_cache=False):
        run(*memory)
    return recorded_calls(programs[0], lambda: run(*memory))


def recorded_calls(program: CompiledFxGraph, run: Call) -> list[Call]:
    """Runs a program once and returns its calls of kernels and matrix products, in order; only ``run`` if the program does anything else.

    Each call repeats with the same memory: the program's inputs, and the intermediate buffers, which are kept alive.

    :param program: the compiled program
    :param run: calls the program, always with the same tensors
    """
    call: Any = program.current_callable
    function = getattr(call, "__func__", call)
    if not isinstance(function, FunctionType) or not all(map(_is_known, function.__code__.co_names)):
        return [run]
    calls: list[Call] = []
    outputs: list[object] = []

    def recording(kernel: Callable[..., object]) -> Callable[..., object]:
        def recorded(*args: Any, **kwargs: Any) -> object:
            calls.append(partial(kernel, *args, **kwargs))
            return kernel(*args, **kwargs)

        return recorded

    names = function.__globals__
    kernels = {name: recording(value) for name, value in names.items() if name.startswith(KERNELS)}
    products = SimpleNamespace(**{name: recording(getattr(names["extern_kernels"], name)) for name in PRODUCTS})
    copy = FunctionType(function.__code__, names | kernels | {"extern_kernels": products})

    def record(arguments: Any) -> Any:
        made = copy(call.__self__, arguments) if ismethod(call) else copy(arguments)
        outputs.extend(made)
        return made

    program.current_callable = record
    try:
        run()
    finally:
        program.current_callable = call
    # A program with outputs needs its caller, which processes them
    return calls if all(output is None for output in outputs) else [run]


def _is_known(name: str) -> bool:
    return name.startswith(KERNELS) or name in PRODUCTS or name in MEMORY
