"""Settings of the quality gate: the table ``[gate]`` of the configuration."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class GateSettings(BaseModel):
    """The `[gate]` table: what a model must reach on the test split to be published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_accuracy: Share = Field(0.95, description="least accuracy")
    min_auc: Share = Field(0.98, description="least area under the ROC curve")
    max_accuracy_drop: Share = Field(
        0.005, description="how far accuracy may lie below the published model's"
    )
    min_galaxies: int = Field(10, ge=1, description="least number of test galaxies of each class")
    by: Literal["value", "lower_bound"] = Field(
        "value", description="whether min_accuracy and min_auc bound the value or its 95 % interval"
    )
