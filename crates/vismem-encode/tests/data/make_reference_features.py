"""Keeps every tenth row of the features that bench/features.py computed with ONNX Runtime, in half precision.

    python bench/features.py models/efficientnet-lite0-w8.onnx data/caltech101/query query.npz
    python make_reference_features.py query.npz
"""
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).parent
features = np.load(sys.argv[1])
features["E"][::10].astype("<f2").tofile(here / "reference_features.f16")
(here / "reference_features.txt").write_text("".join(f"{path}\n" for path in features["f"][::10]))
