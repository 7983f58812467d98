"""Exports networks as programs of simple steps, which ``static/program.js`` runs in a browser."""

import json
import logging
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node

from ca2_core.errors import UserError

# Each tensor begins at a multiple of this many bytes
ALIGNMENT = 4


@dataclass
class Program:
    """Steps that compute outputs from inputs, one example at a time.

    :param inputs: shape of each input, by name; labels have the shape [1]
    :param steps: ``{"op": ..., "out": NAME, "in": [NAME, ...], ...}``, in order; inputs, tensors and earlier steps have names
    :param outputs: names of the outputs, in order
    :param tensors: weights by name
    """

    inputs: dict[str, list[int]]
    steps: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def pack(self) -> tuple[dict[str, Any], bytes]:
        """The program as a JSON object, and its concatenated tensors: float16 where that is exact, otherwise float32."""
        places, parts, end = {}, [], 0
        for name, value in self.tensors.items():
            exact = value.detach().float().contiguous()
            is_half = bool((exact.half().float() == exact).all())
            data = exact.numpy().astype("<f2" if is_half else "<f4").tobytes()
            places[name] = {"shape": list(value.shape), "type": "f2" if is_half else "f4", "offset": end}
            data += b"\0" * (-len(data) % ALIGNMENT)
            parts.append(data)
            end += len(data)
        head = {"inputs": self.inputs, "steps": self.steps, "outputs": self.outputs, "tensors": places}
        return head, b"".join(parts)

    def pack_whole(self) -> bytes:
        """Both in one string of bytes: the JSON's length (4 bytes, little-endian), the JSON padded with spaces, the tensors."""
        head, data = self.pack()
        text = json.dumps(head, separators=(",", ":")).encode()
        text += b" " * (-len(text) % ALIGNMENT)
        return len(text).to_bytes(4, "little") + text + data


def to_program(module: nn.Module, inputs: Mapping[str, Tensor]) -> Program:
    """Exports a network as a program. The network is put into evaluation mode.

    :param module: takes the inputs in the order of ``inputs``
    :param inputs: an example of each input by name, with batch size 1
    :raises UserError: if the network can't be exported, or needs an operation for which there is no step
    """
    logger, level = logging.getLogger("torch"), logging.getLogger("torch").level
    try:
        logger.setLevel(logging.ERROR)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.export.export(module.eval(), tuple(inputs.values())).run_decompositions({})
    except Exception as error:  # whatever a third party's network raises
        raise UserError(f"{type(module).__name__}: PyTorch can't export it: {str(error).strip().splitlines()[0]}") from error
    finally:
        logger.setLevel(level)
    return _Translation(exported, inputs).program


class _Translation:
    """Translates an exported graph in one pass. Values that depend on no input are computed here."""

    def __init__(self, exported: torch.export.ExportedProgram, inputs: Mapping[str, Tensor]):
        self.program = Program({name: list(value.shape) for name, value in inputs.items()})
        self.values: dict[str, Any] = {}  # by the node's name: a tensor, a number, or the name of an input or step's output
        self.shapes: dict[str, list[int]] = {}
        self.names: dict[int, str] = {}
        signature = exported.graph_signature
        known = {**exported.state_dict, **exported.constants}
        stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
        own = iter(inputs)
        with torch.no_grad():
            for node in exported.graph.nodes:
                if node.op == "placeholder" and node.name in stored:
                    self.values[node.name] = known[stored[node.name]].detach()
                elif node.op == "placeholder":
                    self._name(node, next(own))
                elif node.op == "call_function":
                    self._call(node)
                elif node.op == "output":
                    self.program.outputs = [self.symbol(self._value(each)) for each in node.args[0]]

    def _name(self, node: Node, name: str) -> None:
        self.values[node.name] = name
        meta = node.meta["val"]
        self.shapes[name] = list((meta[0] if isinstance(meta, tuple | list) else meta).shape)

    def _value(self, argument: Any) -> Any:
        """The value of an argument, with a name in place of each value that depends on an input."""
        if isinstance(argument, Node):
            return self.values[argument.name]
        if isinstance(argument, Sequence) and not isinstance(argument, str):
            return [self._value(each) for each in argument]
        return argument

    def _call(self, node: Node) -> None:
        arguments = [self._value(each) for each in node.args]
        named = {key: self._value(each) for key, each in node.kwargs.items()}
        operation = node.target
        if operation is operator.getitem:
            self.values[node.name] = arguments[0] if isinstance(arguments[0], str) else arguments[0][arguments[1]]
            return
        if not _depends(arguments) and not _depends(list(named.values())):
            self.values[node.name] = operation(*arguments, **named)  # type: ignore[operator]
            return
        name = str(operation).removeprefix("aten.").rpartition(".")[0]
        if name in IGNORED:
            return
        if name in SAME:
            self.values[node.name] = arguments[0]
            return
        if name not in STEPS:
            raise UserError(f"the network uses {name}, for which the page has no step.")
        step = STEPS[name](self, node, arguments, named)
        out = f"v{len(self.program.steps)}"
        self.program.steps.append({"op": step.pop("op", name), "out": out} | step)
        self._name(node, out)

    def symbol(self, value: Any) -> str:
        """The name of a value. A constant becomes a tensor of the program."""
        if isinstance(value, str):
            return value
        tensor = value if isinstance(value, Tensor) else torch.tensor(float(value))
        key = id(value)
        if key not in self.names:
            self.names[key] = f"w{len(self.program.tensors)}"
            self.program.tensors[self.names[key]] = tensor
            self.values[f"kept {key}"] = value  # as long as it is alive, no other object can have its id
        return self.names[key]

    def shape(self, node: Node) -> list[int]:
        """Shape of a node's output."""
        meta = node.meta["val"]
        return [int(side) for side in (meta[0] if isinstance(meta, tuple | list) else meta).shape]


