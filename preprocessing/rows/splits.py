"""Assign galaxies to splits and folds, exactly and reproducibly."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

from preprocessing.data_settings import SplitSettings
from preprocessing.features import (
    ELLIPTICAL,
    HOLDOUT,
    NO_FOLD,
    NO_LABEL,
    SPIRAL,
    TEST,
    TRAIN,
    UNCERTAIN,
    VALIDATION,
)


def assign_splits(labels: Mapping[str, int], settings: SplitSettings) -> dict[str, tuple[str, int]]:
    """Return the split and the fold of every galaxy.

    Parameters
    ----------
    labels : mapping of str to int
        Label by object name, of galaxies that passed all checks.
    settings : SplitSettings

    Returns
    -------
    dict of str to (str, int)
        Split and fold by object name. The fold is 0 .. K-1 in `train` and `val`, and -1 elsewhere.

    Notes
    -----
    Within each class, names are sorted by ``SHA-256(seed, purpose, name)`` and the list is cut at the exact
    shares. The result depends on names, labels and seed only, not on the order of rows, the pixels or the
    number of workers. Sizes are exact to one object, per class and in total.

    With `balance`, surplus galaxies of the larger class, the last of a separate sorting, go to `holdout`.
    """
    assigned = {name: (UNCERTAIN, NO_FOLD) for name, label in labels.items() if label == NO_LABEL}
    classes = {label: _of_class(labels, label, settings.seed) for label in (SPIRAL, ELLIPTICAL)}
    smallest = min(len(names) for names in classes.values())
    kept = {label: names[:smallest] if settings.balance else names for label, names in classes.items()}
    sizes = _split_sizes([len(names) for names in kept.values()], settings)
    first_fold = 0
    for (label, names), (train, validation, _) in zip(kept.items(), sizes, strict=True):
        assigned |= dict.fromkeys(classes[label][len(names) :], (HOLDOUT, NO_FOLD))
        ordered = _in_hash_order(names, "split", settings.seed)
        learning = ordered[: train + validation]
        folds = {
            name: (first_fold + position) % settings.folds
            for position, name in enumerate(_in_hash_order(learning, "fold", settings.seed))
        }
        first_fold += len(learning)  # the larger folds should not be the same for both classes
        for position, name in enumerate(ordered):
            split = TRAIN if position < train else VALIDATION if position < train + validation else TEST
            assigned[name] = (split, folds.get(name, NO_FOLD))
    return assigned


def _split_sizes(class_sizes: Sequence[int], settings: SplitSettings) -> tuple[tuple[int, ...], ...]:
    """Return the sizes of train, val and test for each class.

    Every size is its exact share rounded up or down. Of all ways to round (at most three per class), the one
    is chosen whose sums over the classes are closest to their exact shares.
    """
    shares = (settings.train, settings.val, settings.test)
    exact = [sum(class_sizes) * share for share in shares]

    def distance(rounding: tuple[tuple[int, ...], ...]) -> float:
        return sum(
            abs(sum(sizes) - size) for sizes, size in zip(zip(*rounding, strict=True), exact, strict=True)
        )

    return min(product(*(_roundings(size, shares) for size in class_sizes)), key=distance)


def _roundings(total: int, shares: Sequence[float]) -> list[tuple[int, ...]]:
    """Return all ways to round the shares of a total up or down so that they add up to it."""
    # Rounding errors of shares such as 1 / 3 may put an exact product slightly below a whole number.
    floors = [int(total * share + 1e-6) for share in shares]
    fractions = [total * share - floor for share, floor in zip(shares, floors, strict=True)]
    by_fraction = sorted(range(len(shares)), key=lambda index: -fractions[index])
    missing = total - sum(floors)
    return [
        tuple(floor + (index in raised) for index, floor in enumerate(floors))
        for raised in combinations(by_fraction, missing)
        if all(fractions[index] > 1e-6 for index in raised)
    ]


def _of_class(labels: Mapping[str, int], label: int, seed: int) -> list[str]:
    return _in_hash_order((name for name, value in labels.items() if value == label), "balance", seed)


def _in_hash_order(names: Iterable[str], purpose: str, seed: int) -> list[str]:
    def key(name: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest(), name

    return sorted(names, key=key)
