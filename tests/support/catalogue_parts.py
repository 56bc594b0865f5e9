"""Blocks of classified rows and of rejects, as the core of `galmorph classify` hands them on."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from catalog.output.about import About, Model

MODELS, FEATURES = 3, 5


def block(rows, *, optional: bool = True, seed: int = 0, placed: bool = True) -> pa.Table:
    """Return a block with the given row numbers; some numbers are unknown, names are awkward."""
    rows = np.asarray(rows)
    random = [np.random.default_rng([seed, int(row)]) for row in rows]
    p = np.array([one.random(dtype=np.float32) for one in random], np.float32)
    ra = np.array(
        [(355 + 10 * one.random()) % 360 if placed and one.random() > 0.1 else np.nan for one in random]
    )
    novelty = [None if row % 5 == 4 else float(value) for row, value in zip(rows, p, strict=True)]
    columns = {
        "row": pa.array(rows, pa.int64()),
        "name": [_name(int(row)) for row in rows],
        "ra": pa.array(ra),
        "dec": pa.array(np.where(np.isnan(ra), np.nan, [one.uniform(-4, 4) for one in random])),
        "p_elliptical": pa.array(p),
        "p_spiral": pa.array(1 - p),
        "morphology": ["spiral" if x < 0.25 else "elliptical" if x > 0.75 else "uncertain" for x in p],
        "flags": pa.array([one.integers(0, 256) for one in random], pa.int32()),
        "model_version": ["3-0123456789ab"] * len(rows),
        "novelty": pa.array(novelty, pa.float32()),
    }
    if optional:
        models = [
            None if row % 7 == 3 else one.random(MODELS).tolist()
            for row, one in zip(rows, random, strict=True)
        ]
        columns |= {
            "novelty_distance": pa.array([one.random() * 10 for one in random], pa.float32()),
            "magnitude": pa.array([one.uniform(14, 20) for one in random], pa.float32()),
            "entropy": pa.array([np.nan] * len(rows), pa.float32()),
            "p_elliptical_models": pa.array(models, pa.list_(pa.float32(), MODELS)),
            "embedding": pa.array(
                [one.random(FEATURES).tolist() for one in random], pa.list_(pa.float32(), FEATURES)
            ),
            "of_the_core": pa.array(rows),
        }
    return pa.table(columns)


def _name(row: int) -> str:
    awkward = {0: "NGC 1 é", 1: 'odd, "name" <&>', 2: "000587738947752099924", 3: "line\nbreak"}
    return awkward.get(row, f"S{row:06d}")


def parts(total: int, *, size: int = 400, skip: int = 10, **options):
    """Return a function that yields blocks of all rows but every `skip`-th, which are rejects."""
    good = np.array([row for row in range(total) if (row + 1) % skip])

    def all_parts() -> Iterator[pa.Table]:
        for start in range(0, len(good), size):
            yield block(good[start : start + size], **options)

    return all_parts


def rejects(total: int, *, skip: int = 10):
    """Return a function that yields the rejects."""
    rows = [row for row in range(total) if not (row + 1) % skip]

    def all_rejects() -> Iterator[pa.Table]:
        if rows:
            yield pa.table(
                {
                    "row": pa.array(rows, pa.int64()),
                    "name": [f"R{row}" for row in rows],
                    "file": pa.array([None if row % 2 else f"f, {row}.fits" for row in rows], pa.string()),
                    "reason": ["unreadable" if row % 20 == 9 else "no_name" for row in rows],
                    "message": ["it is damaged"] * len(rows),
                }
            )

    return all_rejects


def about(**changes) -> About:
    model = Model(
        path="/models/3",
        version="3",
        fingerprint="0123456789abcdef" * 4,
        description={"uncertain": [0.25, 0.75], "bands": ["I", "R", "G"]},
        origin={
            "candidate": "c0ffee",
            "run": "mine",
            "data": "f00d",
            "configuration": {"data": {"labels": "gz.csv"}},
        },
        card="# Model card\n",
    )
    known = {
        "model": model,
        "input": {"stamps": "survey/{name}_{band}.fits", "table": {"path": "t.csv", "sha256": "ab"}},
        "settings": {"format": "parquet", "batch": 64},
        "command": ["galmorph", "classify", "models"],
        "started": datetime(2026, 11, 27, 12, tzinfo=UTC),
        "seconds": 12.5,
        "galmorph": "0.1.0",
    }
    return About(**(known | changes))
