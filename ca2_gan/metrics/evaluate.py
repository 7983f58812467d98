"""``ca2-gan evaluate``: how good are generated images, whoever made them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ca2_core.errors import UserError
from ca2_gan.arguments import Parser
from ca2_gan.data.arguments import add_data_arguments, load_data
from ca2_gan.data.dataset import Dataset
from ca2_gan.folders import make_folder
from ca2_gan.metrics.bootstrap import RESAMPLES
from ca2_gan.metrics.classifier import JUDGES
from ca2_gan.metrics.report import FILES, describe, draw_nearest, print_verdicts, summarize, write_all
from ca2_gan.metrics.samples import Source, open_source
from ca2_gan.metrics.suite import MOST, Suite, Verdict, parse_metrics
from ca2_gan.metrics.view import View

DEFAULT_METRICS = "fid,kid,fcd,kcd,intra,kl,prdc,acc,memorised"


def look(suite: Suite, sources: Sequence[Source]) -> list[View]:
    """Images of each source."""
    return [suite.view(source.draw(suite.n, suite.train, suite.seed)) for source in sources]


def evaluate(suite: Suite, views: Sequence[View]) -> list[Verdict]:
    """The floor row, then a verdict on each candidate."""
    verdicts = [suite.floor()]
    for view in views:
        print(f"judging {view.samples.name} ...", file=sys.stderr)
        verdicts.append(suite.judge(view))
    return verdicts


def choose_n(asked: int | None, sources: Sequence[Source], test: Dataset) -> int:
    """Images on each side, the same for all candidates: as many as all have, up to 10,000.

    :raises UserError: if more are asked for than there are
    """
    fewest = min([len(test), *(source.available for source in sources if source.available is not None)])
    if asked is None:
        return min(MOST, fewest)
    if asked < 1:
        raise UserError(f"--n {asked}: at least 1.")
    if asked > len(test):
        raise UserError(f"--n {asked:,}: the held-out split has {len(test):,} images only.")
    for source in sources:
        if source.available is not None and source.available < asked:
            raise UserError(f"{source.name}: {source.available:,} images, but {asked:,} are asked for. Give a smaller --n, or more images.")
    return asked


def main(argv: list[str]) -> None:
    """``ca2-gan evaluate``."""
    parser = Parser(
        prog="ca2-gan evaluate",
        description="Judges generated images against the held-out split of the data: FID and KID, FCD and KCD (the same with the features "
        "of a classifier trained on the data), KL, precision, recall, density, coverage, accuracy, copies of training images, all together "
        "and per class. The first row is real against real: nothing can be expected to be better.",
    )
    parser.add_argument("x", nargs="+", metavar="X", help="runs, saved models, folders of PNGs, or .npz with x and, if labelled, y")
    add_data_arguments(parser)
    parser.add_argument("--metrics", default=DEFAULT_METRICS, help=f"names with commas between (default: {DEFAULT_METRICS})")
    parser.add_argument(
        "--judge",
        choices=JUDGES,
        default="first",
        help="which classifier of the data looks at the images; a claim should hold by both (default: first)",
    )
    parser.add_argument("--n", type=int, help="images on each side (default: as many as all have, up to 10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the samples and of the choice of images (default: 0)")
    parser.add_argument(
        "--bootstrap", type=int, default=RESAMPLES, metavar="B", help=f"resamples behind the intervals, 0 for none (default: {RESAMPLES})"
    )
    parser.add_argument("--inception-weights", type=Path, metavar="FILE", help="pt_inception-2015-12-05-6726825d.pth (default: downloaded)")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help=f"write {FILES} and pictures there")
    arguments = parser.parse_args(argv)
    if arguments.bootstrap < 0 or arguments.bootstrap == 1:
        raise UserError(f"--bootstrap {arguments.bootstrap}: at least 2, or 0 for no intervals.")
    names = parse_metrics(arguments.metrics)
    data = load_data(arguments)
    train, test = data.split()
    sources = [open_source(x, data) for x in arguments.x]
    n = choose_n(arguments.n, sources, test)
    if arguments.out:
        make_folder(arguments.out)
    suite = Suite(names, train, test, n, arguments.seed, arguments.inception_weights, arguments.bootstrap, judge=arguments.judge)
    views = look(suite, sources)
    verdicts = evaluate(suite, views)
    records = summarize(verdicts, sources)
    for line in describe(suite, data):
        print(line)
    print_verdicts(suite, verdicts, records)
    if arguments.out:
        write_all(arguments.out, suite, data, verdicts, records)
        pictures = draw_nearest(arguments.out, suite, views) if "memorised" in suite.metrics else []
        print(f"Written to {arguments.out}: {', '.join([FILES, *pictures])}")