def _depends(arguments: Sequence[Any]) -> bool:
    """Whether an argument depends on an input, in other words is or contains a name."""
    return any(isinstance(each, str) or (isinstance(each, list) and _depends(each)) for each in arguments)


Step = Callable[[_Translation, Node, list[Any], dict[str, Any]], dict[str, Any]]
# Operations that leave the values of a float tensor unchanged, and operations without an output that a step needs
SAME = {"clone", "_to_copy", "detach", "alias", "contiguous", "lift_fresh_copy"}
IGNORED = {"_assert_tensor_metadata", "sym_size", "_assert_scalar"}


def _elementwise(**fixed: Any) -> Step:
    def step(_: _Translation, __: Node, arguments: list[Any], ___: dict[str, Any]) -> dict[str, Any]:
        return {"in": [arguments[0]]} | fixed

    return step


def _binary(op: str) -> Step:
    def step(translation: _Translation, node: Node, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
        a, b = arguments[:2]
        if named.get("alpha", 1) != 1:
            raise UserError("the page has no step for a sum with a factor (`alpha`).")
        return {"op": op, "in": [translation.symbol(a), translation.symbol(b)], "shape": translation.shape(node)}

    return step


def _view(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    return {"op": "view", "in": [arguments[0]], "shape": translation.shape(node)}


def _linear(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, weight, bias = [*arguments, None][:3]
    return {"in": [x], "weight": translation.symbol(weight), "bias": None if bias is None else translation.symbol(bias)} | {
        "shape": translation.shape(node)
    }


def _addmm(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    bias, x, weight = arguments[:3]
    return _linear(translation, node, [x, weight.t().contiguous(), bias], {}) | {"op": "linear"}


def _matmul(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, weight = arguments[:2]
    return _linear(translation, node, [x, weight.t().contiguous(), None], {}) | {"op": "linear"}


def _convolution(translation: _Translation, node: Node, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
    x, weight, bias, stride, padding, dilation, groups = [*arguments, *[None, None, [1, 1], [0, 0], [1, 1], 1][len(arguments) - 1 :]][:7]
    return _conv(translation, node, "conv", (x, weight, bias, stride, padding, dilation, groups))


def _transposed(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    defaults = [None, [1, 1], [0, 0], [0, 0], 1, [1, 1]]
    x, weight, *rest = arguments + defaults[len(arguments) - 2 :]
    bias, stride, padding, _output_padding, groups, dilation = rest
    return _conv(translation, node, "conv_transpose", (x, weight, bias, stride, padding, dilation, groups))


def _general_convolution(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, weight, bias, stride, padding, dilation, is_transposed, _output_padding, groups = arguments
    op = "conv_transpose" if is_transposed else "conv"
    return _conv(translation, node, op, (x, weight, bias, stride, padding, dilation, groups))


def _conv(translation: _Translation, node: Node, op: str, found: tuple[Any, ...]) -> dict[str, Any]:
    x, weight, bias, stride, padding, dilation, groups = found
    sides = [[value] if isinstance(value, int) else list(value) for value in (stride, padding, dilation)]
    if any(len(set(side)) > 1 for side in sides) or sides[2][0] != 1:
        raise UserError("the page has no step for convolutions with dilation, or with a stride or padding that differs between the sides.")
    names = {"weight": translation.symbol(weight), "bias": None if bias is None else translation.symbol(bias)}
    return (
        {"op": op, "in": [x], "stride": sides[0][0], "padding": sides[1][0], "groups": groups} | names | {"shape": translation.shape(node)}
    )


def _batch_norm(translation: _Translation, _: Node, arguments: list[Any], __: dict[str, Any]) -> dict[str, Any]:
    x, weight, bias, mean, variance, _momentum, epsilon = arguments
    scale = (1 if weight is None else weight) * torch.rsqrt(variance + epsilon)
    shift = (0 if bias is None else bias) - mean * scale
    return {"op": "affine", "in": [x], "scale": translation.symbol(scale), "shift": translation.symbol(shift)}


def _embedding(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    return {"in": [arguments[1]], "weight": translation.symbol(arguments[0]), "shape": translation.shape(node)}


def _slice(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, axis, start, _end, step = arguments + [0, None, None, 1][len(arguments) - 1 :]
    if step != 1:
        raise UserError("the page has no step for a slice with a stride.")
    axis, first = axis % len(translation.shapes[x]), start or 0
    length, shape = translation.shapes[x][axis], translation.shape(node)
    first = min(first, length) if first >= 0 else max(length + first, 0)
    return {"in": [x], "axis": axis, "start": first, "length": shape[axis], "shape": shape}


def _select(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, axis, index = arguments
    axis %= len(translation.shapes[x])
    return {
        "op": "slice",
        "in": [x],
        "axis": axis,
        "start": index % translation.shapes[x][axis],
        "length": 1,
        "shape": translation.shape(node),
    }


def _cat(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    parts, axis = [*arguments, 0][:2]
    shape = translation.shape(node)
    return {"in": [translation.symbol(part) for part in parts], "axis": axis % len(shape), "shape": shape}


def _reduce(op: str) -> Step:
    def step(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
        x = arguments[0]
        axes = arguments[1] if len(arguments) > 1 else None
        rank = len(translation.shapes[x])
        chosen = range(rank) if axes is None else [axes] if isinstance(axes, int) else axes
        return {"op": op, "in": [x], "axes": sorted(axis % rank for axis in chosen), "shape": translation.shape(node)}

    return step


def _permute(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    rank = len(translation.shapes[arguments[0]])
    return {"in": [arguments[0]], "axes": [axis % rank for axis in arguments[1]], "shape": translation.shape(node)}


def _transpose(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    x, *pair = arguments
    axes = list(range(len(translation.shapes[x])))
    first, second = [axis % len(axes) for axis in (pair or (0, 1))]
    axes[first], axes[second] = axes[second], axes[first]
    return {"op": "permute", "in": [x], "axes": axes, "shape": translation.shape(node)}


def _pool(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    """Average pooling with windows that cover the image without overlaps or gaps: adaptive, or of a fixed size."""
    x, size = arguments[:2]
    kernel = [size, size] if isinstance(size, int) else list(size)
    if str(node.target).startswith("aten.avg_pool2d"):
        stride = arguments[2] if len(arguments) > 2 and arguments[2] else kernel
        sides = [side // width for side, width in zip(translation.shapes[x][2:], kernel, strict=True)]
        if list(stride) != kernel or [side * width for side, width in zip(sides, kernel, strict=True)] != translation.shapes[x][2:]:
            raise UserError("the page has no step for average pooling whose windows overlap or don't cover the image.")
    return {"op": "average", "in": [x], "shape": translation.shape(node)}


def _clamp(_: _Translation, __: Node, arguments: list[Any], ___: dict[str, Any]) -> dict[str, Any]:
    x, low, high = [*arguments, None, None][:3]
    return {"in": [x], "low": low, "high": high}


def _leaky_relu(_: _Translation, __: Node, arguments: list[Any], ___: dict[str, Any]) -> dict[str, Any]:
    return {"in": [arguments[0]], "slope": arguments[1] if len(arguments) > 1 else 0.01}


def _one_hot(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    return {"in": [arguments[0]], "shape": translation.shape(node)}


def _resize(translation: _Translation, node: Node, arguments: list[Any], _: dict[str, Any]) -> dict[str, Any]:
    if arguments[2]:
        raise UserError("the page has no step for resizing with aligned corners.")
    return {"op": "resize", "in": [arguments[0]], "shape": translation.shape(node)}


STEPS: dict[str, Step] = {
    **{name: _elementwise() for name in ("relu", "silu", "tanh", "sigmoid", "exp", "neg", "abs", "sqrt", "rsqrt")},
    **{name: _binary(name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze"), _view),
    "linear": _linear,
    "addmm": _addmm,
    "mm": _matmul,
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "convolution": _general_convolution,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "embedding": _embedding,
    "slice": _slice,
    "select": _select,
    "cat": _cat,
    "sum": _reduce("sum"),
    "mean": _reduce("mean"),
    "permute": _permute,
    "transpose": _transpose,
    "t": _transpose,
    "avg_pool2d": _pool,
    "adaptive_avg_pool2d": _pool,
    "_adaptive_avg_pool2d": _pool,
    "clamp": _clamp,
    "leaky_relu": _leaky_relu,
    "one_hot": _one_hot,
    "upsample_bilinear2d": _resize,
}
