"""What must be known of a model to read stamps for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """

    bands: tuple[str, ...]
    side: int
    flux: Mapping[str, Any]
    limits: Mapping[str, Any]
    assumed: tuple[str, ...]

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
            return cls(bands, image.cut, parts["flux"], parts["limits"], assumed)
        except (KeyError, TypeError, ValueError) as error:
            cause = one_line(f"{type(error).__name__}: {error}")
            raise PredictError(f"{source} does not describe a model of galmorph: {cause}") from error

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
        )
