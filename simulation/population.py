"""Parameters of the simulated galaxies: kinds, sizes, profiles, arms and colours."""

from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = ("spiral", "elliptical", "lenticular", "compact")
"""True kinds; volunteers are uncertain about the last two."""

_KIND_SHARES = (0.46, 0.40, 0.09, 0.05)

SERSIC_STEP = 0.25
"""Grid of Sersic indices. GalSim takes 20 ms to tabulate each new index, and caches it."""


@dataclass(frozen=True, kw_only=True)
class Galaxy:
    """Parameters of one galaxy; those that do not apply to its kind are zero.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    magnitude : float
        Total r magnitude [AB mag].
    redshift : float
        Redshift.
    radius : float
        Half-light radius of the spheroid of an elliptical or compact galaxy, or of the disc [arcsec]
        (along the geometric mean of the axes for the former, along the long axis for the latter).
    position_angle : float
        Direction of the long axis [deg, north through east].
    sersic_index : float
        Index n of the spheroid or bulge (Sersic 1963, Bol. Asoc. Argentina Astron. 6, 41).
    axis_ratio : float
        Axis ratio b/a of the spheroid or bulge.
    bulge_fraction, bulge_radius : float
        Share of the bulge in the r flux, and its half-light radius [arcsec].
    bar_fraction, bar_radius : float
        Share of the bar in the r flux, and its half-length [arcsec].
    inclination : float
        Inclination of the disc [deg], 0 face-on.
    arms : int
        Number of spiral arms.
    pitch : float
        Pitch angle of the arms [deg] (Seigar et al. 2008, ApJ 678, L93; Davis et al. 2012, ApJS 199, 33).
    winding : int
        +1 or -1: sense of the arms.
    arm_strength : float
        Share of the arms in the r flux of the disc.
    arm_sharpness : float
        Concentration of the light about the ridge of an arm (von Mises parameter).
    flocculence : float
        Raggedness of the arms, 0 for smooth ones.
    knots : int
        Number of star-forming knots.
    dust_lanes : float
        Depth of the dust lanes, as a share of the disc's light.
    age, disc_age, arm_age : float
        Colours of spheroid, disc and arms, see `simulation.spectra.band_ratios`.
    reddening : float
        Absorption in r by dust over the whole galaxy [mag].
    """

    kind: str
    magnitude: float
    redshift: float
    radius: float
    position_angle: float
    sersic_index: float
    axis_ratio: float
    age: float
    reddening: float
    bulge_fraction: float = 1.0
    bulge_radius: float = 0.0
    bar_fraction: float = 0.0
    bar_radius: float = 0.0
    inclination: float = 0.0
    arms: int = 0
    pitch: float = 0.0
    winding: int = 0
    arm_strength: float = 0.0
    arm_sharpness: float = 0.0
    flocculence: float = 0.0
    knots: int = 0
    dust_lanes: float = 0.0
    disc_age: float = 0.0
    arm_age: float = 0.0

    @property
    def visibility(self) -> float:
        """Visibility of the arms, 0 (none) to 0.6: their strength, reduced by inclination and small size."""
        foreshortening = np.clip((np.cos(np.radians(self.inclination)) - 0.12) / 0.25, 0, 1)
        resolution = np.clip(self.radius / 5.5, 0, 1)
        return float(self.arm_strength * foreshortening * resolution)


_Parameters = dict[str, Any]
"""Keyword arguments of `Galaxy` (of several types, hence Any), and ``surface_brightness`` [mag/arcsec2]."""


def _on_grid(sersic_index: float, lowest: float, highest: float) -> float:
    return float(round(np.clip(sersic_index, lowest, highest) / SERSIC_STEP) * SERSIC_STEP)


def _magnitude(radius: float, surface_brightness: float) -> float:
    """Total magnitude from the half-light radius and the mean surface brightness within it [mag/arcsec2]."""
    return float(surface_brightness - 2.5 * np.log10(2 * np.pi * radius**2))


