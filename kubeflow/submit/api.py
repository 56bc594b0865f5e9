"""The calls to the API of Kubeflow Pipelines, through KFP's own client."""

import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from kfp.client import Client
from kfp.client.token_credentials_base import TokenCredentialsBase
from requests.utils import get_environ_proxies, select_proxy
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from kubeflow.submit.access import Access, own_namespace
from kubeflow.submit.errors import BusyError, SubmitError, UnreachableError
from kubeflow.submit.nodes import FINAL_RUN_STATES, run_state
from kubeflow.submit.token import Token
from kubeflow.submit.transport import install

T = TypeVar("T")

_EQUALS = 1  # KFP's filters have numbers for operations


@dataclass(frozen=True)
class Submission:
    """What is submitted.

    Attributes
    ----------
    path : Path
        The compiled pipeline.
    name : str
        Name of the run or recurring run.
    arguments : mapping of str to object
    pipeline_root : str or None
        Where artifacts go; what the server has been told, if None.
    service_account : str or None
        Kubernetes service account of the pods.
    caching : bool or None
        False switches the cache off; None leaves it to the file.
    version : (str, str) or None
        Identifiers of an uploaded pipeline and its version, to refer to in place of the file.
    """

    path: Path
    name: str
    arguments: Mapping[str, Any]
    pipeline_root: str | None = None
    service_account: str | None = None
    caching: bool | None = None
    version: tuple[str, str] | None = None

    def parts(self) -> dict[str, Any]:
        """Return the arguments that the client's calls for runs and recurring runs share."""
        source: dict[str, Any] = {"pipeline_package_path": str(self.path), "enable_caching": self.caching}
        if self.version is not None:
            source = {"pipeline_id": self.version[0], "version_id": self.version[1]}
        return source | {
            "job_name": self.name,
            "params": dict(self.arguments),
            "pipeline_root": self.pipeline_root,
            "service_account": self.service_account,
        }


class _Credentials(TokenCredentialsBase):
    def __init__(self, token: Token) -> None:
        self.token = token

    def refresh_api_key_hook(self, config: Any) -> None:
        config.api_key["authorization"] = self.token.read()


