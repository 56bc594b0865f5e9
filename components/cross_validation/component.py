"""CrossValidation: collects the results of all folds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.types.channel import BaseChannel
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.cross_validation.fold_inputs import fold_channels, fold_folders, with_folds
from components.cross_validation.summary import summarize
from evaluation.formats.out_of_fold import SCORES_FILE, OutOfFold, write_scores
from trainer.folds import FoldScores

SUMMARY_FILE, HISTORY_FILE = "cross_validation.json", "history.json"


class Executor(BaseExecutor):
    """Writes the scores of the folds and the out-of-fold prediction of each galaxy."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write ``cross_validation.json``, ``out_of_fold.csv`` and ``history.json``.

        Parameters
        ----------
        input_dict : dict
            ``fold_0``, ``fold_1`` ...
        output_dict : dict
            ``summary``.
        exec_properties : dict
            ``code``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        folds = [FoldScores.load(Path(folder)) for folder in fold_folders(input_dict)]
        folder = Path(artifact_utils.get_single_uri(output_dict["summary"]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SUMMARY_FILE).write_text(json.dumps(summarize(folds), indent=2) + "\n")
        histories = [{"fold": fold.about["fold"], **fold.about["history"]} for fold in folds]
        (folder / HISTORY_FILE).write_text(json.dumps(histories, indent=2) + "\n")
        write_scores(folder / SCORES_FILE, OutOfFold.joined(fold.scores for fold in folds))


class CrossValidationSpec(ComponentSpec):
    """Inputs (one for each fold), outputs and parameters of CrossValidation."""

    PARAMETERS = {"code": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"summary": ChannelParameter(type=artifacts.CrossValidation)}


class CrossValidation(BaseComponent):
    """Collect the results of all folds.

    Parameters
    ----------
    folds : sequence of BaseChannel
        Outputs of the FoldTrainers.
    code : str
        Fingerprint of our own code, for the cache.
    """

    SPEC_CLASS = CrossValidationSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, folds: Sequence[BaseChannel], code: str) -> None:
        spec = with_folds(CrossValidationSpec, len(folds))
        super().__init__(
            spec=spec(code=code, summary=as_channel([artifacts.CrossValidation()]), **fold_channels(folds))
        )
