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
        ('kubeflow.secrets = [{name = "a", mount = "/minio"}]', "/minio belongs to the launcher"),
        ('kubeflow.secrets = [{name = "a.b", mount = "/keys"}]', "secret a.b: "),
        ('kubeflow.secrets = [{name = "a", env = {k = "A B"}}]', "secrets.0.env.k = 'A B': must be the name"),
        ('kubeflow.secrets = [{name = "a", env = {"k/l" = "A"}}]', "must be a key of a Secret"),
        ('kubeflow.secrets = [{name = "a", env = {k = "A", l = "A"}}]', "a sets an environment variable"),
        (
            'kubeflow.secrets = [{name = "a", env = {k = "A"}}, {name = "b", env = {k = "A"}}]',
            "two secrets set the environment variable A",
        ),
        ('kubeflow.pods.Trainer.cpu = "2Gi"', "pods.Trainer.cpu = '2Gi': must be a number of processors"),
        ('kubeflow.pods.Trainer.memory = "8Gi "', "memory = '8Gi ': must be an amount of memory"),
        ('kubeflow.pods.Trainer.memory = "8"', "memory = '8': is 8 bytes; write 8Gi"),
        ('kubeflow.pods.Trainer.memory = "500m"', "memory = '500m': must be an amount of memory"),
        ('kubeflow.pods.Trainer.gpu_type = "nvidia"', "gpu_type = 'nvidia': must be the name of a resource"),
        ('kubeflow.pods.Trainer.node_selector = {"a b" = "c"}', "must be the key of a label"),
        ('kubeflow.pods.Trainer.node_selector = {a = "-"}', "must be the value of a label"),
        ("kubeflow.pods.Trainer.tolerations = [{}]", 'without key, operator must be "Exists"'),
        (
            'kubeflow.pods.Trainer.tolerations = [{key = "a", operator = "Exists", value = "b"}]',
            'a value needs operator = "Equal"',
        ),
        ('kubeflow.volumes = [{claim = "a.b", mount = "/d"}]', "volumes.0.claim = 'a.b': must be"),
        ('kubeflow.volumes = [{claim = "a", mount = "/"}]', " belongs to the launcher"),
        ('kubeflow.volumes = [{claim = "a", mount = "/tmp"}]', "/tmp/kfp belongs to the launcher"),
        ('kubeflow.volumes = [{claim = "a", mount = "/usr/share/x"}]', "/usr belongs to the image"),
        ('kubeflow.volumes = [{claim = "a", mount = "/d/../minio"}]', "must be the absolute path"),
        ('kubeflow.volumes = [{claim = "a", mount = "//minio"}]', "must be the absolute path"),
        ('kubeflow.volumes = [{claim = "a", mount = "/d", sub_path = "../x"}]', "relative path without .."),
        (
            'kubeflow.volumes = [{claim = "a", mount = "/d", sub_path = "d"}, {claim = "a", mount = "/e"}]',
            "a is mounted twice in the same pods, at /d and /e",
        ),
        (
            'kubeflow = {volumes = [{claim = "a", mount = "/d", nodes = ["FoldTrainer"]}],'
            ' secrets = [{name = "a", mount = "/e", nodes = ["FoldTrainer-1"]}]}',
            "a is mounted twice in the same pods",
        ),
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


def test_what_kubernetes_takes_is_taken():
    settings = KubeflowSettings.model_validate(
        {
            "volumes": [
                {"claim": "all", "mount": "/data", "sub_path": "dr4/stamps", "nodes": ["RunSettings"]},
                {"claim": "all", "mount": "/weights", "nodes": ["Trainer", "FoldTrainer"]},
                {"claim": "m" * 63, "mount": "/data/models"},
                {"claim": "t", "mount": "/tmp/scratch"},
            ],
            "secrets": [
                {"name": "store.keys", "env": {"access.key": "AWS_ACCESS_KEY_ID"}, "nodes": ["Pusher"]},
                {"name": "other", "env": {"k": "AWS_ACCESS_KEY_ID"}, "nodes": ["Incumbent"]},
            ],
            "pods": {
                "Trainer": {
                    "cpu": "0.5",
                    "memory": "1.5Gi",
                    "gpu_type": "gpu.intel.com/i915",
                    "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "a": ""},
                    "tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b"}],
                },
                "Transform": {"cpu": "500m", "memory": "8000M"},
                "Evaluator": {"cpu": "0", "memory": "0"},
            },
        }
    )
    assert settings.pod("Trainer").memory == "1.5Gi" and settings.volumes[2].mount == "/data/models"
