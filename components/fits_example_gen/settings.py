"""The `[data]` and `[split]` tables of the configuration."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from preprocessing.bands import band_name


class DataSettings(BaseModel):
    """Where labels and stamps are, and what is asked of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: str = Field(description="table of labels: CSV, FITS, VOTable, ECSV or Parquet")
    label_format: Literal["auto", "simple", "gz2"] = Field(
        "auto", description="simple: a column of words or codes; gz2: Galaxy Zoo 2 vote fractions"
    )
    stamps: str = Field(description="path of a stamp, with {name} and {band}")
    vote_threshold: float = Field(0.8, gt=0.5, le=1.0, description="vote fraction from which a class is sure")
    bands: tuple[str, ...] = Field((), description="bands kept in the Examples; empty: those of [image] rgb")
    stamp_size: int = Field(0, ge=0, le=2048, description="side kept of each stamp [pixels]; 0: [image] cut")
    max_blank: float = Field(0.2, ge=0, lt=1, description="largest fraction of blank pixels accepted")
    duplicate_radius: float = Field(
        1.0, ge=0, le=60, description="objects closer than this are one galaxy [arcsec]; 0: do not look"
    )

    @field_validator("bands")
    @classmethod
    def _known_bands(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(band_name(band) for band in bands)
        if len(set(names)) != len(names):
            raise ValueError(f"{list(bands)} names a band twice")
        return names

    @field_validator("stamps")
    @classmethod
    def _template(cls, stamps: str) -> str:
        for part in ("{name}", "{band}"):
            if part not in stamps:
                raise ValueError(f"{stamps!r} does not contain {part}")
        return stamps


class SplitSettings(BaseModel):
    """How the labelled galaxies are divided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: float = Field(0.7, gt=0, lt=1, description="share of the labelled galaxies that train")
    val: float = Field(0.2, gt=0, lt=1, description="share that stops the training")
    test: float = Field(0.1, gt=0, lt=1, description="share that the gate judges by")
    folds: int = Field(5, ge=2, le=100, description="folds of the cross-validation")
    balance: bool = Field(True, description="set the surplus of the larger class aside (split `holdout`)")
    seed: int = Field(0, ge=0, lt=2**63, description="another seed, another division")

    @model_validator(mode="after")
    def _whole(self) -> "SplitSettings":
        total = self.train + self.val + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"train + val + test is {total:g}, must be 1")
        return self
