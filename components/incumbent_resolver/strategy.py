"""The newest blessed model other than the candidate."""

import ml_metadata as mlmd
from tfx.components.evaluator.constants import (
    ARTIFACT_PROPERTY_BLESSED_KEY,
    ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
)
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact


class IncumbentStrategy(ResolverStrategy):
    """Resolve the newest blessed model other than the candidate.

    If an unchanged pipeline runs again, TFX's `LatestBlessedModelStrategy` would return the candidate itself.
    The inputs of the Evaluator would then differ from those of the first run, and no later node would be a
    cache hit.

    Channels: ``model`` and ``model_blessing`` (all of them), ``candidate`` (the Trainer's output).
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Return the incumbent.

        Parameters
        ----------
        store : mlmd.MetadataStore
            Not used.
        input_dict : dict of lists of Artifact
            ``model``, ``model_blessing``, ``candidate``.

        Returns
        -------
        dict of lists of Artifact
            ``model``: the incumbent, or empty; ``model_blessing``: its newest blessing, or empty;
            ``candidate``: unchanged.
        """
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property(ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda artifact: artifact.id)
            if blessing.get_int_custom_property(ARTIFACT_PROPERTY_BLESSED_KEY) == 1
        }
        rivals = [
            model for model in input_dict["model"] if model.id in blessings and model.id not in candidates
        ]
        # The newest blessing, not the newest model: a model may be blessed again after a later one.
        rivals.sort(key=lambda model: blessings[model.id].id)
        incumbent = rivals[-1:]
        return {
            "model": incumbent,
            "model_blessing": [blessings[model.id] for model in incumbent],
            "candidate": input_dict["candidate"],
        }
