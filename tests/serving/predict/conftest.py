"""A small survey, a tiny published model, and servers that act as TF Serving does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_serving import FakeModel, brightness
from predicted_survey import DESCRIPTION, NAMES, SIDE, TRAINING

from preprocessing.settings import ImageSettings


@pytest.fixture
def template(tmp_path: Path, write_stamp: Callable[..., Path]) -> str:
    """Stamps of ten galaxies of different brightness."""
    random = np.random.default_rng(5)
    for number, name in enumerate(NAMES):
        for band in "IRG":
            write_stamp(name, band, random.uniform(0, 1 + number, (20, 22)).astype("f4"))
    return f"{tmp_path}/{{band}}_stamps/{{name}}_{{band}}.fits"


@pytest.fixture
def fake() -> FakeModel:
    return FakeModel(brightness, description=DESCRIPTION)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy, and no token of the environment."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.delenv("GALMORPH_TOKEN", raising=False)
    yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of published versions with one tiny model, which knows nothing but answers."""
    from preprocessing.data_settings import DataSettings
    from trainer.model import build_classifier
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model

    folder = tmp_path_factory.mktemp("models")
    data = DataSettings(labels="-", stamps="{name}{band}", flux_factors={"R": 1.5})
    settings: Any = {"flux": data.flux, "limits": data.limits, "metadata": TRAINING.entry()}
    model = build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=1)
    image = ImageSettings(cut=SIDE, size=32)
    export_model([model], folder / "4", image=image, uncertain=(0.25, 0.75), **settings)
    return folder
