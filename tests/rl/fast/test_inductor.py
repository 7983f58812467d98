"""Programs as torch's compiler writes them, and what must not be taken for one."""

from types import FunctionType, SimpleNamespace

import pytest
import torch
from torch._inductor.output_code import CompiledFxGraph

from ca2_rl.fast.inductor import recorded_calls

DOUBLE_THE_PRODUCT = """
def call(args):
    a, b, out = args
    args.clear()
    product = empty_strided_cpu((2, 2), (2, 1), torch.float32)
    extern_kernels.mm(a, b, out=product)
    cpp_fused_double(product, out)
    {}
    return ({},)
"""


def program(extra="", output="None"):
    kernels = dict.fromkeys(("addmm", "bmm", "baddbmm")) | {"mm": torch.mm}
    names = {
        "torch": torch,
        "empty_strided_cpu": lambda size, stride, dtype: torch.empty_strided(size, stride, dtype=dtype),
        "extern_kernels": SimpleNamespace(**kernels),
        "cpp_fused_double": lambda x, out: torch.mul(x, 2, out=out),
    }
    exec(DOUBLE_THE_PRODUCT.format(extra, output), names)
    assert isinstance(names["call"], FunctionType)
    made = CompiledFxGraph.__new__(CompiledFxGraph)
    made.compiled_fn_runner, made.current_callable = None, names["call"]
    return made


def test_the_calls_follow_their_inputs_in_place():
    a, b, out = torch.eye(2), torch.ones(2, 2), torch.zeros(2, 2)
    made = program()
    call = made.current_callable
    calls = recorded_calls(made, lambda: made.current_callable([a, b, out]))
    assert len(calls) == 2
    assert out.tolist() == [[2, 2], [2, 2]]
    assert made.current_callable is call
    a.mul_(3)
    for each in calls:
        each()
    assert out.tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize(("extra", "output"), [("out.add_(1)", "None"), ("", "product")])
def test_a_program_that_does_more_than_to_call_kernels_is_run_as_it_is(extra, output):
    tensors, runs = [torch.eye(2), torch.ones(2, 2), torch.zeros(2, 2)], []
    made = program(extra, output)

    def run():
        runs.append(made.current_callable(list(tensors)))

    assert recorded_calls(made, run) == [run]
