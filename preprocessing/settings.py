"""The `[image]` table of the configuration: how pictures are made. Limits that several settings share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from preprocessing.bands import rgb_bands, rgb_title

PositiveFinite = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

LARGEST_ZERO_POINT = 60.0
"""Largest absolute zero point that is accepted [mag]: -48.6 is that of erg/s/cm2/Hz, 0 that of maggies."""

FACTOR_RANGE = (1e-30, 1e30)
"""Range of the factors by which flux may be multiplied, limited by single precision."""

MAX_SIDE = 8192
"""Longest side of an image that is read [pixels]."""

STRETCH_FACTORS = (1 / 3, 1.0, 10 / 3, 10.0)
"""Multiples of the configured stretch in which galaxies are shown: 1, 3, 10 and 30 around the default 3."""


class ImageSettings(BaseModel):
    """How three planes of flux become one colour picture.

    The colours follow Lupton et al. (2004, PASP 116, 133) as in `astropy.visualization.make_lupton_rgb`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rgb: str | tuple[str, str, str] = Field("IRG", description="preset or three bands, red first")
    cut: int = Field(
        128, ge=8, le=2048, description="side of the square cut from the stamp's centre [pixels]"
    )
    size: int = Field(128, ge=16, le=1024, description="side of the picture given to the network [pixels]")
    stretch: PositiveFinite = Field(3.0, description="linear stretch [flux units of the stamps]")
    q: float = Field(8.0, ge=0, le=1e10, description="asinh softening")
    minimum: Finite | tuple[Finite, Finite, Finite] = Field(
        0.0, description="flux that is black, for all bands or one for each, red first [flux units]"
    )

    @field_validator("rgb")
    @classmethod
    def _known_bands(cls, rgb: str | tuple[str, str, str]) -> str | tuple[str, str, str]:
        # One spelling, so that settings of the same meaning are a cache hit.
        return rgb_title(rgb)

    @field_validator("minimum")
    @classmethod
    def _one_if_equal(cls, minimum: float | tuple[float, float, float]) -> float | tuple[float, float, float]:
        red, green, blue = (
            level + 0.0 for level in (minimum if isinstance(minimum, tuple) else (minimum,) * 3)
        )
        return red if red == green == blue else (red, green, blue)

    @property
    def bands(self) -> tuple[str, str, str]:
        """The three bands, red first."""
        return rgb_bands(self.rgb)

    @property
    def minima(self) -> tuple[float, float, float]:
        """The black level of each band, red first [flux units]."""
        return self.minimum if isinstance(self.minimum, tuple) else (self.minimum,) * 3
