"""The page and what it asks the server."""

import asyncio
import base64
import math
import secrets
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import jinja2
import numpy as np
import tensorflow as tf
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from evaluation.formats.catalogue import UNLIKE_FROM
from preprocessing.picture import make_picture
from serving.embedded.errors import ServingError, invalid
from serving.embedded.page.uploads import Galaxy, Refused, Upload, read_named, read_uploads
from serving.embedded.predictor import Counted, Predictor
from serving.embedded.request_bodies import Bodies
from serving.embedded.version import LoadedVersion
from serving.published import PublishedModel

MOST_FILES = 12
"""Files of one form."""

_UNLIKE = (
    f"novelty of {UNLIKE_FROM:g} or more: the picture is unlike the training galaxies, and its class"
    " means little"
)
_SECONDS = 60.0
_LONGEST_NAME = 200
_TEMPLATES = jinja2.Environment(loader=jinja2.PackageLoader("serving.embedded.page"), autoescape=True)


def page_routes(predictor: Predictor, stamps: str | None) -> list[BaseRoute]:
    """Return the routes of the page.

    Parameters
    ----------
    predictor : Predictor
    stamps : str or None
        Path template of a survey whose names can be typed.
    """
    page = _Page(predictor, stamps)
    return [Route("/", page.show), Route("/page/classify", page.classify, methods=["POST"])]


class _Page:
    def __init__(self, predictor: Predictor, stamps: str | None) -> None:
        self._predictor, self._stamps = predictor, stamps
        self._bodies = Bodies()
        self._reading = asyncio.Lock()  # one galaxy at a time: a page is looked at by few

    async def show(self, request: Request) -> Response:
        version = self._predictor.versions.newest
        nonce = secrets.token_urlsafe(16)
        text = _TEMPLATES.get_template("page.html").render(
            model=version.published,
            version=version.number,
            named=self._stamps is not None,
            most_files=MOST_FILES,
            nonce=nonce,
        )
        return HTMLResponse(text, headers=_headers(nonce))

    async def classify(self, request: Request) -> Response:
        try:
            with Counted(self._predictor.metrics, "REST"):
                async with self._bodies.read(request) as body:
                    name, uploads = await _form(request, body)
                answer = await self._answer(name, uploads)
        except ServingError as error:
            return JSONResponse({"files": [], "problem": error.message}, error.http_status)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def _answer(self, name: str, uploads: Sequence[Upload]) -> dict[str, Any]:
        version = self._predictor.versions.newest
        answer: dict[str, Any] = {"problem": "", "warnings": [], "result": None}
        try:
            async with self._reading:
                galaxy = await asyncio.to_thread(self._read, name, uploads, version.published)
            if galaxy is not None:
                result = await self._result(version, galaxy)
                unlike = (result.get("novelty") or 0) >= UNLIKE_FROM
                answer["warnings"] = [*galaxy.warnings, *([_UNLIKE] if unlike else [])]
                answer["result"] = result
        except (Refused, ServingError) as error:
            answer["problem"] = str(error)
        answer["files"] = [
            {"name": each.name, "band": each.band, "found_in": each.found_in, "problem": each.problem}
            for each in uploads
        ]
        return answer

    def _read(self, name: str, uploads: Sequence[Upload], model: PublishedModel) -> Galaxy | None:
        if not name:
            return read_uploads(uploads, model)
        if self._stamps is None:
            raise Refused("names can be typed only if the server was started with --stamps")
        return read_named(name, self._stamps, model)

    async def _result(self, version: LoadedVersion, galaxy: Galaxy) -> dict[str, Any]:
        answers = await self._predictor.predict(
            version, "classify_flux", {"flux": galaxy.flux}, seconds=_SECONDS
        )
        picture = await asyncio.to_thread(_picture, galaxy.flux, version.published)
        result: dict[str, Any] = {
            "version": version.number,
            "picture": picture,
            "morphology": answers["morphology"][0].decode(),
            "p_elliptical": _number(answers["p_elliptical"][0]),
        }
        # Models of before have no novelty.
        result |= {
            name: _number(answers[name][0]) for name in ("novelty", "novelty_distance") if name in answers
        }
        return result


async def _form(request: Request, body: bytes) -> tuple[str, list[Upload]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request(request.scope, receive).form(max_files=MOST_FILES, max_fields=2 * MOST_FILES)
    except HTTPException as error:
        raise invalid(f"the form cannot be read: {error.detail}") from None
    except (ValueError, KeyError) as error:
        raise invalid(f"the form cannot be read: {error}") from None
    try:
        name = form.get("name", "")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            raise invalid(f"'name' must be a text of at most {_LONGEST_NAME} characters")
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        bands = [band for band in form.getlist("bands") if isinstance(band, str)]
        bands += [""] * (len(files) - len(bands))
        if not files and not name.strip():
            raise invalid("no files and no name")
        uploads = [
            Upload(_shown(file.filename or ""), await file.read(), band)
            for file, band in zip(files, bands, strict=False)
        ]
        return name.strip(), uploads
    finally:
        await form.close()


def _shown(name: str) -> str:
    """Return the last part of a file name; some browsers send the whole path."""
    return PurePosixPath(PureWindowsPath(name).name).name[:_LONGEST_NAME]


def _picture(flux: np.ndarray, model: PublishedModel) -> str:
    """Return the picture that the network sees, first row of the image at the bottom, as a data URL."""
    picture = make_picture(tf.constant(flux), model.image)[0]
    png = tf.io.encode_png(picture[::-1]).numpy()
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _number(value: np.floating) -> float | None:
    return float(value) if math.isfinite(value) else None


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
