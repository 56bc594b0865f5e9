import pytest

from kubeflow.run_parameters import configuration_of, run_parameters
from pipeline.config import Settings
from pipeline.errors import InputError

TABLES = {
    "pipeline": {"root": "/run"},
    "data": {"labels": "/data/labels.csv", "stamps": "/data/{band}/{name}.fits"},
    "push": {"directory": "/models/galmorph"},
}


def settings(**tables) -> Settings:
    return Settings.model_validate(TABLES | tables)


def run(compiled: Settings, **changes: object) -> Settings:
    defaults = {each.name: each.default for each in run_parameters(compiled)}
    return configuration_of(compiled.model_dump(mode="json"), defaults | changes)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"data": {"labels": "/b [é].csv", "stamps": "s3://s/{band}/{name}.fits"}},
        {"push": {"directory": "s3://bucket/models/galmorph"}},
        {"push": {"directory": "/models"}},
        {"train": {"epochs": 3}, "gate": {"min_auc": 0.5}},
    ],
)
def test_the_defaults_give_the_configuration_that_was_compiled(tables):
    compiled = settings(**tables)
    assert run(compiled) == compiled


def test_every_parameter_changes_its_key():
    changed = run(
        settings(),
        labels="s3://b/[c].csv",
        stamps="s3://b/{band}/{name}.fits",
        run_name="other",
        epochs=7,
        fine_tune_epochs=9,
        min_accuracy=1,
        min_auc=0.25,
        max_accuracy_drop=0.125,
        models_directory="s3://m/x/",
        model_name="idr5",
        settings="\n image.stretch = 4.5 \n\ntrain.views=2\n",
    )
    assert changed.data.labels == "s3://b/[c].csv"
    assert changed.data.stamps == "s3://b/{band}/{name}.fits"
    assert (changed.pipeline.name, changed.train.epochs, changed.train.fine_tune_epochs) == ("other", 7, 9)
    gate = changed.gate
    assert (gate.min_accuracy, gate.min_auc, gate.max_accuracy_drop) == (1.0, 0.25, 0.125)
    assert changed.push.directory == "s3://m/x/idr5"
    assert changed.image.stretch == 4.5 and changed.train.views == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_auc": 2.0}, "[gate] min_auc = 2.0"),
        ({"stamps": "/data/{name}.fits"}, "does not contain {band}"),
        ({"settings": "image.strech=3"}, "did you mean 'stretch'"),
        ({"settings": "stretch"}, "section.key=value"),
        ({"run_name": "a b"}, "[pipeline] name = 'a b'"),
        ({"epochs": 0}, "[train] epochs > 0 was compiled as True and is now False"),
        ({"settings": "split.folds=3"}, "[split] folds was compiled as 5 and is now 3"),
        ({"settings": 'image.rgb="IGU"'}, "[data] bands was compiled as"),
        ({"settings": 'kubeflow.image_pull_policy="Always"'}, "[kubeflow] was compiled as {} and is now"),
        ({"settings": 'cross_validation.publish="retrained"'}, "compile the pipeline again"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes, message):
    with pytest.raises(InputError) as error:
        run(settings(), **changes)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_types_are_those_that_tfx_declares():
    assert {each.type for each in run_parameters(settings())} == {str, int, float}
    assert all(isinstance(each.default, each.type) for each in run_parameters(settings()))
