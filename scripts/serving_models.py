"""Export models and their answers, for `scripts/check_serving.sh`.

    python scripts/serving_models.py FOLDER

Writes for each model ``FOLDER/NAME/model`` and ``FOLDER/NAME/answers.npz``: the inputs of each signature and
what this environment's TensorFlow answers. The models are a real backbone and a mean over folds and
symmetries with temperature scaling; their weights are random.
"""

import io
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits

from preprocessing.settings import ImageSettings
from trainer.model import build_classifier
from trainer.settings import ModelSettings
from trainer.signatures import export_model

GALAXIES, SIDE = 70, 72
IMAGE = ImageSettings(cut=64, size=48)
LIMITS = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": False}
RULES = {
    "background": "sigma_clip",
    "zero_points": "header",
    "reference_zero_point": 22.5,
    "flux_factors": {"R": 1.5},
}


def galaxies(seed: int) -> np.ndarray:
    """Return noisy flux (GALAXIES, SIDE, SIDE, 3); one galaxy has blank pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    widths = random.uniform(3, 15, (GALAXIES, 1, 1, 1)) ** 2
    flux = np.exp(-(x**2 + y**2)[..., None] / widths) * random.uniform(1, 50, (GALAXIES, 1, 1, 3))
    flux = (flux + random.normal(0, 0.3, flux.shape)).astype("f4")
    flux[3, :, :12] = np.nan
    return flux


def files_of(flux: np.ndarray) -> list[list[bytes]]:
    """Return the FITS files of galaxies, of several number types."""
    rows = []
    for number, galaxy in enumerate(flux):
        row = []
        for plane in np.moveaxis(galaxy, -1, 0):
            whole = number % 3 == 1 and np.isfinite(plane).all()
            pixels = (
                np.round(plane * 100).astype(">i4") if whole else plane.astype((">f4", ">f8")[number % 2])
            )
            file = io.BytesIO()
            fits.PrimaryHDU(pixels, fits.Header({"MAGZERO": 22.5 + number % 4})).writeto(file)
            row.append(file.getvalue())
        rows.append(row)
    return rows


def examples_of(flux: np.ndarray) -> list[bytes]:
    """Return serialized Examples as the ingest writes them."""
    records = []
    for galaxy in flux:
        example = tf.train.Example()
        for place, band in enumerate(IMAGE.bands):
            plane = np.ascontiguousarray(galaxy[..., place], "<f4")
            example.features.feature[f"flux_{band}"].bytes_list.value.append(plane.tobytes())
        records.append(example.SerializeToString())
    return records


def main() -> None:
    """Write the models and their answers."""
    folder = Path(sys.argv[1])
    lite = build_classifier(
        ModelSettings(backbone="EfficientNetLite0", weights="none"), image_size=48, seed=0
    )
    tiny = [
        build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=48, seed=seed)
        for seed in (1, 2)
    ]
    for seed, (name, models, views, temperature) in enumerate(
        (("lite", [lite], 1, None), ("mean", tiny, 8, 1.7))
    ):
        path, flux = folder / name / "model", galaxies(seed)
        flux[5] = 2.5
        export_model(
            models,
            path,
            image=IMAGE,
            uncertain=(0.25, 0.75),
            flux=RULES if seed else None,
            limits=LIMITS,
            views=views,
            temperature=temperature,
        )
        signatures = tf.saved_model.load(str(path)).signatures
        shown = np.delete(flux, 5, axis=0)  # a stamp of one value is a reject
        inputs = {
            "classify_flux": ("flux", flux),
            "describe_flux": ("flux", flux),
            "serving_default": ("examples", np.array(examples_of(flux), object)),
            "classify_fits": ("fits", np.array(files_of(shown), object)),
        }
        stored = {}
        for signature, (argument, values) in inputs.items():
            answer = signatures[signature](**{argument: tf.constant(values)})
            stored[f"{signature}/{argument}"] = values
            stored |= {f"{signature}/answer/{key}": value.numpy() for key, value in answer.items()}
        np.savez(folder / name / "answers.npz", **stored, allow_pickle=True)


if __name__ == "__main__":
    main()
