"""Chunks and tasks: each row in exactly one, none of two groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.batches import Reject
from catalog.objects import Input, table_of_objects
from catalog.plan import TASK_CHUNKS, make_plan, objects_of, read_plan, write_plan
from catalog.store import Store


def source(groups: list[int], rejects=()) -> Input:
    rows = sum(groups)
    unknown = np.full(rows, np.nan)
    objects = table_of_objects([f"g{row}" for row in range(rows)], unknown, unknown, rejects=rejects)
    return Input(objects, groups, reader=None, digest="d")  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(1, 20), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_chunks_tasks_and_parts_cover_all_rows_once(groups, chunk_rows, of):
    plan = make_plan(source(groups), {}, chunk_rows)
    assert sum(plan.sizes) == plan.rows == sum(groups)
    assert max(plan.sizes) <= chunk_rows
    assert min(plan.sizes) > 0
    assert set(np.cumsum(groups)) <= set(plan.ends)
    in_order = [chunk for task in plan.tasks for chunk in range(*task)]
    assert in_order == list(range(len(plan.ends)))
    if len(groups) > 1:
        assert len(plan.tasks) == len(groups)
    else:
        assert all(end - start <= TASK_CHUNKS for start, end in plan.tasks)
    parts = [plan.part(number, of) for number in range(1, of + 1)]
    assert [chunk for part in parts for task in part for chunk in range(*task)] == in_order
    sizes = [sum(end - start for start, end in part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_plan_is_read_back_with_the_objects_of_each_chunk(tmp_path):
    found = source([7, 5], [Reject(3, "f.fits", "unreadable", "cut short")])
    plan, store = make_plan(found, {"model": "m"}, 4), Store(str(tmp_path / "work"))
    assert read_plan(store) is None
    write_plan(plan, found, store)
    assert read_plan(store) == plan
    chunks = dict(objects_of(store, plan.digest, range(len(plan.ends))))
    assert [chunk["row"].to_pylist() for chunk in chunks.values()] == [
        [0, 1, 2, 3],
        [4, 5, 6],
        [7, 8, 9, 10],
        [11],
    ]
    assert chunks[0]["reason"].to_pylist() == [None, None, None, "unreadable"]
    assert list(dict(objects_of(store, plan.digest, [2]))) == [2]


def test_plans_differ_by_what_they_are_of():
    one = make_plan(source([3]), {"model": "a", "input": "b"})
    other = make_plan(source([3]), {"model": "a", "input": "c", "columns": ""})
    assert one.difference(one) == ""
    assert one.difference(other) == "input, columns"


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"ends": 3}'])
def test_a_damaged_plan_is_named(tmp_path, content):
    store = Store(str(tmp_path))
    store.write("plan.json", content)
    with pytest.raises(ValueError, match=r"plan\.json is damaged"):
        read_plan(store)
