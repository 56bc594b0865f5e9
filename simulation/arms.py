"""Spiral arms: maps of young stars, dust lanes and star-forming knots in an inclined disc."""

from dataclasses import dataclass

import numpy as np

from simulation.fields import PIXEL_SCALE
from simulation.population import Galaxy

DISC_THICKNESS = 0.18
"""Axis ratio of a disc seen edge-on."""

_KNOT_PATCH = 6
"""Half the width of the square on which a knot is drawn [pixels]."""


def disc_axis_ratio(inclination: float) -> float:
    """Return the apparent axis ratio of a disc of finite thickness (Hubble 1926, ApJ 64, 321)."""
    cosine = np.cos(np.radians(inclination))
    return float(np.sqrt(cosine**2 + DISC_THICKNESS**2 * (1 - cosine**2)))


def image_angle(position_angle: float) -> float:
    """Return the angle from +x to +y [rad] of a position angle [deg], on images with east to the left."""
    return float(np.radians(position_angle + 90))


@dataclass(frozen=True)
class ArmMaps:
    """Light of the arms, per pixel, as a share of the disc's total r flux.

    Attributes
    ----------
    young : numpy.ndarray
        Young stars along the arms, shape (height, width), float32.
    dust : numpy.ndarray
        Light absorbed by dust lanes, same shape, positive.
    knots : numpy.ndarray
        Star-forming knots, same shape.
    """

    young: np.ndarray
    dust: np.ndarray
    knots: np.ndarray


