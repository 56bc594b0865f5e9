"""The `[serving]` table of the configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ServingSettings(BaseModel):
    """The `[serving]` table: how the exported model works, and how it is tried before it is published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunk: int = Field(
        0,
        ge=0,
        le=4096,
        description="pictures that go through the exported network at once, which bounds its memory; 0: by"
        " the size of the network's feature maps. A GPU is faster with 512 if they fit",
    )
    validator: Literal["process", "docker", "none"] = Field(
        "process",
        description="process: a clean process with TensorFlow alone, or tensorflow_model_server if there is"
        " one; docker: TFX's InfraValidator with TF Serving's image; none: not at all",
    )
    timeout: int = Field(
        300, ge=1, le=86400, description="seconds for the model to load, and for the answer to each request"
    )
    image_tag: str = Field(
        "2.20.0", pattern=r"^[\w][\w.-]{0,127}$", description="tag of tensorflow/serving, for docker"
    )
