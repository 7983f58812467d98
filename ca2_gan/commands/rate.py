"""``ca2-gan rate``: blind ratings of samples, mixed with real images."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ca2_core.arguments import Parser, at_least, seed
from ca2_core.errors import UserError
from ca2_core.files import write_json
from ca2_core.tables import Table
from ca2_gan.data.arguments import add_data_arguments, load_data

if TYPE_CHECKING:
    from ca2_gan.play.rating import Items

DEFAULT_N, MOST = 50, 1_000


def main(argv: list[str]) -> None:
    """Serves the page of one rater until Ctrl-C, or prints what all raters have said.

    :raises UserError: if images can't be loaded or drawn, or ratings are damaged
    """
    if any(argument.partition("=")[0] == "--report" for argument in argv):
        show_report(report_parser().parse_args(argv).report)
        return
    arguments = make_parser().parse_args(argv)
    from ca2_core.play.server import serve  # noqa: PLC0415  (imports torch for seconds, which --help should not)
    from ca2_gan.play import rating  # noqa: PLC0415

    rating.check_rater(arguments.rater)
    session = rating.Session(items_of(arguments), arguments.out, arguments.rater)
    print(
        f"{len(session.answers)} of {len(session.items)} images rated by {arguments.rater}; answers go to {session.path}", file=sys.stderr
    )
    pages, receivers = rating.pages(session)
    serve(pages, arguments.port, "rate.html", receivers, arguments.browser)


def make_parser() -> Parser:
    parser = Parser(
        prog="ca2-gan rate",
        description="Shows samples of models and real images in random order in the browser, without saying whose they are. Each is rated "
        "as clear, marginal or nonsense. `ca2-gan rate --report FOLDER` prints what all raters of a folder have said.",
        allow_abbrev=False,
    )
    parser.add_argument("x", nargs="+", metavar="X", help="runs, saved models, folders of PNGs, or .npz with x and, if labelled, y")
    add_data_arguments(parser)
    parser.add_argument("--n", type=at_least(1, MOST), default=DEFAULT_N, help=f"images of each source, and real ones ({DEFAULT_N})")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the samples and their order (0)")
    parser.add_argument("--rater", default="rater", metavar="NAME", help="who rates; each rater's answers go to a separate file (rater)")
    parser.add_argument("-o", "--out", type=Path, default=Path("rating"), metavar="FOLDER", help="folder of images and answers (rating)")
    parser.add_argument("--no-browser", action="store_false", dest="browser", help="print the address only")
    parser.add_argument("--port", type=at_least(0, 65_535), default=0, help="port of the address (default: a free one)")
    return parser


def report_parser() -> Parser:
    parser = Parser(prog="ca2-gan rate", description="Prints what all raters of a folder have said.", allow_abbrev=False)
    parser.add_argument("--report", type=Path, required=True, metavar="FOLDER", help="the --out of the ratings")
    return parser


def items_of(arguments: Namespace) -> "Items":
    """The images to rate: those in the folder, if there are any, so that all raters see the same; otherwise new ones.

    :raises UserError: if the folder has images of other sources
    """
    from ca2_gan.metrics.evaluate import choose_n, fitting  # noqa: PLC0415
    from ca2_gan.metrics.samples import open_source  # noqa: PLC0415
    from ca2_gan.play import rating  # noqa: PLC0415

    if rating.REAL in arguments.x or len(set(arguments.x)) < len(arguments.x):
        raise UserError("give each source once, and none named 'real': the data's images have that name.")
    if (arguments.out / rating.ITEMS).exists():
        items = rating.read_items(arguments.out)
        if items.names != (*arguments.x, rating.REAL) or len(items) != arguments.n * len(items.names):
            there = f"{len(items) // len(items.names)} images each of {', '.join(items.names)}"
            raise UserError(f"{arguments.out}: already has ratings of {there}. Give the same sources and --n, or another --out.")
        return items
    data = load_data(arguments)
    reference = open_source(data.test)
    sources = [fitting(open_source(x), reference) for x in arguments.x]
    n = choose_n(arguments.n, [reference, *sources])
    drawn: list[Any] = [source.draw(n, data.test, arguments.seed) for source in sources]
    names = [*arguments.x, rating.REAL]
    real = reference.draw(n, None, arguments.seed)
    samples = [replace(sample, name=name) for sample, name in zip([*drawn, real], names, strict=True)]
    items = rating.mix(samples, data.class_names, arguments.seed)
    rating.write_items(items, arguments.out)
    return items


def show_report(out: Path) -> None:
    """Prints the report and writes it into the folder."""
    from ca2_gan.play import rating  # noqa: PLC0415

    content = rating.report(out)
    path = out / rating.REPORT
    write_json(path, content)
    rows = []
    for name, found in content["sources"].items():
        rows.append([name, f"{found['answers']}", *(_share(found[kind]) for kind in (*rating.ANSWERS, "read_right"))])
    raters = ", ".join(f"{name} ({answers})" for name, answers in content["raters"].items())
    title = f"Shares with 95 % confidence intervals (Wilson); {content['items']} images, rated by {raters}"
    Table(["source", "answers", *rating.ANSWERS, "read right"], rows, title).print()
    agreement = content["agreement"]
    if agreement["statistic"]:
        kappa = "not defined" if agreement["kappa"] is None else f"{agreement['kappa']:.2f}"
        print(f"Agreement of the raters, {agreement['statistic']}: {kappa} on {agreement['items']} images that all have rated")
    print(f"Written to {path}")


def _share(found: dict[str, Any]) -> str:
    """Such as ``50 % [24, 76] of 10``."""
    if not found["of"]:
        return "-"
    return f"{found['share']:.0%} [{found['low']:.0%}, {found['high']:.0%}] of {found['of']}".replace("%", " %")