class SpiralPattern:
    """The arms of one galaxy: logarithmic spirals, slightly bent and broken up.

    Parameters
    ----------
    galaxy : Galaxy
        A spiral.
    random : numpy.random.Generator
        The object's stream of structure. A fixed number of values is drawn, so the pattern does not depend on
        the size of the stamp.

    Notes
    -----
    1. The ridge of an arm follows ``ln(R / R0) = theta tan(pitch)``.
    2. Low harmonics shift the ridge, so that arms are neither equal nor exactly logarithmic.
    3. The light across an arm is a von Mises profile in azimuth, on an exponential disc that begins at the
       end of the bar, or in the inner disc where there is none.
    4. Higher harmonics along the arm break it into segments (flocculence).
    """

    def __init__(self, galaxy: Galaxy, random: np.random.Generator) -> None:
        """Draw the harmonics and the knots."""
        self.galaxy = galaxy
        self.scale_length = galaxy.radius / 1.678  # half of an exponential disc's light lies within 1.678 h
        self.start = galaxy.bar_radius or 0.45 * self.scale_length
        self.angle = float(random.uniform(0, 2 * np.pi))
        """Azimuth in the plane of the disc at which the first arm, and the bar, begin [rad]."""
        self._bends = _harmonics(
            random, 4, orders=(0, 3), twists=(1, 4), amplitude=0.25 + 0.6 * galaxy.flocculence
        )
        self._tears = _harmonics(
            random, 6, orders=(3, 14), twists=(4, 16), amplitude=0.9 * galaxy.flocculence
        )
        self._lag = float(random.uniform(0.6, 1.1))
        self._knots = self._draw_knots(random)

    def _bend(self, log_radius: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return _sum_of_harmonics(self._bends, log_radius, theta)

    def _draw_knots(self, random: np.random.Generator) -> np.ndarray:
        """Draw radius [arcsec], azimuth [rad], share of the disc's flux and width [arcsec] of each knot."""
        galaxy, count = self.galaxy, self.galaxy.knots
        radius = np.clip(random.gamma(4.0, 0.45, count), 0.5, 3.6) * self.scale_length
        radius = np.maximum(radius, self.start)
        arm = random.integers(0, galaxy.arms, count)
        log_radius = np.log(radius / self.start)
        theta = log_radius / np.tan(np.radians(galaxy.pitch)) + 2 * np.pi * arm / galaxy.arms
        theta = theta - self._bend(log_radius, theta) / galaxy.arms + random.normal(0, 0.13, count)
        flux = random.pareto(1.8, count) + 0.1
        share = galaxy.arm_strength * random.uniform(0.05, 0.25) * flux / flux.sum()
        return np.stack([radius, theta, share, random.uniform(0.45, 0.95, count)], axis=1)

    def maps(self, side: int, centre_x: float, centre_y: float) -> ArmMaps:
        """Draw the arms on a square grid of pixels of `PIXEL_SCALE`.

        Parameters
        ----------
        side : int
            Width and height [pixels].
        centre_x, centre_y : float
            Centre of the galaxy [pixels, first pixel centre at 0].

        Returns
        -------
        ArmMaps
            Maps of shape (side, side).
        """
        galaxy, ratio = self.galaxy, disc_axis_ratio(self.galaxy.inclination)
        beta = image_angle(galaxy.position_angle)
        x = ((np.arange(side) - centre_x) * PIXEL_SCALE).astype(np.float32)[None, :]
        y = ((np.arange(side) - centre_y) * PIXEL_SCALE).astype(np.float32)[:, None]
        along = np.float32(np.cos(beta)) * x + np.float32(np.sin(beta)) * y
        across = (np.float32(np.cos(beta)) * y - np.float32(np.sin(beta)) * x) / np.float32(ratio)
        radius = np.hypot(along, across)
        theta = galaxy.winding * np.arctan2(across, along) - np.float32(self.angle)
        log_radius = np.log(np.maximum(radius, 0.3) / np.float32(self.start))

        phase = galaxy.arms * (theta - log_radius / np.float32(np.tan(np.radians(galaxy.pitch))))
        phase += self._bend(log_radius, theta)
        sharpness = np.float32(galaxy.arm_sharpness)
        across_arm = np.exp(sharpness * (np.cos(phase) - 1))
        tears = np.exp(
            _sum_of_harmonics(self._tears, log_radius, theta) - np.float32(self._tear_correction())
        )
        envelope = self._envelope(radius) * np.float32(PIXEL_SCALE**2 / ratio)
        mean_profile = np.exp(-sharpness) * np.i0(sharpness)
        young = np.float32(galaxy.arm_strength / mean_profile) * envelope * across_arm * tears

        # Lanes lie on the inner side of an arm and are narrower than it.
        lane = np.exp(np.float32(1.5) * sharpness * (np.cos(phase + np.float32(self._lag)) - 1))
        dust = np.float32(galaxy.dust_lanes) * envelope * lane
        return ArmMaps(young, dust, self._knot_map(side, centre_x, centre_y, beta, ratio))

    @property
    def share(self) -> float:
        """Share of arms and knots in the disc's r flux, minus the absorption by dust lanes."""
        lanes = 1.5 * self.galaxy.arm_sharpness
        dust = self.galaxy.dust_lanes * np.exp(-lanes) * np.i0(lanes)
        return float(self.galaxy.arm_strength + self._knots[:, 2].sum() - dust)

    def _tear_correction(self) -> float:
        """Half the variance of the flocculence, which keeps the mean of its exponential near 1."""
        return float(np.sum(self._tears[:, 0] ** 2) / 4)

    def _envelope(self, radius: np.ndarray) -> np.ndarray:
        """Surface brightness averaged over azimuth [1/arcsec2], of unit flux: flatter than the old disc."""
        scale = 1.15 * self.scale_length

        def shape(distance: np.ndarray) -> np.ndarray:
            inner = np.clip((distance / self.start - 0.5) / 0.7, 0, 1)
            outer = np.clip((5.0 - distance / self.scale_length) / 1.5, 0, 1)
            return np.exp(-distance / scale) * inner**2 * (3 - 2 * inner) * outer

        sample = np.linspace(0, 5 * self.scale_length, 200)
        total = 2 * np.pi * np.sum(shape(sample) * sample) * (sample[1] - sample[0])
        return (shape(radius) / total).astype(np.float32)

    def _knot_map(self, side: int, centre_x: float, centre_y: float, beta: float, ratio: float) -> np.ndarray:
        plane = np.zeros((side, side), np.float32)
        patch = np.arange(-_KNOT_PATCH, _KNOT_PATCH + 1)
        for radius, azimuth, share, width in self._knots:
            theta = self.galaxy.winding * (azimuth + self.angle)
            along, across = radius * np.cos(theta), radius * np.sin(theta) * ratio
            x = centre_x + (along * np.cos(beta) - across * np.sin(beta)) / PIXEL_SCALE
            y = centre_y + (along * np.sin(beta) + across * np.cos(beta)) / PIXEL_SCALE
            column, row = round(x), round(y)
            if not (_KNOT_PATCH <= column < side - _KNOT_PATCH and _KNOT_PATCH <= row < side - _KNOT_PATCH):
                continue
            sigma = width / PIXEL_SCALE
            profile_x = np.exp(-0.5 * ((column + patch - x) / sigma) ** 2)
            profile_y = np.exp(-0.5 * ((row + patch - y) / sigma) ** 2)
            blob = share / (2 * np.pi * sigma**2) * np.outer(profile_y, profile_x)
            plane[
                row - _KNOT_PATCH : row + _KNOT_PATCH + 1, column - _KNOT_PATCH : column + _KNOT_PATCH + 1
            ] += blob
        return plane


def _harmonics(
    random: np.random.Generator,
    count: int,
    *,
    orders: tuple[int, int],
    twists: tuple[float, float],
    amplitude: float,
) -> np.ndarray:
    """Draw harmonics: rows of amplitude, order in azimuth, twist in log radius, phase."""
    return np.stack(
        [
            amplitude * random.uniform(0.5, 1.0, count) / np.sqrt(count) * np.sqrt(2),
            random.integers(orders[0], orders[1] + 1, count),
            random.uniform(*twists, count) * random.choice([-1, 1], count),
            random.uniform(0, 2 * np.pi, count),
        ],
        axis=1,
    )


def _sum_of_harmonics(harmonics: np.ndarray, log_radius: np.ndarray, theta: np.ndarray) -> np.ndarray:
    total = np.zeros(np.broadcast_shapes(log_radius.shape, theta.shape), log_radius.dtype)
    for amplitude, order, twist, phase in harmonics.astype(log_radius.dtype):
        total += amplitude * np.cos(order * theta + twist * log_radius + phase)
    return total
