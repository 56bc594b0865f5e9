"""Worker threads that can be stopped."""

import threading
import time

import pytest

from fetch import workers
from fetch.errors import Stopped
from fetch.workers import Workers


def test_every_job_has_its_result():
    pool = Workers(lambda job: job * 2, range(50), 4, threading.Event())
    assert sorted(pool.next_result() for _ in range(50)) == list(range(0, 100, 2))
    assert pool.wind_up() == []


def test_errors_of_a_job_are_raised_in_next_result():
    def work(job):
        raise OSError("disk full")

    pool = Workers(work, range(3), 2, threading.Event())
    with pytest.raises(OSError, match="disk full"):
        pool.next_result()
    pool.wind_up()


def test_not_more_at_once_than_asked_for():
    busy, most, lock = 0, 0, threading.Lock()

    def work(job):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.01)
        with lock:
            busy -= 1

    pool = Workers(work, range(20), 3, threading.Event())
    for _ in range(20):
        pool.next_result()
    pool.wind_up()
    assert most == 3


def test_winding_up_returns_what_was_finished(monkeypatch):
    monkeypatch.setattr(workers, "_LAST_WORDS", 1.0)
    stop = threading.Event()

    def work(job):
        if not stop.wait(0.2):
            return job
        raise Stopped

    pool = Workers(work, range(100), 2, stop)
    first = pool.next_result()
    begin = time.monotonic()
    rest = pool.wind_up()
    assert time.monotonic() - begin < 1.0
    assert {first, *rest} <= {0, 1, 2, 3}


def test_winding_up_does_not_wait_for_blocked_threads(monkeypatch):
    monkeypatch.setattr(workers, "_LAST_WORDS", 0.1)
    deaf = threading.Event()
    pool = Workers(lambda job: deaf.wait(10), range(2), 2, threading.Event())
    begin = time.monotonic()
    assert pool.wind_up() == []
    assert time.monotonic() - begin < 2
    deaf.set()
