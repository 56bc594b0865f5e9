"""Which exceptions of the nodes are the user's input, and what is said of them."""

from catalog.errors import CatalogError
from components.anomaly_gate.component import AnomalyError
from components.fits_example_gen.ingest import IngestError
from components.picture_gate.component import PictureError
from components.prediction_gen.compatibility import IncompatibleModelError
from pipeline.errors import InputError
from preprocessing.labels.reading import TableError
from preprocessing.storage_errors import StorageError
from trainer.callbacks import TrainingDiverged
from trainer.galaxies import TrainingDataError

# TrainingDiverged counts as bad input: its cause is the learning rate, the initial weights or the flux.
INPUT_ERRORS = (
    *(AnomalyError, IncompatibleModelError, IngestError, InputError, PictureError, TableError),
    *(CatalogError, StorageError, TrainingDataError, TrainingDiverged),
)


def cause_of(error: BaseException, kinds: tuple[type[BaseException], ...] = INPUT_ERRORS) -> BaseException:
    """Return the exception of one of some kinds that is the cause of what TFX or Beam raised.

    Parameters
    ----------
    error : BaseException
    kinds : tuple of type

    Returns
    -------
    BaseException
        `error` itself if there is none.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kinds):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def one_line(error: BaseException) -> str:
    """Return the message of an exception as one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 500 else text[:500] + " ..."
