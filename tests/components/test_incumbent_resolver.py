from dataclasses import dataclass

from ml_metadata.proto.metadata_store_pb2 import Event
from tfx.types.standard_artifacts import Model, ModelBlessing, PushedModel

from components.incumbent_resolver.strategy import IncumbentStrategy


def model(number: int) -> Model:
    artifact = Model()
    artifact.id = number
    return artifact


def blessing(number: int, of: int, blessed: int = 1) -> ModelBlessing:
    artifact = ModelBlessing()
    artifact.id = number
    artifact.set_int_custom_property("current_model_id", of)
    artifact.set_int_custom_property("blessed", blessed)
    return artifact


@dataclass
class Store:
    """Events of Pushers: number 100 + N reads model N, a blessing and a card, and makes artifact 1000 + N."""

    events: list[Event]

    def get_events_by_artifact_ids(self, ids):
        return [event for event in self.events if event.artifact_id in ids]

    def get_events_by_execution_ids(self, ids):
        return [event for event in self.events if event.execution_id in ids]


def event(execution: int, artifact: int, kind: int, key: str) -> Event:
    path = Event.Path(steps=[Event.Path.Step(key=key), Event.Path.Step(index=0)])
    return Event(execution_id=execution, artifact_id=artifact, type=kind, path=path)


def incumbent(models, blessings, candidate, pushed=None) -> list[int]:
    """The incumbent; all models were pushed unless `pushed` names those that were."""
    numbers = [each.id for each in models]
    events, made = [], []
    for number in numbers:
        artifact = PushedModel()
        artifact.id = 1000 + number
        artifact.set_int_custom_property("pushed", int(pushed is None or number in pushed))
        made.append(artifact)
        events += [
            event(100 + number, number, Event.INPUT, "model"),
            event(100 + number, 2000, Event.INPUT, "model_blessing"),
            event(100 + number, 1000 + number, Event.OUTPUT, "pushed_model"),
            event(500, 1000 + number, Event.INPUT, "pushed_model"),  # the report
            event(500, numbers[-1], Event.INPUT, "model"),
        ]
    given = {"model": models, "model_blessing": blessings, "pushed_model": made, "candidate": [candidate]}
    resolved = IncumbentStrategy().resolve_artifacts(Store(events), given)
    assert set(resolved) == set(given)
    assert len(resolved["model"]) == len(resolved["model_blessing"])
    return [artifact.id for artifact in resolved["model"]]


def test_the_first_model_has_no_incumbent():
    assert incumbent([model(1)], [], model(1)) == []


def test_a_model_is_not_its_own_incumbent():
    assert incumbent([model(1)], [blessing(2, of=1)], model(1)) == []


def test_models_that_were_refused_do_not_count():
    models = [model(1), model(3), model(5)]
    assert incumbent(models, [blessing(2, of=1), blessing(4, of=3, blessed=0)], model(5)) == [1]


def test_models_that_were_not_published_do_not_count():
    models, blessings = [model(1), model(3), model(5)], [blessing(2, of=1), blessing(4, of=3)]
    assert incumbent(models, blessings, model(5)) == [3]
    assert incumbent(models, blessings, model(5), pushed={1}) == [1]
    assert incumbent(models, blessings, model(5), pushed=set()) == []


def test_the_newest_blessing_counts_not_the_newest_model():
    models = [model(1), model(3), model(9)]
    assert incumbent(models, [blessing(2, of=1), blessing(4, of=3), blessing(6, of=1)], model(9)) == [1]
