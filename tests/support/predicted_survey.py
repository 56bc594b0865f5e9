"""Names and model of the survey that the tests of `galmorph predict` classify."""

from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.data_settings import DataSettings
from preprocessing.settings import ImageSettings

SIDE = 16
NAMES = [f"g{number:02}" for number in range(10)]
TRAINING = TrainingRanges(300, None, None, (20, 22))
DATA = DataSettings(labels="-", stamps="{name}{band}")
DESCRIPTION = {
    "image": ImageSettings(cut=SIDE, size=16).model_dump(mode="json"),
    "bands": ["I", "R", "G"],
    "uncertain": [0.25, 0.75],
    "flux": DATA.flux,
    "limits": DATA.limits,
    **TRAINING.entry(),
}
