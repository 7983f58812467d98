"""``ca2-gan evaluate``: scores generated images of any origin."""

import sys
from dataclasses import replace
from pathlib import Path

from ca2_core.arguments import Parser, Renamed, at_least, seed
from ca2_gan.commands.evaluation_report import FILES, draw_nearest, gather, groups_of, print_report, write_all
from ca2_gan.data.arguments import add_data_arguments, load_data
from ca2_gan.data.attributes import find_attribute
from ca2_gan.folders import make_folder
from ca2_gan.gan import GAN
from ca2_gan.metrics.bootstrap import RESAMPLES
from ca2_gan.metrics.classifier import CLASSIFIERS
from ca2_gan.metrics.evaluate import DEFAULT_METRICS, check_device, choose_n, fitting
from ca2_gan.metrics.samples import open_source
from ca2_gan.metrics.suite import Suite, parse_metrics


def main(argv: list[str]) -> None:
    """Prints and writes a table of scores: real images, then each candidate."""
    arguments = make_parser().parse_args(argv)
    names = parse_metrics(arguments.metrics)
    check_device(arguments.device)
    data = load_data(arguments)
    if arguments.by:
        find_attribute(data.attributes, arguments.by, data.report.source)
    reference = replace(open_source(data.test), name="held-out split")
    sources = [fitting(open_source(x, arguments.device), reference) for x in arguments.x]
    n = choose_n(arguments.n, [reference, *sources])
    if arguments.out:
        make_folder(arguments.out)
    weights, resamples, classifier, device = arguments.inception_weights, arguments.bootstrap, arguments.classifier, arguments.device
    suite = Suite(names, data.train, data.test, n, arguments.seed, weights, resamples, classifier, device)
    models = [source.origin.spec.name if isinstance(source.origin, GAN) else None for source in sources]
    views = [suite.view(source.draw(n, data.train, arguments.seed)) for source in sources]
    del sources  # frees large files, of which only a part is compared
    evaluations = [suite.floor()]
    for view in views:
        print(f"scoring {view.samples.name} ...", file=sys.stderr)
        evaluations.append(suite.score(view))
    content = gather(suite, data, evaluations, models)
    if arguments.by:
        content["by"] = {"attribute": arguments.by, "groups": groups_of(suite, views, arguments.by)}
    print_report(suite, content)
    if arguments.out:
        write_all(arguments.out, suite, content)
        train = suite.reference.train if "memorised" in suite.metrics else None
        pictures = draw_nearest(arguments.out, train, views) if train else []
        print(f"Written to {arguments.out}: {', '.join([FILES, *pictures])}")


def make_parser() -> Parser:
    parser = Parser(
        prog="ca2-gan evaluate",
        description="Compares generated images with the held-out split of the data: FID and KID, FCD and KCD (the same with the features "
        "of a classifier trained on the data), KL, precision, recall, density, coverage, accuracy, copies of training images, all together "
        "and per class. The first row compares real with real images: no generator can do better on average.",
    )
    parser.add_argument("x", nargs="+", metavar="X", help="runs, saved models, folders of PNGs, or .npz with x and, if labelled, y")
    add_data_arguments(parser)
    default = ",".join(DEFAULT_METRICS)
    metrics = "names separated by commas; METRIC:EXTRACTOR uses another network's features, such as prdc:inception"
    parser.add_argument("--metrics", default=default, help=f"{metrics} (default: {default})")
    by = "report recall and coverage for groups of real images, by an attribute of the data such as upper"
    parser.add_argument("--by", metavar="ATTRIBUTE", help=by)
    classifier = "reference classifier to use; a claim should hold with both (default: first)"
    parser.add_argument("--classifier", choices=CLASSIFIERS, default="first", help=classifier)
    parser.add_argument("--judge", choices=CLASSIFIERS, dest="classifier", action=Renamed, new="--classifier")
    parser.add_argument("--n", type=at_least(1), help="images on each side, real and generated (default: as many as all have, up to 10000)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the samples and of the choice of images (default: 0)")
    resamples = f"bootstrap resamples for the confidence intervals, 0 for none (default: {RESAMPLES})"
    parser.add_argument("--bootstrap", type=at_least(2, also=(0,)), default=RESAMPLES, metavar="B", help=resamples)
    parser.add_argument("--device", default="cpu", help="device of the networks, such as cuda (default: cpu)")
    parser.add_argument("--inception-weights", type=Path, metavar="FILE", help="pt_inception-2015-12-05-6726825d.pth (default: download)")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help=f"write {FILES} and pictures there")
    return parser
