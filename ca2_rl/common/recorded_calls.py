"""The calls that a program of torch's compiler makes, without the Python around them: a third of its time for a small network."""

from collections.abc import Callable
from functools import partial
from inspect import ismethod
from types import FunctionType, SimpleNamespace
from typing import Any

from torch._inductor.output_code import CompiledFxGraph

Call = Callable[[], object]

KERNELS = "cpp_fused_"
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
# What else the code may name: buffers, views of them, types of numbers
MEMORY = {"clear", "empty_strided_cpu", "reinterpret_tensor", "extern_kernels", "torch", "bool", "float32", "float64", "int64"}


def recorded_calls(program: CompiledFxGraph, run: Call) -> list[Call]:
    """Runs a program once and gives its kernels and products, to be called one after the other; ``run`` alone if it does more than these.

    They read and write where they did this time: in the program's inputs, and in the buffers between, which are kept.

    :param program: the program
    :param run: calls it, always with the same tensors
    """
    call: Any = program.current_callable
    function = getattr(call, "__func__", call)
    if not isinstance(function, FunctionType) or not all(map(_is_known, function.__code__.co_names)):
        run()
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
    run()
    program.current_callable = call
    # Whoever called would do something with an output
    return calls if all(output is None for output in outputs) else [run]


def _is_known(name: str) -> bool:
    return name.startswith(KERNELS) or name in PRODUCTS or name in MEMORY
