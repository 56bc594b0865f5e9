from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.data_settings import SplitSettings
from preprocessing.rows.splits import assign_splits


def survey(spirals: int, ellipticals: int, uncertain: int = 0) -> dict[str, int]:
    labels = [0] * spirals + [1] * ellipticals + [-1] * uncertain
    return {f"SPLUS.{index:05d}": label for index, label in enumerate(labels)}


def test_the_published_division():
    labels = survey(2600, 1200, 500)
    assigned = assign_splits(labels, SplitSettings())
    sizes = Counter((split, labels[name]) for name, (split, _) in assigned.items())
    assert sizes == {
        ("train", 0): 840,
        ("train", 1): 840,
        ("val", 0): 240,
        ("val", 1): 240,
        ("test", 0): 120,
        ("test", 1): 120,
        ("holdout", 0): 1400,
        ("uncertain", -1): 500,
    }


@settings(max_examples=200)
@given(
    spirals=st.integers(5, 300),
    ellipticals=st.integers(5, 300),
    uncertain=st.integers(0, 20),
    shares=st.sampled_from([(0.7, 0.2, 0.1), (0.6, 0.15, 0.25), (1 / 3, 1 / 3, 1 / 3), (0.98, 0.01, 0.01)]),
    balance=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_sizes_are_exact_to_one_object(spirals, ellipticals, uncertain, shares, balance, seed):
    labels = survey(spirals, ellipticals, uncertain)
    train, val, test = shares
    split = SplitSettings(train=train, val=val, test=test, balance=balance, seed=seed, folds=5)
    assigned = assign_splits(labels, split)
    assert assigned.keys() == labels.keys()
    kept = {0: spirals, 1: ellipticals}
    if balance:
        kept = dict.fromkeys(kept, min(spirals, ellipticals))
    sizes = Counter((name_split, labels[name]) for name, (name_split, _) in assigned.items())
    for name, share in zip(("train", "val", "test"), shares, strict=True):
        for label in (0, 1):
            assert abs(sizes[name, label] - kept[label] * share) <= 1
        # Over both classes, too: what rounding takes from one the other gives back.
        assert abs(sizes[name, 0] + sizes[name, 1] - sum(kept.values()) * share) <= 1
    assert sizes["uncertain", -1] == uncertain
    assert sum(sizes["holdout", label] for label in (0, 1)) == spirals + ellipticals - sum(kept.values())


@settings(max_examples=50)
@given(folds=st.integers(2, 10), seed=st.integers(0, 1000))
def test_folds_are_even_and_only_where_the_model_learns(folds, seed):
    labels = survey(101, 77, 9)
    assigned = assign_splits(labels, SplitSettings(balance=False, folds=folds, seed=seed))
    for name, (split, fold) in assigned.items():
        assert (0 <= fold < folds) == (split in ("train", "val")), name
    for chosen in ({0}, {1}, {0, 1}):
        sizes = Counter(fold for name, (_, fold) in assigned.items() if fold >= 0 and labels[name] in chosen)
        assert max(sizes.values()) - min(sizes.values()) <= 1


@given(order=st.permutations(list(range(40))))
def test_the_order_of_rows_means_nothing(order):
    labels = survey(25, 15)
    names = list(labels)
    shuffled = {names[index]: labels[names[index]] for index in order}
    assert assign_splits(shuffled, SplitSettings()) == assign_splits(labels, SplitSettings())


def test_another_seed_is_another_division():
    labels = survey(100, 100)
    first, second = (assign_splits(labels, SplitSettings(seed=seed)) for seed in (1, 2))
    moved = sum(first[name][0] != second[name][0] for name in labels)
    assert 40 < moved < 160


@pytest.mark.parametrize(("train", "val", "test"), [(0.7, 0.2, 0.2), (0.5, 0.2, 0.1)])
def test_shares_must_be_whole(train, val, test):
    with pytest.raises(ValueError, match="must be 1"):
        SplitSettings(train=train, val=val, test=test)
