"""The `[data]` and `[split]` tables of the configuration."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from preprocessing.bands import band_name, in_order
from preprocessing.settings import FACTOR_RANGE, LARGEST_ZERO_POINT, Finite, PositiveFinite

TableFormat = Literal["auto", "csv", "ecsv", "fits", "votable", "parquet"]


class DataSettings(BaseModel):
    """Where labels and stamps are, and what is asked of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: str = Field(min_length=1, description="table of labels: CSV, FITS, VOTable, ECSV or Parquet")
    table_format: TableFormat = Field("auto", description="file format of the tables; auto: by content")
    label_format: str = Field(
        "auto",
        description="simple: a column of words or codes; gz1, gz2: Galaxy Zoo vote fractions; gz2_class: the"
        " string of Galaxy Zoo 2; auto: by the columns",
    )
    vote_threshold: float = Field(0.8, gt=0.5, le=1.0, description="vote fraction from which a class is sure")
    min_votes: int = Field(20, ge=0, description="fewest answers to a question that make it count (gz1, gz2)")
    positions: str = Field(
        "", description="table of stamp names and positions, where the label table has other names"
    )
    match_radius: float = Field(
        1.0, gt=0, le=60, description="largest distance between label and stamp [arcsec]"
    )
    exclude: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="a table of galaxies to leave out, or several: CSV with a column name"
    )
    corrections: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="a table of corrected labels, or several: CSV with the columns name and label"
    )
    stamps: str = Field(description="path of a stamp, with {name} and {band}; of a cube, with {name}")
    cube_bands: tuple[str, ...] = Field(
        (), description="bands of a cube's planes, first plane first; empty: one file per band"
    )
    bands: tuple[str, ...] = Field((), description="bands kept in the Examples; empty: those of [image] rgb")
    stamp_size: int = Field(0, ge=0, le=2048, description="side kept of each stamp [pixels]; 0: [image] cut")
    background: Literal["none", "sigma_clip"] = Field(
        "none", description="sigma_clip: subtract the sigma-clipped median of each whole stamp"
    )
    zero_points: Literal["none", "header"] | dict[str, Finite] = Field(
        "none", description="magnitude of flux 1 in each band, or where to find it; none: flux as it is"
    )
    reference_zero_point: Finite = Field(
        22.5,
        ge=-LARGEST_ZERO_POINT,
        le=LARGEST_ZERO_POINT,
        description="magnitude of flux 1 after scaling by zero points; 22.5: nanomaggies",
    )
    flux_factors: dict[str, PositiveFinite] = Field(
        {}, description="factor by which the flux of a band is multiplied"
    )
    max_blank: float = Field(0.2, ge=0, lt=1, description="largest fraction of blank pixels accepted")
    max_saturated: float = Field(
        0.05, ge=0, le=1, description="largest fraction of saturated pixels accepted"
    )
    max_offset: float = Field(
        0.25, gt=0, le=0.5, description="largest distance of object and centre [side of the kept square]"
    )
    duplicate_radius: float = Field(
        1.0, ge=0, le=60, description="objects closer than this are one galaxy [arcsec]; 0: do not look"
    )

    @property
    def flux(self) -> dict[str, Any]:
        """How numbers become flux: what whoever asks the model for an answer must do, too."""
        keys = {"background", "zero_points", "reference_zero_point", "flux_factors"}
        return self.model_dump(mode="json", include=keys)

    def with_resolved(self, bands: Sequence[str], side: int) -> "DataSettings":
        """Return the settings with the bands and the side that are kept, however they were asked for."""
        return self.model_copy(update={"bands": tuple(bands), "stamp_size": side})

    @field_validator("exclude", "corrections")
    @classmethod
    def _sorted(cls, tables: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(tables)))

    @field_validator("exclude", "corrections", mode="before")
    @classmethod
    def _one_or_several(cls, tables: Any) -> Any:
        if isinstance(tables, str):
            return (tables,) if tables else ()
        return tuple(tables) if isinstance(tables, list) else tables

    @field_validator("bands", "cube_bands")
    @classmethod
    def _known_bands(cls, bands: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = tuple(band_name(band) for band in bands)
        if len(set(names)) != len(names):
            raise ValueError(f"{list(bands)} names a band twice")
        # The planes of a cube have an order; bands to keep have none.
        return names if info.field_name == "cube_bands" else in_order(names)

    @field_validator("zero_points", "flux_factors")
    @classmethod
    def _by_band(cls, numbers: str | dict[str, float], info: ValidationInfo) -> str | dict[str, float]:
        if isinstance(numbers, str):
            return numbers
        named = {band_name(band): number for band, number in numbers.items()}
        if len(named) != len(numbers):
            raise ValueError(f"{list(numbers)} names a band twice")
        idle = 1.0 if info.field_name == "flux_factors" else None
        return {band: named[band] for band in in_order(named) if named[band] != idle}

    @field_validator("zero_points")
    @classmethod
    def _possible_zero_points(cls, numbers: str | dict[str, float]) -> str | dict[str, float]:
        for band, number in numbers.items() if isinstance(numbers, dict) else ():
            if abs(number) > LARGEST_ZERO_POINT:
                limit = f"{-LARGEST_ZERO_POINT:g} to {LARGEST_ZERO_POINT:g}"
                raise ValueError(f"{band} = {number:g} is no zero point, which is a magnitude from {limit}")
        return numbers

    @field_validator("flux_factors")
    @classmethod
    def _possible_factors(cls, numbers: dict[str, float]) -> dict[str, float]:
        least, most = FACTOR_RANGE
        for band, number in numbers.items():
            if not least <= number <= most:
                raise ValueError(f"{band} = {number:g} is out of range, which is {least:g} to {most:g}")
        return numbers

    @model_validator(mode="after")
    def _template(self) -> "DataSettings":
        if "{name}" not in self.stamps:
            raise ValueError(f"stamps = {self.stamps!r} does not contain {{name}}")
        if self.cube_bands and "{band}" in self.stamps:
            raise ValueError(
                f"stamps = {self.stamps!r} contains {{band}}, but cube_bands is set: one file has all"
            )
        if not self.cube_bands and "{band}" not in self.stamps:
            raise ValueError(
                f"stamps = {self.stamps!r} does not contain {{band}}; for one cube per object set cube_bands"
            )
        missing = [band for band in self.bands if self.cube_bands and band not in self.cube_bands]
        if missing:
            raise ValueError(f"cube_bands lacks {missing[0]}, which bands asks for")
        return self


class SplitSettings(BaseModel):
    """How the labelled galaxies are divided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: float = Field(0.7, gt=0, lt=1, description="share of the labelled galaxies that train")
    val: float = Field(0.2, gt=0, lt=1, description="share that stops the training")
    test: float = Field(0.1, gt=0, lt=1, description="share that the gate judges by")
    folds: int = Field(5, ge=2, le=100, description="folds of the cross-validation")
    balance: bool = Field(True, description="leave out the surplus of the larger class (split `holdout`)")
    seed: int = Field(0, ge=0, lt=2**63, description="another seed, another division")

    @model_validator(mode="after")
    def _whole(self) -> "SplitSettings":
        total = self.train + self.val + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"train + val + test is {total:g}, must be 1")
        return self
