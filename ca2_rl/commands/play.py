"""``ca2-rl play``: the pendulum playground in a browser."""

from ca2_core.arguments import Parser, at_least
from ca2_core.play.lessons import read_lessons, with_lesson
from ca2_core.play.server import serve
from ca2_rl.play.site import LESSONS, pages


def main(argv: list[str]) -> None:
    """Serves the playground to a browser on this machine until Ctrl-C."""
    lessons = read_lessons(LESSONS)
    parser = Parser(
        prog="ca2-rl play",
        description="Opens a page with a pendulum, to watch trained agents, compare them with the optimum, and train a DQN in the browser.",
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders of `ca2-rl train` on Pendulum-v1, or folders with such runs")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")
    parser.add_argument("--port", type=at_least(0, 65535), default=0, metavar="N", help="port of the server (default: a free one)")
    parser.add_argument("--lesson", metavar="NAME", help="lesson to open: " + ", ".join(lessons))
    arguments = parser.parse_args(argv)
    page = with_lesson("pendulum.html", arguments.lesson, lessons)
    print("Preparing the agents takes a few seconds", flush=True)
    serve(pages(arguments.runs), arguments.port, page, browser=not arguments.no_browser)
