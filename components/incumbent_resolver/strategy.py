"""The newest published model other than the candidate."""

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto.metadata_store_pb2 import Event
from tfx.components.evaluator.constants import (
    ARTIFACT_PROPERTY_BLESSED_KEY,
    ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
)
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact


class IncumbentStrategy(ResolverStrategy):
    """Resolve the newest published model other than the candidate.

    If an unchanged pipeline runs again, TFX's `LatestBlessedModelStrategy` would return the candidate itself.
    The inputs of the Evaluator would then differ from those of the first run, and no later node would be a
    cache hit.

    A model that the gate has passed is not published if no server can load it, or if the run was killed.

    Channels: ``model``, ``model_blessing`` and ``pushed_model`` (all of them), ``candidate`` (the Trainer's
    output).
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Return the incumbent.

        Parameters
        ----------
        store : mlmd.MetadataStore
            Tells which model a Pusher has pushed.
        input_dict : dict of lists of Artifact
            ``model``, ``model_blessing``, ``pushed_model``, ``candidate``.

        Returns
        -------
        dict of lists of Artifact
            ``model``: the incumbent, or empty; ``model_blessing``: its newest blessing, or empty;
            ``pushed_model``, ``candidate``: unchanged.
        """
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property(ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda artifact: artifact.id)
            if blessing.get_int_custom_property(ARTIFACT_PROPERTY_BLESSED_KEY) == 1
        }
        published = _published(store, input_dict["pushed_model"])
        rivals = [
            model
            for model in input_dict["model"]
            if model.id in blessings and model.id in published and model.id not in candidates
        ]
        # The newest blessing, not the newest model: a model may be blessed again after a later one.
        rivals.sort(key=lambda model: blessings[model.id].id)
        incumbent = rivals[-1:]
        return {
            "model": incumbent,
            "model_blessing": [blessings[model.id] for model in incumbent],
            "pushed_model": input_dict["pushed_model"],
            "candidate": input_dict["candidate"],
        }


def _published(store: mlmd.MetadataStore, pushed_models: Sequence[Artifact]) -> set[int]:
    """Return the numbers of the models that Pushers have pushed."""
    pushed = [artifact.id for artifact in pushed_models if artifact.get_int_custom_property("pushed") == 1]
    if not pushed:
        return set()
    made = {
        event.execution_id for event in store.get_events_by_artifact_ids(pushed) if event.type == Event.OUTPUT
    }
    read = store.get_events_by_execution_ids(sorted(made))
    return {
        event.artifact_id
        for event in read
        if event.type == Event.INPUT and event.path.steps and event.path.steps[0].key == "model"
    }
