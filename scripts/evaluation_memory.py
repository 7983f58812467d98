"""Memory of ``evaluate`` with the default metrics: real pictures in an npz, as many others to compare, of 28x28.

    python scripts/evaluation_memory.py --n 121000

Prints the most resident memory above that of the process after its imports, in MB, with what it is made of. Linux only. Inception,
whose weights may be out of reach, is left out. Features and the classifier are made anew.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from publishing import parser

MB = 2**20


def resident(field: str) -> int:
    """VmRSS is what is resident now, VmHWM the most so far; in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def make(n: int, seed: int, path: Path) -> None:
    """Glyphs in an npz; in a process of its own, so that what this takes does not count."""
    code = (
        "import sys, numpy as np; from ca2_gan import load_data; n, seed = map(int, sys.argv[1:3]); "
        "data = load_data('glyphs', size=n, seed=seed); "
        "np.savez(sys.argv[3], x=data.images[:, 0], y=data.labels, class_names=np.array(data.class_names))"
    )
    subprocess.run([sys.executable, "-c", code, str(n), str(seed), str(path)], check=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=121_000, help="pictures on each side (default: 121000)")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CA2_GAN_CACHE"] = folder
        real, fake = Path(folder, "real.npz"), Path(folder, "fake.npz")
        make(arguments.n, 1, real)
        make(arguments.n, 2, fake)
        print(f"{growth(real, fake) / MB:.0f} MB above the imports; the pixels of both sides are {real.stat().st_size * 2 / MB:.0f} MB")


def growth(real: Path, fake: Path) -> int:
    import torch._dynamo  # noqa: PLC0415  (which torch's optimisers import on first use)

    from ca2_gan import load_data  # noqa: PLC0415
    from ca2_gan.metrics.evaluate import DEFAULT_METRICS, evaluate  # noqa: PLC0415

    torch.set_num_threads(1)
    names = [name for name in DEFAULT_METRICS if name not in ("fid", "kid")]
    before = resident("VmRSS")
    evaluate(fake, load_data(real).test, names)
    return resident("VmHWM") - before


if __name__ == "__main__":
    main()
