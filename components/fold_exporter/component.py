"""FoldExporter: exports the ensemble of the folds, or the best fold, as a SavedModel."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components import artifacts
from components.cross_validation.fold_inputs import fold_channels, fold_folders, with_folds
from components.cross_validation.summary import best_fold, summarize
from components.example_files import learning_files
from evaluation.calibration import fit_temperature
from evaluation.formats.out_of_fold import OutOfFold
from trainer.folds import FoldScores, fold_classifiers, fold_novelty
from trainer.ranges import training_ranges
from trainer.recipe import Recipe
from trainer.signatures import export_classifier


class Executor(BaseExecutor):
    """Exports the mean of the folds' classifiers, or the best fold."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Export the model.

        Parameters
        ----------
        input_dict : dict
            ``examples``: transformed Examples; ``fold_0``, ``fold_1`` ...
        output_dict : dict
            ``model``, and ``fold``: a copy of the artifact of the best fold, or of the first fold of an
            ensemble, for the Grad-CAM maps.
        exec_properties : dict
            ``config``: the recipe, ``decision``, ``flux``, ``limits`` and ``chunk``, as JSON; ``code``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = json.loads(exec_properties["config"])
        recipe = Recipe.load(config)
        folders = [Path(folder) for folder in fold_folders(input_dict)]
        chosen = list(range(len(folders)))
        folds = [FoldScores.load(folder) for folder in folders]
        if recipe.cross_validation.publish == "best_fold":
            chosen = [best_fold(summarize(folds))]
        models = fold_classifiers(recipe, [folders[number] for number in chosen])
        temperature = None
        if recipe.model.calibration == "temperature":
            # Every galaxy is held out by exactly one member. The members have the same recipe, so one
            # temperature, fitted on all out-of-fold predictions, suits each of them and is applied before the
            # mean. Scaling the mean would be wrong, because averaging already lowers the confidence.
            scores = OutOfFold.joined(folds[number].scores for number in chosen)
            temperature = fit_temperature(scores.labels, scores.p_elliptical)
        path = Path(path_utils.serving_model_dir(artifact_utils.get_single_uri(output_dict["model"])))
        files = learning_files(artifact_utils.get_single_instance(input_dict["examples"]))
        novelty = fold_novelty(models[0], recipe, files, chosen[0])
        every = [file for paths in files.values() for file in paths]
        # Together, the folds of an ensemble learn from all galaxies.
        ranges = training_ranges(every, without_fold=chosen[0] if len(chosen) == 1 else None)
        about = {"folds": chosen, **ranges.entry()}
        export_classifier(models, recipe, config, path, about, temperature, novelty)
        copy = artifact_utils.get_single_uri(output_dict["fold"])
        shutil.copytree(folders[chosen[0]], copy, dirs_exist_ok=True)


class FoldExporterSpec(ComponentSpec):
    """Inputs (one for each fold), outputs and parameters of FoldExporter."""

    PARAMETERS = {"config": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "fold": ChannelParameter(type=artifacts.FoldModel),
    }


class FoldExporter(BaseComponent):
    """Make the candidate model from the models of the folds.

    Parameters
    ----------
    examples : BaseChannel
        Transformed Examples.
    folds : sequence of BaseChannel
        Outputs of the FoldTrainers.
    config : str
        The recipe, ``decision``, ``flux``, ``limits`` and ``chunk``, as JSON.
    code : str
        Fingerprint of our own code, for the cache.
    """

    SPEC_CLASS = FoldExporterSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, examples: BaseChannel, folds: Sequence[BaseChannel], config: str, code: str) -> None:
        spec = with_folds(FoldExporterSpec, len(folds))
        super().__init__(
            spec=spec(
                examples=examples,
                config=config,
                code=code,
                model=as_channel([standard_artifacts.Model()]),
                fold=as_channel([artifacts.FoldModel()]),
                **fold_channels(folds),
            )
        )
