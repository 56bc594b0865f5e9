"""Images of stamps, and the areas in them that hold no data."""

import io

import numpy as np
from PIL import Image

FILLS = (0.0, -9999.0, 1e30, -3.4e38, 99.0, -32768.0, 65535.0)


def galaxy(seed: int, side: int, sky: float = 0.0, noise: float = 1.0) -> np.ndarray:
    offsets = np.arange(side) - (side - 1) / 2
    radius = np.hypot(offsets, offsets[:, None])
    random = np.random.default_rng(seed)
    return (sky + 40 * np.exp(-radius / 5) + random.normal(0, noise, (side, side))).astype("f4")


def area(shape: str, share: float, side: int, seed: int) -> np.ndarray:
    """Pixels without data: an edge, a corner cut off slantwise, holes."""
    y, x = np.mgrid[:side, :side] / side
    holes = np.zeros((side, side), bool)
    for centre in np.random.default_rng(seed).uniform(0.15, 0.85, (3, 2)):
        holes |= np.hypot(x - centre[0], y - centre[1]) < np.sqrt(share / 3 / np.pi)
    slant = x + 0.6 * y
    slant = slant < np.quantile(slant, share)
    return {"columns": x < share, "rows": y > 1 - share, "slant": slant, "holes": holes}[shape]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """An image that went through JPEG, in units that are no whole numbers."""
    file = io.BytesIO()
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).astype("f4") * np.float32(0.0107747)
