"""``ca2-gan play``: a page on which models write."""

from ca2_core.arguments import Parser, at_least
from ca2_core.play.lessons import read_lessons, with_lesson
from ca2_core.play.server import serve


def main(argv: list[str]) -> None:
    """Serves the page until Ctrl-C.

    :raises UserError: if there is no such lesson, a model can't be loaded, or the port is taken
    """
    arguments = make_parser().parse_args(argv)
    from ca2_gan.play import site  # noqa: PLC0415  (imports torch for seconds, which --help should not)
    from ca2_gan.registry import pretrained  # noqa: PLC0415

    page = with_lesson("letters.html", arguments.lesson, read_lessons(site.LESSONS))
    models = site.open_models(arguments.models or pretrained.list())
    serve(site.pages(models), arguments.port, page, browser=arguments.browser)


def make_parser() -> Parser:
    parser = Parser(
        prog="ca2-gan play",
        description="Opens a page in the browser on which models write what you type. It runs on this machine alone.",
        allow_abbrev=False,
    )
    what = "runs, folders of saved models, or names of `ca2-gan list pretrained` (default: all of these)"
    parser.add_argument("models", nargs="*", metavar="MODEL", help=what)
    parser.add_argument("--no-browser", action="store_false", dest="browser", help="print the address only")
    parser.add_argument("--port", type=at_least(0, 65_535), default=0, help="port of the address (default: a free one)")
    parser.add_argument("--lesson", metavar="NAME", help="lesson to open")
    return parser
