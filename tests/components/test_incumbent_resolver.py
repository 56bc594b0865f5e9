from tfx.types.standard_artifacts import Model, ModelBlessing

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


def incumbent(models, blessings, candidate) -> list[int]:
    resolved = IncumbentStrategy().resolve_artifacts(
        None, {"model": models, "model_blessing": blessings, "candidate": [candidate]}
    )
    assert len(resolved["model"]) == len(resolved["model_blessing"])
    return [artifact.id for artifact in resolved["model"]]


def test_the_first_model_has_no_incumbent():
    assert incumbent([model(1)], [], model(1)) == []


def test_a_model_is_not_its_own_incumbent():
    assert incumbent([model(1)], [blessing(2, of=1)], model(1)) == []


def test_models_that_were_refused_do_not_count():
    models = [model(1), model(3), model(5)]
    assert incumbent(models, [blessing(2, of=1), blessing(4, of=3, blessed=0)], model(5)) == [1]


def test_the_newest_blessing_counts_not_the_newest_model():
    models = [model(1), model(3), model(9)]
    assert incumbent(models, [blessing(2, of=1), blessing(4, of=3), blessing(6, of=1)], model(9)) == [1]
