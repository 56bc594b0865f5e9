"""Learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from report.html.formats import count_of
from report.html.svg import INK, MARK, SUGGESTED, drawing, name_axes
from report.run.figures.plot import Plot

_PHASES = {
    "head": "Training of the classifier head on features of the frozen backbone.",
    "network": "Training of the network (fine-tuning).",
}
_DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
LOSS, VALIDATION_LOSS = "loss", "val_loss"
LAST_STEPS = 2
"""Number of steps between epochs, at the end of a training, over which the fall of the loss is averaged."""
NOTICEABLE = 0.01
"""Relative fall of the loss per epoch above which more epochs may help."""


def draw_training(phase: str, history: Mapping[str, Sequence[float]]) -> Plot | None:
    """Draw loss, accuracy and learning rate of each epoch; None if the phase was not trained.

    Parameters
    ----------
    phase : str
        ``head`` or ``network``.
    history : mapping of str to sequence of float
        Values of each epoch by name.

    Returns
    -------
    Plot or None
    """
    loss = _values(history, LOSS)
    if not np.isfinite(loss).any():
        return None
    panels = [("loss", "loss"), ("accuracy", "accuracy"), ("learning_rate", "learning rate")]
    panels = [panel for panel in panels if np.isfinite(_values(history, panel[0])).any()]
    name = f"training-{phase}"
    with drawing(name, 0.9 + 1.2 * len(panels), png=True) as drawn:
        grid = drawn.figure.add_gridspec(len(panels), 1)
        first = None
        for place, (key, title) in enumerate(panels):
            axes = drawn.axes(subplotspec=grid[place], sharex=first)
            first = first or axes
            epochs = np.arange(1, len(_values(history, key)) + 1)
            axes.plot(epochs, _values(history, key), color=INK, marker=".", label="training")
            validation = _values(history, f"val_{key}")
            if np.isfinite(validation).any():
                x = np.arange(1, len(validation) + 1)
                axes.plot(x, validation, "x--", color=SUGGESTED, markersize=4, label="validation")
            if (best := best_epoch(history)) is not None:
                axes.axvline(best, color=MARK, linewidth=1.2, linestyle="-.", label="lowest validation loss")
            if key == "learning_rate":
                axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axes.tick_params(labelbottom=place == len(panels) - 1)
            name_axes(axes, "epoch" if place == len(panels) - 1 else "", title)
        handles = first.get_legend_handles_labels() if first else ([], [])
        drawn.figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=8)
    return Plot.of(name, drawn, _PHASES[phase], _conclusion(history))


def draw_fold_training(folds: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Draw the validation loss of each fold in each epoch, or the training loss if there is none."""
    histories = {
        fold["fold"]: fold.get("network") or fold.get("head") or {}
        for fold in folds
        if fold.get("network") or fold.get("head")
    }
    key = VALIDATION_LOSS if any(VALIDATION_LOSS in history for history in histories.values()) else LOSS
    histories = {
        fold: history for fold, history in histories.items() if np.isfinite(_values(history, key)).any()
    }
    if not histories:
        return None
    with drawing("training-folds", 2.8, png=True) as drawn:
        axes = drawn.axes()
        for place, (fold, history) in enumerate(histories.items()):
            values = _values(history, key)
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=INK,
                alpha=0.8,
                linewidth=1.1,
                linestyle=_DASHES[place % len(_DASHES)],
                label=f"fold {fold}",
            )
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        name_axes(axes, "epoch", "validation loss" if key == VALIDATION_LOSS else "training loss")
        drawn.figure.legend(loc="outside upper center", ncols=5, fontsize=8)
    least = [float(np.nanmin(_values(history, key))) for history in histories.values()]
    shown = (
        "Validation loss of each fold."
        if key == VALIDATION_LOSS
        else "Training loss of each fold, measured on the galaxies of the other folds. For its held-out"
        " galaxies see the scores of the folds."
    )
    ends = f"{min(least):.3f} and {max(least):.3f}"
    found = f"The lowest values lie between {ends}." if len(least) > 1 else ""
    return Plot.of("training-folds", drawn, shown, found)


def best_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    """Return the epoch with the lowest validation loss, counted from 1; None without validation loss."""
    validation = _values(history, VALIDATION_LOSS)
    return int(np.nanargmin(validation)) + 1 if np.isfinite(validation).any() else None


def _conclusion(history: Mapping[str, Sequence[float]]) -> str:
    best, validation = best_epoch(history), _values(history, VALIDATION_LOSS)
    if best is None:
        last = _values(history, LOSS)
        return f"There is no validation loss; the training loss ends at {last[np.isfinite(last)][-1]:.3f}."
    least, epochs = validation[best - 1], len(validation)
    found = f"The validation loss is lowest, {least:.3f}, in epoch {best} of {epochs}"
    if best == epochs and epochs > 1:
        fall = _last_fall(validation)
        if fall > NOTICEABLE:
            return f"{found}, the last one. It is still falling: more epochs may help."
        return f"{found}, the last one. It has levelled off."
    if best == epochs:
        return f"{found}."
    last = validation[np.isfinite(validation)][-1]
    rise = last / least - 1 if least > 0 else 0.0
    after = f"{found}; {count_of(epochs - best, 'epoch')} later it is {last:.3f}."
    return f"{after} The network overfits." if rise > 0.1 else f"{after} It has levelled off."


def _last_fall(loss: np.ndarray) -> float:
    """Return the mean relative fall of a loss per epoch over the last epochs."""
    last = loss[np.isfinite(loss)][-1 - LAST_STEPS :]
    if len(last) < 2 or not last[0] > 0:
        return 0.0
    return float(1 - (last[-1] / last[0]) ** (1 / (len(last) - 1)))


def _values(history: Mapping[str, Sequence[float]], key: str) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in history.get(key, ())], np.float64)
