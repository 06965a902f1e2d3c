"""Draws pictures of photo size, so that the benchmark needs no download: python draw_pictures.py FOLDER COUNT"""
import sys
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 10


def main(folder, count):
    random = np.random.default_rng(0)
    for i in range(int(count)):
        width, height = (300, int(random.integers(180, 300)))[::int(random.choice([1, -1]))]
        # Coarse colours and some grain: JPEG has as much to decode as in a photo.
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
        grain = random.normal(0, 12, (height, width, 1))
        pixels = (np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8)
        path = Path(folder) / f"class_{i % CLASSES}" / f"{i:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=90)


main(*sys.argv[1:])
