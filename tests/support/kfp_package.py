"""A small compiled pipeline with four nodes and parameters of all types."""

from pathlib import Path

NODES = ("RunSettings", "Trainer", "Pusher", "PublicationGate")

YAML = """
components:
  comp-RunSettings:
    executorLabel: exec-RunSettings
    inputDefinitions:
      parameters:
        labels: {parameterType: STRING}
        epochs: {parameterType: NUMBER_INTEGER}
        min_accuracy: {parameterType: NUMBER_DOUBLE}
        baseline: {parameterType: BOOLEAN}
        settings: {parameterType: LIST}
        more: {parameterType: STRUCT}
  comp-Trainer: {executorLabel: exec-Trainer}
  comp-Pusher: {executorLabel: exec-Pusher}
  comp-PublicationGate: {executorLabel: exec-PublicationGate}
deploymentSpec:
  executors:
    exec-RunSettings: {container: {image: 'registry.example/galmorph:1.0', command: [python]}}
    exec-Trainer: {container: {image: 'registry.example/galmorph:1.0', command: [python]}}
    exec-Pusher: {container: {image: 'registry.example/galmorph:1.0', command: [python]}}
    exec-PublicationGate: {container: {image: 'registry.example/galmorph:1.0', command: [python]}}
pipelineInfo: {name: galaxies}
root:
  dag:
    tasks:
      RunSettings:
        componentRef: {name: comp-RunSettings}
        inputs:
          parameters:
            labels: {componentInputParameter: labels}
            epochs: {componentInputParameter: epochs}
            min_accuracy: {componentInputParameter: min_accuracy}
            baseline: {componentInputParameter: baseline}
            settings: {componentInputParameter: settings}
            more: {componentInputParameter: more}
        taskInfo: {name: RunSettings}
      PublicationGate:
        componentRef: {name: comp-PublicationGate}
        dependentTasks: [Pusher]
        taskInfo: {name: PublicationGate}
      Pusher:
        cachingOptions: {enableCache: true}
        componentRef: {name: comp-Pusher}
        dependentTasks: [Trainer]
        taskInfo: {name: Pusher}
      Trainer:
        cachingOptions: {enableCache: true}
        componentRef: {name: comp-Trainer}
        dependentTasks: [RunSettings]
        retryPolicy: {backoffDuration: 0s, backoffFactor: 2.0, backoffMaxDuration: 3600s, maxRetryCount: 2}
        taskInfo: {name: Trainer}
  inputDefinitions:
    parameters:
      labels: {parameterType: STRING, defaultValue: 's3://survey/labels.csv', isOptional: true}
      epochs: {parameterType: NUMBER_INTEGER, defaultValue: 12.0, isOptional: true}
      min_accuracy: {parameterType: NUMBER_DOUBLE, defaultValue: 0.95, isOptional: true}
      baseline: {parameterType: BOOLEAN, defaultValue: false, isOptional: true}
      settings: {parameterType: LIST, defaultValue: [], isOptional: true}
      more: {parameterType: STRUCT, defaultValue: {}, isOptional: true}
schemaVersion: 2.1.0
sdkVersion: kfp-2.16.1
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-Trainer:
          nodeSelector: {labels: {accelerator: gpu}}
"""

DEFAULTS = {
    "labels": "s3://survey/labels.csv",
    "epochs": 12,
    "min_accuracy": 0.95,
    "baseline": False,
    "settings": [],
    "more": {},
}


def write_package(folder: Path, old: str = "", new: str = "") -> Path:
    """Write the pipeline, with a change if one is given."""
    assert old in YAML
    path = folder / "pipeline.yaml"
    path.write_text(YAML.replace(old, new) if old else YAML)
    return path
