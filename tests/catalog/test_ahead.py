"""Reading ahead: order, faults, and the end of the thread."""

import threading
import time

import pytest

from catalog.ahead import begun_ahead, read_ahead


def test_items_come_in_order_and_not_too_many_are_made():
    made: list[int] = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    seen = []
    for number in read_ahead(items, most=2):
        seen.append(number)
        time.sleep(0.005)
        assert len(made) <= len(seen) + 3
    assert seen == list(range(20))


def test_a_fault_comes_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("torn")

    found = read_ahead(items)
    assert next(found) == 1
    with pytest.raises(OSError, match="torn"):
        next(found)


def test_the_thread_ends_when_nobody_reads_on():
    before = set(threading.enumerate())  # of other tests, whose errors may keep theirs
    found = read_ahead(lambda: iter(range(1000)))
    next(found)
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["reading"]
    found.close()
    assert set(threading.enumerate()) <= before


def test_work_is_begun_ahead_and_yielded_in_order():
    begun: list[int] = []

    def begin(number):
        begun.append(number)
        return number * number

    seen = []
    for number, square in begun_ahead(range(10), begin, 2):
        assert square == number * number
        seen.append(number)
        assert begun == list(range(min(number + 3, 10)))
    assert seen == list(range(10))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_items_are_all_yielded(count):
    assert list(begun_ahead(range(count), str, 2)) == [(number, str(number)) for number in range(count)]


def test_a_fault_comes_after_what_was_begun():
    def items():
        yield from (1, 2, 3)
        raise OSError("torn")

    found = begun_ahead(items(), str, 5)
    assert [next(found)[0] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(OSError, match="torn"):
        next(found)