class Pipelines:
    """Kubeflow Pipelines on one server.

    Parameters
    ----------
    access : Access
    patience : float
        How long a server that is busy is asked again [s].
    """

    def __init__(self, access: Access, patience: float = 30.0) -> None:
        self.access = access
        self.patience = patience
        self.namespace = ""
        self._client = _make_client(access)

    def connect(self) -> None:
        """Check that this is the API, and find out whether it has several users.

        Raises
        ------
        SubmitError
            If it is not, or cannot be reached, or several users are there and no namespace is given.
        """
        health = self._again(self._client.healthzs.healthz_service_get_healthz)
        if self.access.namespace and not health.multi_user:
            raise SubmitError(
                f"{self.access.host} serves one user and takes no namespace; leave --namespace "
                f"{self.access.namespace} out"
            )
        self.namespace = self.access.namespace or (own_namespace() if health.multi_user else "")
        if health.multi_user and not self.namespace:
            raise SubmitError(
                f"{self.access.host} serves several users: give --namespace, the name of your profile"
            )

    def experiment(self, name: str) -> tuple[str, bool]:
        """Return the identifier of an experiment, and whether it was made just now.

        Raises
        ------
        SubmitError
            If the namespace is not known or not ours.
        """
        return self._again(self._experiment, name=name)

    def create_run(self, experiment_id: str, submission: Submission) -> str:
        """Start a run and return its identifier; never two, if an answer is lost on its way.

        Raises
        ------
        SubmitError
            If the server refuses, or it stays unknown whether the run was made.
        """

        def create() -> str:
            run = self._quietly(self._client.run_pipeline, experiment_id=experiment_id, **submission.parts())
            return self._known(run.run_id, "run")

        return self._once(create, lambda: self._runs(experiment_id, submission.name), "run")

    def run(self, run_id: str) -> Any:
        """Return a run as the API describes it, a `V2beta1Run`."""
        run = self._client.get_run(run_id)
        self._known(run.run_id, "run")
        return run

    def specification(self, run: Any) -> dict[str, Any]:
        """Return the pipeline specification of a run; empty if the API does not tell it."""
        if run.pipeline_spec:
            return dict(run.pipeline_spec)
        version = run.pipeline_version_reference
        if version is None or not (version.pipeline_id and version.pipeline_version_id):
            return {}
        found = self._again(
            self._client.get_pipeline_version,
            pipeline_id=version.pipeline_id,
            pipeline_version_id=version.pipeline_version_id,
        )
        return dict(found.pipeline_spec or {})

    def recurring_runs(self, experiment_id: str, name: str) -> list[str]:
        """Return the identifiers of an experiment's recurring runs of a name."""
        found = self._again(
            self._client.list_recurring_runs,
            experiment_id=experiment_id,
            filter=_named(name),
            page_size=100,
        )
        return [job.recurring_run_id for job in found.recurring_runs or () if job.display_name == name]

    def create_recurring_run(self, experiment_id: str, cron: str, submission: Submission) -> str:
        """Schedule runs, one at a time and without those that were missed; return the identifier."""

        def create() -> str:
            job = self._quietly(
                self._client.create_recurring_run,
                experiment_id=experiment_id,
                cron_expression=cron,
                max_concurrency=1,
                no_catchup=True,
                enabled=True,
                **submission.parts(),
            )
            return self._known(job.recurring_run_id, "recurring run")

        def listed() -> set[str]:
            return set(self.recurring_runs(experiment_id, submission.name))

        return self._once(create, listed, "recurring run")

    def runs_in_progress(self, experiment_id: str, recurring_run_id: str) -> list[str]:
        """Return the runs that a recurring run has started and that have not ended, of the newest hundred."""
        found = self._again(
            self._client.list_runs,
            experiment_id=experiment_id,
            sort_by="created_at desc",
            page_size=100,
        )
        mine = [run for run in found.runs or () if run.recurring_run_id == recurring_run_id]
        return [run.run_id for run in mine if run_state(run) not in FINAL_RUN_STATES]

    def disable_recurring_run(self, recurring_run_id: str) -> None:
        """Let a recurring run start no further runs."""
        self._client.disable_recurring_run(recurring_run_id)

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete a recurring run. Runs that have ended stay; Kubernetes deletes those in progress."""
        self._client.delete_recurring_run(recurring_run_id)

    def upload(self, path: Path, name: str, version: str) -> tuple[str, str, bool]:
        """Upload a pipeline's version, unless it is there.

        Parameters
        ----------
        path : Path
        name : str
            Of the pipeline, which is made if necessary.
        version : str
            Name of the version.

        Returns
        -------
        (str, str, bool)
            Identifiers of pipeline and version, and whether the version was uploaded just now.
        """
        return self._again(self._upload, path=path, name=name, version=version)

    def _experiment(self, name: str) -> tuple[str, bool]:
        experiments = self._client.experiments
        found = experiments.experiment_service_list_experiments(filter=_named(name), **self._in_namespace())
        if found.experiments:
            return self._known(found.experiments[0].experiment_id, "experiment"), False
        body = self._client.api_models.V2beta1Experiment(display_name=name, namespace=self.namespace or None)
        made = experiments.experiment_service_create_experiment(experiment=body)
        return self._known(made.experiment_id, "experiment"), True

    def _upload(self, path: Path, name: str, version: str) -> tuple[str, str, bool]:
        found = self._client.list_pipelines(filter=_named(name), namespace=self.namespace or None)
        if found.pipelines:
            pipeline = found.pipelines[0].pipeline_id
            versions = self._client.list_pipeline_versions(pipeline_id=pipeline, filter=_named(version))
            if versions.pipeline_versions:
                return pipeline, versions.pipeline_versions[0].pipeline_version_id, False
        else:
            body = self._client.api_models.V2beta1Pipeline(
                display_name=name, namespace=self.namespace or None
            )
            pipeline = self._client.pipelines.pipeline_service_create_pipeline(pipeline=body).pipeline_id
        made = self._quietly(
            self._client.upload_pipeline_version,
            pipeline_package_path=str(path),
            pipeline_version_name=version,
            pipeline_id=self._known(pipeline, "pipeline"),
        )
        return pipeline, self._known(made.pipeline_version_id, "pipeline version"), True

    def _runs(self, experiment_id: str, name: str) -> set[str]:
        found = self._again(
            self._client.list_runs,
            experiment_id=experiment_id,
            filter=_named(name),
            sort_by="created_at desc",
            page_size=100,
        )
        return {run.run_id for run in found.runs or () if run.display_name == name}

    def _once(self, create: Callable[[], str], listed: Callable[[], set[str]], what: str) -> str:
        """Create something, and after a lost answer look whether it is there before trying again."""
        before = listed()
        until = time.monotonic() + self.patience
        wait = 1.0
        while True:
            try:
                return create()
            except BusyError as error:
                if new := listed() - before:
                    return new.pop()
                if time.monotonic() + wait > until:
                    raise SubmitError(f"{error}; no {what} was made") from None
                time.sleep(wait)
                wait *= 2

    def _in_namespace(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    def _again(self, call: Callable[..., T], **arguments: Any) -> T:
        """Ask, and ask again while the server is busy; only for what changes nothing."""

        def busy(error: BaseException) -> bool:
            return isinstance(error, BusyError) and not isinstance(error, UnreachableError)

        attempts = Retrying(
            stop=stop_after_delay(self.patience),
            wait=wait_exponential(0.5, max=8),
            retry=retry_if_exception(busy),
            reraise=True,
        )
        return attempts(call, **arguments)

    def _quietly(self, call: Callable[..., T], **arguments: Any) -> T:
        """Call without the links that KFP's client prints."""
        with contextlib.redirect_stdout(io.StringIO()):
            return call(**arguments)

    def _known(self, identifier: str | None, what: str) -> str:
        if not identifier:
            raise SubmitError(f"{self.access.host} answers without the identifier of the {what}")
        return identifier


def default_name(pipeline: str) -> str:
    """Return a name for a run: the pipeline's, and the time."""
    return f"{pipeline} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


def _make_client(access: Access) -> Client:
    proxy = select_proxy(access.host, get_environ_proxies(access.host))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            client = Client(
                access.host,
                # Any name but the default, with which the constructor asks the server, again and again.
                namespace=access.namespace or "-",
                cookies=access.cookie or None,
                credentials=_Credentials(access.token) if access.token else None,
                ssl_ca_cert=str(access.ca_cert) if access.ca_cert else None,
                proxy=proxy,
            )
    except (OSError, ValueError) as error:
        context = Client._LOCAL_KFP_CONTEXT
        raise SubmitError(f"the settings of KFP's client, {context}, cannot be used: {error}") from None
    install(client._run_api.api_client, access.timeouts)
    return client


def _named(name: str) -> str:
    predicate = {"operation": _EQUALS, "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})
