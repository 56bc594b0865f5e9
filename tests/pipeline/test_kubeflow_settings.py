import pytest

from pipeline.config import load_settings
from pipeline.errors import InputError
from pipeline.kubeflow_settings import KubeflowSettings

BASE = """
pipeline.root = "run"
data = {labels = "l.csv", stamps = "s/{name}/{band}"}
push.directory = "m"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kubeflow.volume = []", "unknown key [kubeflow] volume; did you mean 'volumes'?"),
        ('kubeflow.pods.Trainer.cpus = "4"', "unknown key [kubeflow] pods.Trainer.cpus; did you mean 'cpu'?"),
        ('kubeflow.pods.Trainer.cpu = "four"', "[kubeflow] pods.Trainer.cpu = 'four': "),
        ("kubeflow.pods.Trainer.gpu = -1", "[kubeflow] pods.Trainer.gpu = -1: "),
        ('kubeflow.volumes = [{claim = "a"}]', "[kubeflow] volumes.0.mount is missing"),
        ('kubeflow.volumes = [{claim = "A b", mount = "/d"}]', "[kubeflow] volumes.0.claim = 'A b': "),
        ('kubeflow.volumes = [{claim = "a", mount = "d"}]', "[kubeflow] volumes.0.mount = 'd': "),
        ('kubeflow.volumes = [{claim = "a", mount = "/s3/x"}]', "/s3 belongs to the launcher"),
        ('kubeflow.secrets = [{name = "a"}]', "secret a: give env or mount"),
        (
            'kubeflow.volumes = [{claim = "a", mount = "/d"}, {claim = "b", mount = "/d"}]',
            "two volumes or secrets are mounted at /d",
        ),
    ],
)
def test_a_bad_key_or_value_of_a_nested_table_is_named_in_one_line(tmp_path, text, message):
    (tmp_path / "galmorph.toml").write_text(BASE + text)
    with pytest.raises(InputError) as error:
        load_settings(tmp_path / "galmorph.toml")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_pod_takes_what_it_lacks_from_its_family_and_from_the_default():
    settings = KubeflowSettings.model_validate(
        {
            "pods": {
                "default": {"memory": "4Gi", "node_selector": {"pool": "a"}},
                "FoldTrainer": {"cpu": "8", "gpu": 1},
                "FoldTrainer-1": {"gpu": 0, "retries": 0},
            }
        }
    )
    plain, fold, other = (settings.pod(node) for node in ("Transform", "FoldTrainer-0", "FoldTrainer-1"))
    assert (plain.cpu, plain.memory, plain.gpu, plain.retries) == ("2", "4Gi", 0, 2)
    assert (fold.cpu, fold.memory, fold.gpu, fold.gpu_type) == ("8", "4Gi", 1, "nvidia.com/gpu")
    assert (other.cpu, other.gpu, other.retries) == ("8", 0, 0)
    assert {pod.node_selector["pool"] for pod in (plain, fold, other)} == {"a"}
