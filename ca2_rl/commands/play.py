"""``ca2-rl play``: the pendulum playground in a browser."""

from ca2_core.arguments import Parser, at_least
from ca2_core.errors import UserError, did_you_mean
from ca2_core.play.server import serve
from ca2_rl.play.site import lessons, pages


def main(argv: list[str]) -> None:
    """Serves the playground to a browser on this machine until Ctrl-C."""
    parser = Parser(
        prog="ca2-rl play",
        description="Opens a page with a pendulum: watch trained agents, compare them with the optimum, and train a DQN in the browser.",
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders of `ca2-rl train` on Pendulum-v1, or folders with such runs")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    parser.add_argument("--port", type=at_least(0, 65535), default=0, metavar="N", help="port of the server (default: a free one)")
    parser.add_argument("--lesson", metavar="NAME", help="lesson to begin with: " + ", ".join(lessons()))
    arguments = parser.parse_args(argv)
    if arguments.lesson is not None and arguments.lesson not in lessons():
        hint = did_you_mean(arguments.lesson, lessons())
        raise UserError(f"no lesson named {arguments.lesson!r}.{hint} There are {', '.join(lessons())}.")
    page = "pendulum.html" + (f"#lesson={arguments.lesson}" if arguments.lesson else "")
    print("Preparing the agents: some seconds", flush=True)
    serve(pages(arguments.runs), arguments.port, page, browser=not arguments.no_browser)
