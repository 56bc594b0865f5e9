"""What must be known of a model to read stamps for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.formats.catalogue import Flag
from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.bands import band_name
from preprocessing.data_settings import DataSettings
from preprocessing.flux_scale import FluxScale
from preprocessing.settings import ImageSettings
from preprocessing.stamps import StampReader
from serving.predict.errors import PredictError, one_line

_ANY = DataSettings(labels="-", stamps="{name}{band}")


@dataclass(frozen=True)
class Description:
    """How stamps become the flux that a model takes.

    Attributes
    ----------
    bands : tuple of str
        Red first.
    side : int
        Side of the cut [pixels].
    flux, limits : mapping
        `DataSettings.flux` and `DataSettings.limits` of the training stamps.
    assumed : tuple of str
        Which of ``flux`` and ``limits`` the model does not record, so that the defaults are taken.
    training : TrainingRanges or None
        Of the training galaxies; None if the model does not record them.
    """

    bands: tuple[str, ...]
    side: int
    flux: Mapping[str, Any]
    limits: Mapping[str, Any]
    assumed: tuple[str, ...]
    training: TrainingRanges | None = None

    @classmethod
    def of(cls, content: Mapping[str, Any], source: str) -> "Description":
        """Take the description from ``galmorph.json``.

        Parameters
        ----------
        content : mapping
        source : str
            Where it comes from, for messages.

        Raises
        ------
        PredictError
            If an entry is missing or invalid.
        """
        try:
            image = ImageSettings(**content["image"])
            bands = tuple(band_name(band) for band in content["bands"])
            if bands != image.bands:
                raise ValueError(f"bands {bands} are not those of its image, {image.bands}")
            parts = {"flux": _ANY.flux, "limits": _ANY.limits}
            assumed = tuple(name for name in parts if name not in content)
            for name in parts:
                parts[name] |= content.get(name) or {}
            # The model's own limits may be 1, which the configuration does not allow.
            DataSettings(labels="-", stamps="{name}{band}", **parts["flux"])
            parts["limits"]["cube_bands"] = [band_name(band) for band in parts["limits"]["cube_bands"]]
            training = TrainingRanges.read(content)
            return cls(bands, image.cut, parts["flux"], parts["limits"], assumed, training)
        except (KeyError, TypeError, ValueError) as error:
            cause = one_line(f"{type(error).__name__}: {error}")
            raise PredictError(f"{source} does not describe a model of galmorph: {cause}") from error

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what the model does not record."""
        found: tuple[str, ...] = ()
        if self.assumed:
            found += (
                f"the model does not record {' and '.join(self.assumed)} of its training stamps; the defaults"
                " of [data] are taken",
            )
        if self.training is None:
            found += (
                "the model does not record the range of its training galaxies, so that no object is flagged"
                f" as outside of it ({int(Flag.OUTSIDE)})",
            )
        return found

    def planes_of_cubes(self, given: Sequence[str], *, one_file_per_band: bool) -> tuple[str, ...]:
        """Return the bands of the planes of cubes.

        Parameters
        ----------
        given : sequence of str
            What the user says of them; may be empty. Cubes may have other planes than the training cubes.
        one_file_per_band : bool
            Whether the paths of the stamps hold a band, so that there are no cubes.

        Returns
        -------
        tuple of str
            First plane first; empty if each band has a file.

        Raises
        ------
        PredictError
            If they are needed.
        """
        known = tuple(self.limits["cube_bands"])
        if given or one_file_per_band:
            return tuple(given)
        if self.limits["cubes"] and not known:
            raise PredictError(
                "the model was trained on cubes; name the bands of their planes by --cube-bands, first plane"
                " first"
            )
        return known

    def reader(self, template: str, cube_bands: Sequence[str] = ()) -> StampReader:
        """Return the reader of the stamps; raise `PredictError` if the cubes lack a band."""
        if missing := [band for band in self.bands if cube_bands and band not in cube_bands]:
            raise PredictError(f"--cube-bands lacks {missing[0]}, which the model needs")
        return StampReader(
            template=template,
            bands=self.bands,
            side=self.side,
            cube_bands=tuple(cube_bands),
            flux_scale=FluxScale.of(self.flux),
            max_blank=self.limits["max_blank"],
            max_saturated=self.limits["max_saturated"],
            max_offset=self.limits["max_offset"],
        )
