"""The `[data]` and `[split]` tables of the configuration."""

import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from preprocessing.bands import band_name, in_order
from preprocessing.locations import uri_problem
from preprocessing.settings import FACTOR_RANGE, LARGEST_ZERO_POINT, Finite, PositiveFinite

TableFormat = Literal["auto", "csv", "ecsv", "fits", "votable", "parquet"]


class DataSettings(BaseModel):
    """The `[data]` table: where labels and stamps are, and which of them are used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: str = Field(
        min_length=1,
        description="table of labels: CSV, FITS, VOTable, ECSV or Parquet; like all files of this section a"
        " path, or a URI (s3://, gs://)",
    )
    table_format: TableFormat = Field("auto", description="file format of the tables; auto: by content")
    label_format: str = Field(
        "auto",
        description="simple: a column of words or codes; gz1, gz2: Galaxy Zoo vote fractions; gz2_class: the"
        " class string of Galaxy Zoo 2; auto: by the columns of the table",
    )
    vote_threshold: float = Field(
        0.8, gt=0.5, le=1.0, description="least vote fraction that gives a galaxy its class"
    )
    min_votes: int = Field(
        20, ge=0, description="least number of answers to a question for its votes to count (gz1, gz2)"
    )
    positions: str = Field(
        "", description="table of stamp names and positions, needed if the label table uses other names"
    )
    match_radius: float = Field(
        1.0, gt=0, le=60, description="largest distance between label and stamp [arcsec]"
    )
    exclude: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="table of galaxies to leave out, or a list of tables: CSV with the column name"
    )
    corrections: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="table of corrected labels, or a list of tables: CSV with the columns name and label"
    )
    stamps: str = Field(description="path of the stamps, with {name} and {band}; of cubes, with {name}")
    cube_bands: tuple[str, ...] = Field(
        (), description="bands of a cube's planes, first plane first; empty: one file per band"
    )
    bands: tuple[str, ...] = Field((), description="bands kept in the Examples; empty: those of [image] rgb")
    stamp_size: int = Field(0, ge=0, le=2048, description="side kept of each stamp [pixels]; 0: [image] cut")
    background: Literal["none", "sigma_clip"] = Field(
        "none", description="sigma_clip: subtract the sigma-clipped median of each whole stamp"
    )
    zero_points: Literal["none", "header"] | dict[str, Finite] = Field(
        "none",
        description="magnitude of flux 1 in each band; header: read it from the FITS header; none: do not"
        " scale the flux",
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
        0.25, gt=0, le=0.5, description="largest distance of object and centre [fraction of the kept side]"
    )
    duplicate_radius: float = Field(
        1.0,
        ge=0,
        le=60,
        description="objects closer than this are one galaxy [arcsec]; 0: compare names only",
    )

    @property
    def flux(self) -> dict[str, Any]:
        """The keys that define the flux units; they must be the same in training and in use of the model."""
        keys = {"background", "zero_points", "reference_zero_point", "flux_factors"}
        return self.model_dump(mode="json", include=keys)

    @property
    def limits(self) -> dict[str, Any]:
        """What decides whether a stamp can be classified, for the published model."""
        return {
            **self.model_dump(
                mode="json", include={"max_blank", "max_saturated", "max_offset", "cube_bands"}
            ),
            "cubes": bool(self.cube_bands),
        }

    def with_resolved(self, bands: Sequence[str], side: int) -> "DataSettings":
        """Return the settings with the bands and the side that are kept, filled in where they were open."""
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

    @field_validator("labels", "positions", "stamps", "exclude", "corrections")
    @classmethod
    def _usable_uris(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            if problem := uri_problem(text):
                raise ValueError(problem)
        return value

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
                raise ValueError(
                    f"{band} = {number:g} is not a zero point, which is a magnitude from {limit}"
                )
        return numbers

    @field_validator("flux_factors")
    @classmethod
    def _possible_factors(cls, numbers: dict[str, float]) -> dict[str, float]:
        least, most = FACTOR_RANGE
        for band, number in numbers.items():
            if not least <= number <= most:
                raise ValueError(f"{band} = {number:g} is outside the range {least:g} to {most:g}")
        return numbers

    @model_validator(mode="after")
    def _template(self) -> "DataSettings":
        if "{name}" not in self.stamps:
            raise ValueError(f"stamps = {self.stamps!r} does not contain {{name}}")
        if self.cube_bands and "{band}" in self.stamps:
            raise ValueError(
                f"stamps = {self.stamps!r} contains {{band}}, but cube_bands is set: one file holds all bands"
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
    """The `[split]` table: how the labelled galaxies are divided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: float = Field(0.7, gt=0, lt=1, description="share of the labelled galaxies in the training split")
    val: float = Field(0.2, gt=0, lt=1, description="share in the validation split (early stopping)")
    test: float = Field(0.1, gt=0, lt=1, description="share in the test split, by which the gate judges")
    folds: int = Field(5, ge=2, le=100, description="number of cross-validation folds")
    balance: bool = Field(
        True, description="move the surplus of the larger class to the holdout split, to balance the classes"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="random seed of the division")

    @model_validator(mode="after")
    def _whole(self) -> "SplitSettings":
        total = self.train + self.val + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"train + val + test is {total:g}, must be 1")
        return self


def ingest_parameter(data: DataSettings, split: SplitSettings, bands: Sequence[str], side: int) -> str:
    """Return what the ingest depends on, as JSON; equal settings give equal text.

    Parameters
    ----------
    data : DataSettings
    split : SplitSettings
    bands : sequence of str
        Bands kept in the Examples.
    side : int
        Side of the square kept of each stamp [pixels].

    Returns
    -------
    str
        Parameter ``settings`` of FitsExampleGen.
    """
    tables = {"data": data.model_dump(mode="json"), "split": split.model_dump(mode="json")}
    return json.dumps({**tables, "bands": list(bands), "side": side}, sort_keys=True)
