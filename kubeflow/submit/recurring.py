"""Recurring runs: make one, or replace those of its name."""

from dataclasses import dataclass

from kubeflow.submit.api import Pipelines, Submission
from kubeflow.submit.errors import SubmitError


@dataclass(frozen=True)
class Scheduled:
    """What was done.

    Attributes
    ----------
    made : str
        Identifier of the new recurring run.
    deleted : list of str
        Those that it replaces.
    disabled : list of str
        Those that it replaces, but that have a run in progress.
    """

    made: str
    deleted: list[str]
    disabled: list[str]


def schedule(
    pipelines: Pipelines, experiment_id: str, cron: str, submission: Submission, *, replace: bool
) -> Scheduled:
    """Make a recurring run.

    Names are not unique in KFP, and a recurring run cannot be changed. Those of the same name are therefore
    replaced: the new one is made first, so that a refusal leaves the schedule as it was. An earlier one is
    deleted only if none of its runs is in progress, because Kubernetes deletes those with it.

    Parameters
    ----------
    pipelines : Pipelines
    experiment_id : str
    cron : str
        As `kubeflow.submit.schedule.kfp_cron` returns it.
    submission : Submission
    replace : bool
        Whether recurring runs of the same name in the experiment may be replaced.

    Returns
    -------
    Scheduled

    Raises
    ------
    SubmitError
        If there is one of this name and `replace` is False, or the server refuses.
    """
    earlier = pipelines.recurring_runs(experiment_id, submission.name)
    if earlier and not replace:
        raise SubmitError(
            f"there is a recurring run {submission.name} in this experiment "
            f"({pipelines.access.recurring_run_link(earlier[0])}); give --replace, or another --job-name"
        )
    made = pipelines.create_recurring_run(experiment_id, cron, submission)
    deleted, disabled = [], []
    for identifier in earlier:
        try:
            pipelines.disable_recurring_run(identifier)
            if pipelines.runs_in_progress(experiment_id, identifier):
                disabled.append(identifier)
                continue
            pipelines.delete_recurring_run(identifier)
            deleted.append(identifier)
        except SubmitError as error:
            link = pipelines.access.recurring_run_link(identifier)
            raise SubmitError(
                f"{error}; the new recurring run {made} is there, so delete the earlier one yourself: {link}"
            ) from None
    return Scheduled(made, deleted, disabled)
