"""Images are streamed: what an evaluation takes beside them does not grow as the images would in float32."""

import subprocess
import sys

import pytest

SIDE, FEW, MANY = 64, 4_000, 24_000
CODE = """
import sys
import numpy as np, torch, torch._dynamo
from ca2_gan import evaluate
from ca2_gan.data.cleaning import Raw, clean
from ca2_gan.metrics import classifier
classifier.FEWEST = classifier.MOST = 1280
torch.set_num_threads(1)
n, side = map(int, sys.argv[1:])

def resident(field):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))

rng = np.random.default_rng(0)
make = lambda: rng.integers(0, 256, (n, 1, side, side), dtype=np.uint8)
fakes, data = make(), clean(Raw("noise", make(), np.arange(n) % 4))
train, test = data.train, data.test
before = resident("VmRSS")
evaluate(fakes, test, ["fcd", "kcd", "intra", "kl", "prdc", "acc", "memorised"], train=train, resamples=5)
print(resident("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_as_the_images_in_float32(tmp_path, monkeypatch):
    monkeypatch.setenv("CA2_GAN_CACHE", str(tmp_path))
    # What is freed goes back to the system: else chance decides how much of it counts
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    for limit in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(limit, "65536")
    few, many = (
        int(subprocess.run([sys.executable, "-c", CODE, str(n), str(SIDE)], check=True, capture_output=True, text=True).stdout)
        for n in (FEW, MANY)
    )
    print(f"{few / 2**20:.0f} MB for {FEW:,} images, {many / 2**20:.0f} MB for {MANY:,}")
    assert many - few < (MANY - FEW) * SIDE * SIDE * 4 / 2
