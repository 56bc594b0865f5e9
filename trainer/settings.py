"""The tables `[model]`, `[train]` and `[cross_validation]`: every value, its bounds and its default.

This module does not import TensorFlow, so that the command line checks a configuration quickly. The defaults
are for EfficientNetB7 and follow the published method: ImageNet weights, a simple classifier head trained
first, then the whole network, five folds. ``configs/`` holds measured values for smaller networks.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trainer.backbones.names import backbone_facts

Augmentation = Literal["flips", "rotations", "zoom", "shifts"]

FineTuneFrom = Literal["stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7"]

AUGMENTATIONS: tuple[Augmentation, ...] = ("flips", "rotations", "zoom", "shifts")
"""Ways to vary a training picture; ``flips`` are the eight exact symmetries of the square."""


class ModelSettings(BaseModel):
    """The network: `[model]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: str = Field(
        "EfficientNetB7",
        description="The network under the classifier head: EfficientNetB0 .. B7, EfficientNetLite0 .. "
        "Lite2; TinyConv for smoke runs only.",
    )
    weights: str = Field(
        "imagenet",
        min_length=1,
        description='Initial weights of the network: "imagenet", "none" (random), or the path of a file '
        "of weights (.h5, .weights.h5, .keras; .pth for EfficientNetLite).",
    )
    weights_sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="Expected SHA-256 of the file of weights; only with a path.",
    )
    dropout: float = Field(
        0.3, ge=0.0, lt=1.0, description="Share of features dropped before the last layer."
    )
    stochastic_depth: float = Field(
        0.2,
        ge=0.0,
        lt=1.0,
        description="Probability that the last block is skipped in training; earlier ones less.",
    )
    dihedral_average: bool = Field(
        False,
        description="Whether the exported model averages its probability over the eight symmetries of each "
        "picture, which takes eight times as long.",
    )
    calibration: Literal["none", "temperature"] = Field(
        "none",
        description='"temperature": temperature scaling of the exported model\'s probability, fitted on '
        "held-out galaxies.",
    )

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, name: str) -> str:
        return backbone_facts(name).name

    @property
    def views(self) -> int:
        """Symmetries of a picture that the exported model averages over."""
        return 8 if self.dihedral_average else 1

    @field_validator("weights_sha256")
    @classmethod
    def _lower_case(cls, digest: str | None) -> str | None:
        return digest.lower() if digest else digest

    @model_validator(mode="after")
    def _weights_fit_backbone(self) -> Self:
        if self.weights == "imagenet" and not backbone_facts(self.backbone).pretrainable:
            raise ValueError(f'{self.backbone} has no ImageNet weights: set weights = "none"')
        if self.weights_sha256 and not self.weights_are_file:
            raise ValueError(f"weights_sha256 needs a file of weights, but weights = {self.weights!r}")
        return self

    @property
    def weights_are_file(self) -> bool:
        """Whether `weights` is the path of a file."""
        return self.weights not in ("imagenet", "none")

    @property
    def pretrained(self) -> bool:
        """Whether the network starts from learned weights."""
        return self.weights != "none"


class TrainSettings(BaseModel):
    """How the network is trained: `[train]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(
        30,
        ge=0,
        le=10_000,
        description="Epochs in which only the classifier head is trained, on a frozen backbone; may be 0. "
        'With weights = "none" the default is 0, because random features are of no use.',
    )
    views: Literal[1, 2, 4, 8] = Field(
        8, description="Number of symmetries of each picture on whose features the head is trained."
    )
    fine_tune_epochs: int = Field(
        20, ge=0, le=10_000, description="Epochs of fine-tuning, after those of the head; may be 0."
    )
    fine_tune_from: FineTuneFrom = Field(
        "stem",
        description='The lowest part of the network that is fine-tuned: "stem" (all of it), "block1" .. '
        '"block7".',
    )
    batch_size: int = Field(32, ge=1, le=8192, description="Pictures in one step.")
    learning_rate: float = Field(
        1e-3, gt=0, le=1, description="Peak learning rate while only the head is trained."
    )
    fine_tune_learning_rate: float = Field(2e-4, gt=0, le=1, description="Peak learning rate of fine-tuning.")
    weight_decay: float = Field(
        1e-4, ge=0, le=1, description="AdamW weight decay of the kernels; not of biases and batch norms."
    )
    label_smoothing: float = Field(
        0.05,
        ge=0,
        lt=0.5,
        description="Training labels become s/2 and 1 - s/2; the validation loss is unsmoothed.",
    )
    warm_up: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the steps over which the learning rate rises from zero to its peak.",
    )
    patience: int = Field(
        6,
        ge=0,
        description="Epochs without a better validation loss before training stops; 0: never stop early.",
    )
    augment: tuple[Augmentation, ...] = Field(
        AUGMENTATIONS,
        description='true, false, or a list of "flips" (the eight symmetries of the square), "rotations" '
        '(any angle), "zoom", "shifts".',
    )
    labels: Literal["hard", "votes"] = Field(
        "hard",
        description='Training target: "hard", the class; "votes", the share of ellipticals among the '
        "volunteers' votes for either class, where there are votes.",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Largest share of another picture, and of its label, that is mixed into each training "
        "picture; 0: none.",
    )
    class_weights: bool = Field(
        True, description="Weight training examples by class, so that both classes count equally."
    )
    mixed_precision: Literal[False, "mixed_float16", "mixed_bfloat16"] = Field(
        False, description='true (as "mixed_float16"), false, "mixed_float16" or "mixed_bfloat16".'
    )
    jit_compile: bool = Field(False, description="Compile the training step with XLA.")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="Seed of initial weights, dropout and augmentation."
    )

    @field_validator("augment", mode="before")
    @classmethod
    def _augment_from_bool(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return AUGMENTATIONS if value else ()
        # In the order of AUGMENTATIONS and without repeats, so that the same choice compares equal.
        if isinstance(value, list | tuple) and set(value) <= set(AUGMENTATIONS):
            return tuple(name for name in AUGMENTATIONS if name in value)
        return value

    @field_validator("mixed_precision", mode="before")
    @classmethod
    def _precision_from_bool(cls, value: Any) -> Any:
        return "mixed_float16" if value is True else value

    @model_validator(mode="after")
    def _trains_at_all(self) -> Self:
        if self.epochs + self.fine_tune_epochs == 0:
            raise ValueError("epochs and fine_tune_epochs are both 0: nothing would be trained")
        return self

    @property
    def dtype_policy(self) -> str:
        """The Keras dtype policy that the network is built with."""
        return self.mixed_precision or "float32"


class CrossValidationSettings(BaseModel):
    """How folds are trained, and which model is published: `[cross_validation]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phases: Literal["auto", "head", "all", "none"] = Field(
        "auto",
        description='What each fold trains: "head", the classifier head on frozen features; "all", the head '
        'and then the network; "none": no folds; "auto": "head" if [train] epochs > 0, else "all".',
    )
    publish: Literal["single", "retrained", "ensemble", "best_fold"] = Field(
        "single",
        description='Which model is judged and published: "single", trained on the training split with early '
        'stopping on the validation split; "retrained", trained on both splits through all epochs; '
        '"ensemble", the mean of the folds\' models, which `phases` describes; "best_fold", the fold with '
        "the highest accuracy.",
    )

    def trained(self, train: TrainSettings) -> Literal["head", "all", "none"]:
        """Return what the folds train, with "auto" decided."""
        if self.phases == "auto":
            return "head" if train.epochs else "all"
        return self.phases

    def check(self, train: TrainSettings, model: ModelSettings) -> None:
        """Raise ValueError if this table contradicts `[train]` or `[model]`."""
        trained = self.trained(train)
        if trained == "head" and not train.epochs:
            raise ValueError('phases = "head" needs [train] epochs > 0')
        if trained == "none" and self.publish in ("ensemble", "best_fold"):
            raise ValueError(f'publish = "{self.publish}" needs folds, but phases = "none"')
        of_folds = self.publish in ("ensemble", "best_fold")
        if of_folds and self.phases == "auto" and trained == "head" and train.fine_tune_epochs:
            # Otherwise this key would silently skip fine-tuning.
            raise ValueError(
                f'publish = "{self.publish}" publishes the models of the folds, and phases = "auto" trains'
                f" only the head in them: fine_tune_epochs = {train.fine_tune_epochs} would have no effect."
                ' Set phases = "all" to fine-tune in every fold, or "head" to train without fine-tuning'
            )
        unlike = trained == "none" or (trained == "head" and train.fine_tune_epochs > 0)
        if self.publish == "retrained" and model.calibration == "temperature" and unlike:
            raise ValueError(
                'publish = "retrained" takes the temperature of [model] calibration = "temperature" from'
                f' folds that are trained like the model, but phases = "{trained}": set phases = "all", or'
                ' calibration = "none"'
            )
