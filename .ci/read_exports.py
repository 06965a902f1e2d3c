#!/usr/bin/env python3
"""Other programs read what vismem exports: NumPy, pandas, DuckDB, and votes as the paper's authors count them.

    python read_exports.py VISMEM MEMORY

Needs numpy, pandas, pyarrow and duckdb.
"""
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

VISMEM, MEMORY = sys.argv[1:]


def vismem(*arguments):
    command = [VISMEM, "-m", MEMORY, *map(str, arguments), "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    exemplars = vismem("ls", "--all")["exemplars"]
    vismem("export", "embeddings", "-o", folder)
    vismem("export", "catalog", "-o", folder, "--table", "csv")
    exported = vismem("export", "neighbors", "-k", "10", "-o", folder)

    rows, metadata = np.load(folder / "embeddings.npy"), pd.read_parquet(folder / "metadata.parquet")
    assert rows.dtype == np.float32 and len(rows) == len(metadata) == len(exemplars)
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    assert list(metadata["id"]) == [exemplar["id"] for exemplar in exemplars]
    assert list(metadata["label"]) == [exemplar["label"] for exemplar in exemplars]
    assert list(metadata["source"]) == [exemplar["source"] for exemplar in exemplars]
    assert list(pd.read_csv(folder / "catalog.csv")["label"]) == list(metadata["label"])
    query = f"SELECT label, count(*) AS n FROM '{folder}/metadata.parquet' GROUP BY label ORDER BY label"
    assert dict(duckdb.sql(query).fetchall()) == metadata["label"].value_counts().to_dict()

    # The nearest neighbours by NumPy are those in the authors' file, and their votes give labels.
    neighborhoods = json.loads(Path(exported["files"][0]).read_text())
    classes = json.loads((folder / "classes.json").read_text())
    similarity = rows @ rows.T
    np.fill_diagonal(similarity, -2)
    right = 0
    for row, (similar, source, label) in enumerate(zip(similarity, metadata["source"], metadata["label"])):
        found = neighborhoods[source]
        assert found["image_class"] == classes[label]
        distances = np.sort(1 - similar)[:10]
        assert np.abs(distances - found["neighbor_distances"]).max() < 1e-5
        votes = defaultdict(float)
        for index, neighbor in enumerate(found["neighbor_classes"]):
            votes[neighbor] += 1 / (2 + index)
        right += max(votes, key=votes.get) == classes[label]
    print(f"read {len(rows)} exemplars; {right} of them are voted right by their ten nearest neighbours")
