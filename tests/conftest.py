"""What several tests share: real data where it is there, small surveys, quick configurations."""

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from built_wheel import installed_galmorph, wheel  # noqa: F401  # fixtures
from hypothesis import settings
from in_process import galmorph_here  # noqa: F401  # fixture
from interrupts import heed_interrupts
from object_store import _server, object_store  # noqa: F401  # fixtures

from preprocessing.garbage import collect_less_often

collect_less_often()
heed_interrupts()

# Time is not asserted: a busy machine would fail tests by chance.
settings.register_profile("galmorph", deadline=None)
settings.load_profile("galmorph")

PROJECT = Path(__file__).resolve().parent.parent
REAL_DATA = PROJECT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow tests first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Undo what a test does to the root logger.

    A command run in this process sets its own handler, on a stream that pytest closes after the test; what a
    later test logs would end as an error on that one's standard error.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Free what the tests of a file have left, and keep the rest out of all further searches for garbage.

    TensorFlow keeps the graphs that it has traced. Searches among them took a seventh of the time of tests.
    """
    yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real galaxies and awkward files; tests that need it are skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real data is not at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture
def write_stamp(tmp_path: Path) -> Callable[..., Path]:
    """Write a FITS stamp under the test's folder and return its path."""

    def write(name: str, band: str, image: np.ndarray, **header: object) -> Path:
        path = tmp_path / f"{band}_stamps" / f"{name}_{band}.fits"
        path.parent.mkdir(exist_ok=True)
        fits.PrimaryHDU(image, fits.Header(header)).writeto(path, overwrite=True)
        return path

    return write
