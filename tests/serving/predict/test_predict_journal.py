"""The journal on a disk that takes no more."""

import resource
from contextlib import contextmanager

import pytest

from serving.predict.errors import PredictError
from serving.predict.journal import Journal
from serving.predict.outcomes import Reject

SUBJECT = {"model": "m"}
OUTCOMES = [Reject(f"g{number}_I.fits", "missing_file", "no such file") for number in range(20)]


@contextmanager
def files_of_at_most(count):
    """Let no file of this process grow beyond a number of bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_of_one_line_and_keeps_what_is_done(tmp_path):
    path = tmp_path / "a.partial"
    journal = Journal(path, SUBJECT)
    journal.append(OUTCOMES[:1])
    with files_of_at_most(path.stat().st_size + 100):
        with pytest.raises(PredictError, match="cannot be written"):
            journal.append(OUTCOMES[1:])
        journal.close()
    journal = Journal(path, SUBJECT)
    assert 1 <= journal.done < len(OUTCOMES)
    assert list(journal.outcomes()) == OUTCOMES[: journal.done]
    journal.close()


def test_a_disk_that_is_full_from_the_beginning_is_an_error_of_one_line(tmp_path):
    with files_of_at_most(5), pytest.raises(PredictError, match="cannot be written"):
        Journal(tmp_path / "a.partial", SUBJECT)
