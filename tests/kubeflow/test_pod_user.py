"""The user that the pods run as."""

import pytest
from google.protobuf import json_format

from kubeflow.platform import pod_config
from pipeline.kubeflow_settings import KubeflowSettings


def context(**settings: object) -> dict:
    config = json_format.MessageToDict(pod_config("Trainer", KubeflowSettings(**settings)))
    return config.get("securityContext", {})


def test_the_image_decides_by_default():
    assert context() == {}


def test_group_0_is_said_although_it_is_zero():
    assert context(run_as_group=0) == {"runAsGroup": "0"}


def test_a_namespace_with_the_standard_restricted_gets_what_it_asks_for():
    given = context(run_as_non_root=True, run_as_user=10001)
    assert given == {"runAsNonRoot": True, "runAsUser": "10001"}


def test_root_is_no_user():
    with pytest.raises(ValueError, match="run_as_user"):
        KubeflowSettings(run_as_user=0)
