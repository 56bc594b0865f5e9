import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from transformed import synthetic, write_split

import trainer.input
from trainer.galaxies import TrainingDataError, read_galaxies
from trainer.input import Pictures

COUNT, STEPS = 20, 4


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_split(tmp_path_factory.mktemp("pictures"), "train", COUNT, 7)


def known() -> dict[bytes, int]:
    return {picture.tobytes(): number for number, picture in enumerate(synthetic(COUNT, 7)[0])}


def numbers(dataset: Iterable, soft: bool = False) -> list[int]:
    """Return the indices of the pictures, after checking their labels."""
    names, found = known(), []
    labels_by_number = synthetic(COUNT, 7)[1]
    for pictures, labels in dataset:
        assert pictures.dtype == tf.uint8 and pictures.shape[1:] == (32, 32, 3)
        batch = [names[picture.tobytes()] for picture in pictures.numpy()]
        expected = labels_by_number[batch]
        expected = np.where(expected == 1, 0.8, 0.2) if soft else expected
        np.testing.assert_allclose(labels, expected, atol=1e-6)
        found += batch
    return found


def test_everything_comes_once_and_in_the_order_of_the_files(files):
    order = [*range(0, COUNT, 2), *range(1, COUNT, 2)]
    assert numbers(Pictures(files[::-1], 32, 6).in_order()) == order


def test_a_fold_alone_and_all_but_it(files):
    fold = {number for number in range(COUNT) if number // 3 % 3 == 1}
    assert set(numbers(Pictures(files, 32, 6, only_fold=1).in_order())) == fold
    assert set(numbers(Pictures(files, 32, 6, without_fold=1).in_order())) == set(range(COUNT)) - fold


def epochs(files, first: int, count: int, soft: bool = False) -> list[list[int]]:
    tf.random.set_seed(5)
    stream = iter(Pictures(files, 32, 6).stream(first, STEPS, seed=3, soft=soft))
    return [numbers(itertools.islice(stream, STEPS), soft) for _ in range(count)]


def test_epochs_are_whole_in_orders_of_their_own_and_can_be_entered_anywhere(files):
    found = epochs(files, 0, 3)
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in found)
    assert found[0] != found[1] != found[2]
    assert epochs(files, 0, 3) == found
    assert epochs(files, 2, 1) == found[2:]


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_larger_set_is_streamed_in_the_same_order(files, replicas, monkeypatch):
    def drawn():
        tf.random.set_seed(5)
        pictures = Pictures(files, 32, 6, replicas=replicas)
        return numbers(pictures.stream(1, STEPS, seed=3).take(2 * STEPS)), numbers(
            pictures.in_order(often=True)
        )

    held = drawn()
    monkeypatch.setattr(trainer.input, "IN_MEMORY", COUNT * 32 * 32 * 3 - 1)
    assert drawn() == held


def test_a_set_that_fits_in_memory_is_read_once(tmp_path, monkeypatch):
    paths = write_split(tmp_path, "train", COUNT, 7)
    pictures = Pictures(paths, 32, 6)
    stream, unseen, once = (
        pictures.stream(0, STEPS, seed=3),
        pictures.in_order(often=True),
        pictures.in_order(),
    )
    first = numbers(unseen)
    monkeypatch.setattr(trainer.input, "IN_MEMORY", 0)
    streamed = pictures.stream(0, STEPS, seed=3)
    for path in paths:
        Path(path).unlink()
    assert sorted(numbers(stream.take(STEPS))) == list(range(COUNT))
    assert numbers(unseen) == first
    for dataset in (once, streamed):
        with pytest.raises(tf.errors.NotFoundError):
            next(iter(dataset))


@pytest.mark.parametrize("replicas", [2, 3, 4, 7, 9, 16, 30])
@pytest.mark.parametrize("batch_size", [1, 6, 50])
def test_every_processor_gets_a_picture_of_each_batch(files, replicas, batch_size):
    pictures = Pictures(files, 32, batch_size, replicas=replicas)
    order = [*range(0, COUNT, 2), *range(1, COUNT, 2)]
    sizes = [len(labels) for _, labels in pictures.in_order()]
    assert min(sizes) >= replicas and sizes[0] % replicas == 0
    # Each as often as any other, and once where there are two pictures for each processor.
    found = numbers(pictures.in_order())
    assert found == order * (len(found) // COUNT)
    assert len(found) == COUNT or 2 * replicas > COUNT
    steps = pictures.steps(COUNT)
    assert bool(steps) == (replicas <= COUNT)
    if steps:
        stream = iter(pictures.stream(1, steps, seed=3))
        for _ in range(2):
            sizes = [len(labels) for _, labels in itertools.islice(stream, steps)]
            assert all(size % replicas == 0 for size in sizes)
            assert sum(sizes) == COUNT // replicas * replicas


def test_one_processor_has_the_batches_asked_for(files):
    pictures = Pictures(files, 32, 6)
    assert pictures.steps(COUNT) == STEPS
    assert [len(labels) for _, labels in pictures.in_order()] == [6, 6, 6, 2]
    stream = pictures.stream(0, STEPS, seed=3).take(2 * STEPS)
    assert [len(labels) for _, labels in stream] == [6, 6, 6, 2] * 2


def test_soft_labels(files):
    assert sorted(epochs(files, 0, 1, soft=True)[0]) == list(range(COUNT))


def test_a_picture_of_another_size_is_an_error(files):
    with pytest.raises(tf.errors.InvalidArgumentError):
        next(iter(Pictures(files, 33, 6).in_order()))


def test_names_labels_and_folds_are_read(files, tmp_path):
    more = write_split(tmp_path, "val", 6, 8)
    galaxies = read_galaxies({"train": files, "val": more})
    assert len(galaxies) == COUNT + 6
    assert galaxies.names[0] == "train0" and galaxies.names[-1] == "val5"
    assert galaxies.class_counts == (13 + 4, 7 + 2)
    assert len(set(galaxies.digests)) == COUNT + 6 and len(galaxies.digests[0]) == 64
    validation = galaxies.take(galaxies.splits == "val")
    assert list(validation.names) == [f"val{number}" for number in (0, 2, 4, 1, 3, 5)]
    np.testing.assert_allclose(validation.soft_labels, np.where(validation.labels == 1, 0.8, 0.2))
    spirals = validation.take(validation.labels == 0)
    with pytest.raises(TrainingDataError, match=r"fold 2 has no elliptical galaxy \(4 galaxies in all\)"):
        spirals.require_both_classes("fold 2")


def test_unanimous_votes_are_refused_as_a_target(files):
    galaxies = read_galaxies({"train": files})
    galaxies.require_votes("the training set")
    galaxies.soft_labels[1:] = galaxies.labels[1:]
    galaxies.require_votes("the training set")
    with pytest.raises(TrainingDataError, match=r'\[train\] labels = "votes", but fold 2 has no galaxy'):
        galaxies.take(np.arange(1, COUNT)).require_votes("fold 2")


def test_no_galaxies_at_all():
    assert len(read_galaxies({"train": []})) == 0
