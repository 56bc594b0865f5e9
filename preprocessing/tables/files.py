"""Open a table file of any supported format, and read chosen columns."""

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches

from preprocessing.locations import Location, Remote
from preprocessing.paths import unreadable_file
from preprocessing.storage_errors import ObjectUnavailable, StorageError
from preprocessing.tables.columns import Columns, EmptyTableError, TableError
from preprocessing.tables.formats import READERS, open_file, table_format_of

# Warnings of astropy about changed values: W46, W47, W51 and others of VOTables, overflow of numbers.
_LOSS = re.compile(
    r"W46|W51|too long|out of range|overflow(?!.*reverting)|clip|precision|lossy|cannot represent",
    re.IGNORECASE,
)

__all__ = ["Columns", "EmptyTableError", "TableError", "TableFile"]


class TableFile:
    """An open table file; a context manager that closes it.

    Columns are addressed by their names in lower case, because surveys differ in the case of their names.

    Parameters
    ----------
    path : Path or Remote
        An object of a store is copied to a temporary file.
    table_format : str
        ``csv``, ``ecsv``, ``fits``, ``votable``, ``parquet``; or ``auto``, by the content of the file, not by
        its name. Any of them may be compressed with gzip.

    Attributes
    ----------
    path : Path or Remote
    table_format : str
    names : list of str
        All columns, as spelled in the file.

    Raises
    ------
    TableError
        If the file cannot be used; also raised by every method.
    """

    def __init__(self, path: Location, table_format: str = "auto") -> None:
        self.path = path
        if not isinstance(path, Remote) and (problem := unreadable_file(path)):
            raise TableError(f"{path} {problem}")
        with ExitStack() as on_failure:
            with _one_sentence(path):
                self._stream = on_failure.enter_context(open_file(path))
                self.table_format = table_format_of(self._stream) if table_format == "auto" else table_format
                self._reader = READERS[self.table_format](self._stream)
            self.names = self._reader.names
            for name, count in Counter(filter(None, self.names)).items():
                if count > 1:
                    raise TableError(f"{path} has {count} columns of the name {name!r}")
            on_failure.pop_all()

    def __enter__(self) -> "TableFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    @property
    def hint(self) -> str:
        """Possible reason why a column is missing, as the end of a sentence; usually empty."""
        return getattr(self._reader, "hint", "")

    def find(self, candidates: Sequence[str]) -> str | None:
        """Return the first of the names (in lower case) that the table has."""
        names = {name.lower() for name in self.names}
        return next((name for name in candidates if name in names), None)

    def missing(self, names: Sequence[str], needed_by: str) -> str:
        """Return a message about the first column that the table lacks; empty if it has them all."""
        for name in names:
            if self.find([name]) is None:
                near = get_close_matches(name, [known.lower() for known in self.names], n=1)
                hint = f"; the nearest is {self._spelling(near[0])!r}" if near else ""
                return f"{self.path} has no column {name!r}, which {needed_by} needs{hint}{self.hint}"
        return ""

    def read(self, texts: Collection[str | None], values: Collection[str | None]) -> Columns:
        """Read columns.

        Parameters
        ----------
        texts : collection of str or None
            Columns to read as texts, exactly as in the file. None is ignored.
        values : collection of str or None
            Columns to read as numbers.

        Returns
        -------
        Columns
        """
        numbers = {name: self._number(name) for name in (*texts, *values) if name is not None}
        with _one_sentence(self.path):
            wanted = [numbers[name] for name in texts if name is not None]
            cells = self._reader.read(wanted, [numbers[name] for name in values if name is not None])
        rows = {len(column) for column in cells.values()}
        if rows in (set(), {0}):
            raise EmptyTableError(f"{self.path} has no rows")
        units = {name: self._reader.units[number] for name, number in numbers.items()}
        return Columns(
            self.path, rows.pop(), {name: cells[number] for name, number in numbers.items()}, units
        )

    def _number(self, name: str) -> int:
        numbers = [number for number, known in enumerate(self.names) if known.lower() == name]
        if len(numbers) > 1:
            spellings = " and ".join(repr(self.names[number]) for number in numbers)
            raise TableError(f"{self.path} has the columns {spellings}: it is not clear which to use")
        return numbers[0]

    def _spelling(self, name: str) -> str:
        return next(known for known in self.names if known.lower() == name)


@contextmanager
def _one_sentence(path: Location) -> Iterator[None]:
    """Turn any exception into a `TableError` of one sentence: damaged files raise all kinds of exceptions."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for warning in caught:
            if _LOSS.search(str(warning.message)):
                raise ValueError(" ".join(str(warning.message).split()))
    except TableError:
        raise
    except StorageError as error:
        raise TableError(str(error)) from error
    except FileNotFoundError as error:
        raise TableError(f"{path} does not exist") from error
    except ObjectUnavailable as error:
        raise TableError(f"{path} cannot be read: {error}") from error
    except Exception as error:
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise TableError(f"{path} is not readable as a table: {detail}") from error
