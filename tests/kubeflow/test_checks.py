import pytest

from kubeflow.checks import absent_nodes, check_for_pods
from pipeline.config import Settings
from pipeline.errors import InputError

DIGEST = "@sha256:" + "0a" * 32
VOLUMES = {"volumes": [{"claim": "d", "mount": "/data"}, {"claim": "m", "mount": "/models"}]}


def volumes(nodes: list[str]) -> dict:
    return {"volumes": [VOLUMES["volumes"][0], VOLUMES["volumes"][1] | {"nodes": nodes}]}


def settings(**tables) -> Settings:
    given = {
        "pipeline": {"root": "/run"},
        "data": {"labels": "/data/labels.csv", "stamps": "/data/{band}/{name}.fits"},
        "push": {"directory": "/models/galmorph"},
        "kubeflow": VOLUMES,
    }
    return Settings.model_validate(given | tables)


@pytest.mark.parametrize(
    "image", ["galmorph:1.0", "registry.example:5000/a/b_c:x", f"ghcr.io/a/b{DIGEST}", f"a/b:1{DIGEST}"]
)
def test_a_tag_or_a_digest_is_no_warning(image):
    assert check_for_pods(settings(), image) == []


@pytest.mark.parametrize("image", ["galmorph", "registry.example:5000/galmorph", "galmorph:latest"])
def test_neither_is_one(image):
    (warning,) = check_for_pods(settings(), image)
    assert image in warning and "cache" in warning


def test_images_of_single_nodes_are_checked_too():
    cluster = VOLUMES | {"pods": {"Trainer": {"image": "gpu"}}}
    (warning,) = check_for_pods(settings(kubeflow=cluster), "galmorph:1")
    assert "'gpu'" in warning


@pytest.mark.parametrize(
    "image", ["", "Galmorph:1", "a b", "http://x/y:1", "x:", "a@sha256:12", f"a{DIGEST[:-1]}", "-a:1"]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InputError, match="is no reference of a container image"):
        check_for_pods(settings(), image)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"pipeline": {"root": "/run", "name": "SDSS"}}, "[pipeline] name = 'SDSS'"),
        ({"serving": {"validator": "docker"}}, "[serving] validator"),
        ({"push": {"directory": "/home/me/models"}}, "[push] directory = '/home/me/models'"),
        ({"push": {"directory": "minio://b/m"}}, "[push] directory: minio://b/m: minio:// is not"),
        ({"data": {"labels": "/data/l.csv", "stamps": "/database/{band}/{name}"}}, "[data] stamps"),
        ({"data": {"labels": "/l", "stamps": "/data/{band}/{name}"}}, "[data] labels = '/l'"),
        ({"model": {"weights": "/w.h5", "backbone": "EfficientNetB0"}}, "[model] weights = '/w.h5'"),
        ({"kubeflow": {}}, "[data] labels"),
        (
            {"data": {"labels": "/data/l.csv", "stamps": "/data/{{band}}/{name}"}},
            "takes {{ for the beginning",
        ),
        ({"pipeline": {"root": "/run", "name": "a" * 64}}, "63 at most"),
        ({"kubeflow": VOLUMES | {"pods": {"*": {"cpu": "1"}}}}, "for all nodes, write 'default'"),
        ({"kubeflow": VOLUMES | {"pods": {"FoldTrainer-5": {"cpu": "1"}}}}, "the last is FoldTrainer-4"),
        ({"kubeflow": VOLUMES | {"pods": {"FoldTrainer-01": {"cpu": "1"}}}}, "no node 'FoldTrainer-01'"),
        ({"kubeflow": VOLUMES | {"pods": {"Trainer-0": {"cpu": "1"}}}}, "no node 'Trainer-0'"),
        ({"kubeflow": volumes(nodes=["default"])}, "for all nodes, write '*'"),
        (
            {"kubeflow": volumes(nodes=["RunSettings", "Pusher"])},
            "m with [push] directory = '/models/galmorph'",
        ),
        ({"kubeflow": volumes(nodes=[])}, "not mounted in the node RunSettings; its nodes are none"),
        ({"push": {"directory": "/models/../m"}}, "[push] directory = '/models/../m' lies under no volume"),
        ({"kubeflow": VOLUMES | {"pods": {"Trainr": {"cpu": "1"}}}}, "did you mean 'Trainer'"),
        ({"kubeflow": VOLUMES | {"secrets": [{"name": "s", "mount": "/k", "nodes": ["x"]}]}}, "no node 'x'"),
    ],
)
def test_what_pods_cannot_do_is_refused_in_one_line(tables, message):
    with pytest.raises(InputError) as error:
        check_for_pods(settings(**tables), "galmorph:1")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_object_stores_need_no_volume():
    data = {"labels": "s3://b/labels.csv", "stamps": "gs://b/{band}/{name}.fits"}
    assert check_for_pods(settings(data=data, push={"directory": "s3://b/m"}, kubeflow={}), "g:1") == []


def test_a_single_fold_has_a_pod_of_its_own():
    cluster = VOLUMES | {
        "pods": {"FoldTrainer-4": {"gpu": 1}, "FoldTrainer": {"gpu": 2}, "default": {"cpu": "1"}}
    }
    assert check_for_pods(settings(kubeflow=cluster), "g:1") == []


def test_a_table_without_effect_is_a_warning():
    tables = {
        name: {"cpu": "1"} for name in ("default", "FoldTrainer", "FoldTrainer-1", "Trainer", "FoldExporter")
    }
    configuration = settings(kubeflow=VOLUMES | {"pods": tables})
    (warning,) = absent_nodes(configuration, ["RunSettings", "FoldTrainer-0", "FoldTrainer-1", "Trainer"])
    assert warning.startswith("[kubeflow.pods.FoldExporter] has no effect")


def test_key_and_variable_of_a_secret_that_seem_swapped_are_a_warning():
    def warnings(env: dict) -> list[str]:
        return check_for_pods(settings(kubeflow=VOLUMES | {"secrets": [{"name": "keys", "env": env}]}), "g:1")

    (warning,) = warnings({"AWS_ACCESS_KEY_ID": "accesskey"})
    assert "keys" in warning and "'accesskey'" in warning
    assert warnings({"accesskey": "AWS_ACCESS_KEY_ID", "KEY": "KEY", "proxy": "http_proxy"}) == []