def _spiral(random: np.random.Generator) -> _Parameters:
    radius = float(np.clip(random.lognormal(np.log(8.5), 0.26), 4.8, 14))
    bulge_fraction = float(np.clip(random.beta(1.4, 3.2), 0.03, 0.65))
    edge_on = random.random() < 0.05
    cosine = random.uniform(0.10, 0.30) if edge_on else random.uniform(0.33, 1.0)
    weak_arms = random.random() < 0.13
    barred = random.random() < 0.3
    # A passive disc is as red as an elliptical galaxy (red spirals: Masters et al. 2010, MNRAS 405, 783).
    shift = random.normal(0.0, 0.2) + (0.35 if random.random() < 0.15 else 0.0)
    return {
        "radius": radius,
        "surface_brightness": random.normal(21.1, 0.45),
        "sersic_index": _on_grid(random.normal(2.2, 0.9), 1.0, 4.0),
        "axis_ratio": random.uniform(0.75, 1.0),
        "bulge_fraction": bulge_fraction,
        "bulge_radius": radius * random.uniform(0.12, 0.28) * (1 + bulge_fraction),
        "bar_fraction": random.uniform(0.06, 0.18) if barred else 0.0,
        "bar_radius": radius * random.uniform(0.35, 0.6) if barred else 0.0,
        "inclination": float(np.degrees(np.arccos(cosine))),
        "arms": int(random.choice([2, 3, 4], p=[0.6, 0.2, 0.2])),
        "pitch": float(np.clip(random.normal(20, 6), 9, 36)),
        "winding": int(random.choice([-1, 1])),
        "arm_strength": random.uniform(0.03, 0.2) if weak_arms else random.uniform(0.22, 0.58),
        "arm_sharpness": random.uniform(0.9, 3.2),
        "flocculence": random.uniform(0.15, 1.0),
        "knots": int(random.integers(10, 80)),
        "dust_lanes": random.uniform(0.0, 0.3),
        "age": 0.95 + 0.4 * shift,
        "disc_age": 0.62 + shift,
        "arm_age": 0.15 + shift,
        "reddening": random.exponential(0.12),
    }


def _elliptical(random: np.random.Generator) -> _Parameters:
    blue = random.random() < 0.12  # Schawinski et al. 2009, MNRAS 396, 818
    return {
        "radius": float(np.clip(random.lognormal(np.log(6.5), 0.3), 4, 14)),
        "surface_brightness": random.normal(20.6, 0.5),
        "sersic_index": _on_grid(random.normal(3.8, 1.0), 2.5, 6.0),
        "axis_ratio": 0.45 + 0.55 * random.beta(2.5, 1.5),
        "age": random.normal(0.92, 0.14) - (random.uniform(0.2, 0.6) if blue else 0.0),
        "reddening": random.exponential(0.04),
    }


def _lenticular(random: np.random.Generator) -> _Parameters:
    radius = float(np.clip(random.lognormal(np.log(7.0), 0.28), 4.2, 14))
    barred = random.random() < 0.25
    age = random.normal(0.82, 0.13)
    return {
        "radius": radius,
        "surface_brightness": random.normal(20.8, 0.45),
        "sersic_index": _on_grid(random.normal(2.8, 0.8), 1.5, 4.0),
        "axis_ratio": random.uniform(0.7, 1.0),
        "bulge_fraction": random.uniform(0.25, 0.6),
        "bulge_radius": radius * random.uniform(0.18, 0.35),
        "bar_fraction": random.uniform(0.06, 0.15) if barred else 0.0,
        "bar_radius": radius * random.uniform(0.4, 0.6) if barred else 0.0,
        "inclination": float(np.degrees(np.arccos(random.uniform(0.15, 1.0)))),
        "age": age + 0.08,
        "disc_age": age - 0.08,
        "reddening": random.exponential(0.06),
    }


def _compact(random: np.random.Generator) -> _Parameters:
    return {
        "radius": random.uniform(0.5, 1.6),
        "surface_brightness": random.normal(18.9, 0.6),
        "sersic_index": _on_grid(random.uniform(1, 3.5), 1, 3.5),
        "axis_ratio": random.uniform(0.6, 1.0),
        "age": random.uniform(0.2, 1.0),
        "reddening": random.exponential(0.1),
    }


_DRAW = {"spiral": _spiral, "elliptical": _elliptical, "lenticular": _lenticular, "compact": _compact}


def draw_galaxy(random: np.random.Generator) -> Galaxy:
    """Draw the kind and the parameters of one galaxy.

    Parameters
    ----------
    random : numpy.random.Generator
        The object's stream.

    Returns
    -------
    Galaxy
        A galaxy as bright and large as those of Galaxy Zoo 2 (Willett et al. 2013, MNRAS 435, 2835), r of
        about 13 to 17. The kinds overlap on purpose in colour and in concentration; only their structure
        distinguishes them with certainty.
    """
    kind = str(random.choice(KINDS, p=_KIND_SHARES))
    redshift = float(np.clip(random.lognormal(np.log(0.022), 0.5), 0.004, 0.08))
    position_angle = float(random.uniform(0, 180))
    parameters = _DRAW[kind](random)
    magnitude = _magnitude(parameters["radius"], parameters.pop("surface_brightness"))
    return Galaxy(
        kind=kind, magnitude=magnitude, redshift=redshift, position_angle=position_angle, **parameters
    )
