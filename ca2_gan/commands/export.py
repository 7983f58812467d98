"""``ca2-gan export``."""

from pathlib import Path

import torch

from ca2_core.arguments import Parser
from ca2_core.errors import UserError
from ca2_core.files import whole_file
from ca2_gan.export import export_onnx, export_program
from ca2_gan.folders import plain_name
from ca2_gan.loading import load

DESCRIPTION = """Writes the generator of a trained model for other programs. Its inputs are standard normal noise float32 [N, D]
and, if the model is conditional, labels int64 [N]. Its output is images float32 [N, C, H, W] from 0 to 1.
"""
ONNX, PROGRAM = ".onnx", ".pt2"


def make_parser() -> Parser:
    parser = Parser(prog="ca2-gan export", description=DESCRIPTION, allow_abbrev=False)
    where = "run folder, folder of a saved model, letters_gan/mnist or another of `ca2-gan list pretrained`, or user/name on the hub"
    parser.add_argument("run", help=where)
    parser.add_argument("--revision", help="branch, tag or commit of a model on the hub")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--onnx", action="store_const", dest="form", const=ONNX, help="ONNX, the default; needs the extra `export`")
    form.add_argument("--torch", action="store_const", dest="form", const=PROGRAM, help="a program that `torch.export.load` reads")
    parser.add_argument("--out", type=Path, metavar="FILE", help="NAME.onnx or NAME.pt2 (default: named after the model, in this folder)")
    return parser


def main(argv: list[str]) -> None:
    """Writes a model's generator.

    :raises UserError: if the model can't be loaded or exported, or the file name has the wrong ending
    """
    arguments = make_parser().parse_args(argv)
    form = arguments.form or (arguments.out.suffix.lower() if arguments.out else ONNX)
    out = arguments.out or Path(plain_name(arguments.run).strip("-") + form)
    if form not in (ONNX, PROGRAM) or out.suffix.lower() != form:
        wanted = arguments.form or f"{ONNX} or {PROGRAM}"
        raise UserError(f"{out}: the file name has to end in {wanted}.")
    gan = load(arguments.run, revision=arguments.revision)
    if form == ONNX:
        export_onnx(gan, out)
    else:
        program = export_program(gan)
        with whole_file(out) as partial:
            torch.export.save(program, partial)
    print(out)
