"""The inspection: read the data, check them, draw pictures and write the page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from preprocessing.labels.reading import Corrected, LabelTable, Match
from preprocessing.rejects import Reject
from preprocessing.rows.account import table_csv
from preprocessing.rows.division import StampNote, divide, stamp_reader
from preprocessing.rows.exclusion import read_rows
from preprocessing.stamp_index import StampIndex
from preprocessing.whole_files import write_whole
from report.inspection.advice import suggest
from report.inspection.findings import Finding, sentence, stamp_findings, table_findings
from report.inspection.flux_findings import flux_findings
from report.inspection.numbers import numbers
from report.inspection.page import render_page
from report.inspection.picture_findings import picture_findings, sampled_pictures
from report.inspection.pictures import TileMaker
from report.inspection.records import Look, Request
from report.inspection.renderer import Render, Renderer
from report.inspection.sample import choose_by_class, has_files, mixed, spread
from report.inspection.sheets import band_check, draw_sheets
from report.inspection.survey import survey_stamps

PAGE = "index.html"

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, the number of items done and their total number."""


class InspectionError(Exception):
    """The input cannot be inspected or the page cannot be written; the message is one sentence."""


def inspect_data(
    request: Request,
    out: Path,
    *,
    problems: Sequence[str] = (),
    progress: Progress | None = None,
    render: Render | None = None,
) -> Look:
    """Inspect the data and write ``index.html``, ``inspect.json`` and tables.

    Parameters
    ----------
    request : Request
    out : Path
        Output folder; created if it does not exist.
    problems : sequence of str
        Further problems that would stop a run.
    progress : callable, optional
    render : callable, optional
        Makes the picture files, see `report.inspection.renderer.render`; a process of its own unless given.

    Returns
    -------
    Look

    Raises
    ------
    TableError
        If a table cannot be used.
    StorageError
        If an object store cannot be read.
    InspectionError
        If the cubes lack a requested band, or `out` cannot be written.
    """
    data = request.data
    absent = [band for band in request.bands if data.cube_bands and band not in data.cube_bands]
    if absent:
        raise InspectionError(f"[data] cube_bands lacks band {absent[0]}, which [image] rgb or bands needs")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InspectionError(f"{out} cannot be created: {error.strerror}") from error
    progress = progress or (lambda *_: None)
    progress("reading the table", 0, 1)
    table = read_rows(request.data)
    if render is not None:
        look = _look(request, table, problems, progress, render)
    else:
        with Renderer() as renderer:
            look = _look(request, table, problems, progress, renderer)
    files = {
        "rejects.csv": table_csv(Reject, look.division.rejects),
        "warnings.csv": table_csv(StampNote, look.survey.notes),
        "inspect.json": numbers(
            look.table,
            look.division,
            look.survey,
            look.suggestion,
            look.findings,
            stamp_size=request.side,
            shown=[entry.name for sheet in look.sheets.classes.values() for entry, _ in sheet.rows],
            image=request.image.model_dump(mode="json"),
            data=request.data.model_dump(mode="json"),
            split=request.split.model_dump(mode="json"),
        ),
    }
    if request.data.corrections:
        files["corrections.csv"] = table_csv(Corrected, look.table.corrected)
    if request.data.positions:
        files["matches.csv"] = table_csv(Match, look.table.matches)
    files[PAGE] = render_page(look, request, list(files))
    for name, text in files.items():
        _write(out / name, text)
    return look


def _look(
    request: Request, table: LabelTable, problems: Sequence[str], progress: Progress, render: Render
) -> Look:
    data, image = request.data, request.image
    reader = stamp_reader(data, request.bands, request.side)
    survey = survey_stamps(
        table.objects,
        reader,
        workers=request.workers,
        progress=lambda done, total: progress("reading stamps", done, total),
    )
    progress("dividing", 0, 1)
    division = divide(table, {reject.row: reject for reject in survey.rejects}, data, request.split)

    progress("drawing pictures", 0, 1)
    suggestion = suggest(image.bands, survey.bands)
    tile_maker = TileMaker(reader, data.stamp_size, render)
    pool = division.kept or table.objects
    by_class = choose_by_class(pool, request.objects, request.seed)
    sheets = draw_sheets(
        by_class,
        mixed(by_class, request.objects),
        image,
        survey,
        suggestion.stretch,
        tile_maker,
        band_check(reader, spread(pool)),
    )

    findings = [Finding("stop", sentence(problem)) for problem in problems]
    empty = []
    if table.objects and not data.cube_bands and not survey.sized:
        index = StampIndex(data.stamps)
        empty = [band for band in request.bands if not has_files(index, table.objects, band)]
    example = table.objects[0].name if table.objects else ""
    findings += stamp_findings(survey, request.side, empty, example, data)
    findings += table_findings(table, division, request.min_galaxies, data)
    peaks = {band: tile_maker.median_peak(band) for band in tile_maker.peaks}
    peaks |= {band: found.median("peak") for band, found in survey.bands.items()}
    findings += flux_findings(survey, peaks, suggestion, image, data)
    sampled = sampled_pictures(spread(pool), replace(reader, bands=image.bands, side=image.cut), image)
    findings += picture_findings(sampled, "sampled galaxies")
    findings.sort(key=lambda finding: ("stop", "warning", "note").index(finding.kind))
    return Look(table, division, survey, suggestion, findings, sheets)


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise InspectionError(f"{path} cannot be written: {error.strerror}") from error
