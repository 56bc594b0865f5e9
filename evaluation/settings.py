"""Settings of the quality gate: the table ``[gate]`` of the configuration."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class GateSettings(BaseModel):
    """The `[gate]` table: what a model must reach on the test split to be published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_accuracy: Share = Field(0.95, description="minimum accuracy")
    min_auc: Share = Field(0.98, description="minimum area under the ROC curve")
    max_accuracy_drop: Share = Field(
        0.005, description="maximum by which the accuracy may be below that of the published model"
    )
    min_galaxies: int = Field(10, ge=1, description="minimum number of test galaxies of each class")
    by: Literal["value", "lower_bound"] = Field(
        "value", description="whether min_accuracy and min_auc bound the value or its 95 % interval"
    )
