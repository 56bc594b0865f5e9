"""The REST interface of TF Serving, with the paths for health and metrics."""

import asyncio
import re
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import unquote

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from serving.embedded.errors import ServingError, invalid
from serving.embedded.json_tensors import answer_text, parse, request_arrays, signature_name
from serving.embedded.predictor import Counted, Predictor
from serving.embedded.request_bodies import Bodies
from serving.embedded.signature import Arrays
from serving.embedded.status import model_metadata, model_status
from serving.embedded.version import LoadedVersion

TIMEOUT = 30.0
"""Seconds after which a request is given up, as with TF Serving's ``--rest_api_timeout_in_ms``."""

_PARSED_AT_ONCE = 2  # bodies: parsing holds the interpreter, and takes ten times the body's memory
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_WHICH = r"/v1/models/([^/:]+)(?:/versions/(\d{1,19})|/labels/([^/:]+))?"
_PREDICT = re.compile(_WHICH + r":(\w+)")
_STATUS = re.compile(_WHICH + r"(/metadata|/galmorph\.json)?")
Result = TypeVar("Result")


def rest_app(predictor: Predictor, pages: list[BaseRoute]) -> Starlette:
    """Return the application.

    Parameters
    ----------
    predictor : Predictor
    pages : list of BaseRoute
        Further routes.
    """
    models = _Models(predictor)
    routes = [
        *pages,
        Route("/v1/{path:path}", models.answer, methods=_METHODS),
        Route("/healthz", lambda request: PlainTextResponse("ok\n")),
        Route("/monitoring/prometheus/metrics", lambda request: PlainTextResponse(predictor.metrics.text())),
    ]
    return Starlette(routes=routes, exception_handlers={404: _not_found})


def error_response(error: ServingError) -> Response:
    """Return an error as TF Serving sends it."""
    return JSONResponse({"error": error.message}, error.http_status)


async def unless_gone(request: Request, answer: Awaitable[Result]) -> Result:
    """Return the answer, but cancel it if the client goes away; for requests whose body has been read."""
    task = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ServingError(grpc.StatusCode.CANCELLED, "the client has gone")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


class _Models:
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._bodies = Bodies()
        self._parsing = asyncio.Semaphore(_PARSED_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
        try:
            if request.method == "POST" and (found := _PREDICT.fullmatch(path)):
                with Counted(self._predictor.metrics, "REST"):
                    return await self._predict(request, *found.groups())
            if request.method == "GET" and (found := _STATUS.fullmatch(path)):
                return self._describe(*found.groups())
            raise invalid(f"Malformed request: {request.method} {path[:200]}")
        except ServingError as error:
            return error_response(error)

    async def _predict(
        self, request: Request, name: str, number: str | None, label: str | None, method: str
    ) -> Response:
        if method != "predict":
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED, f"the embedded server answers :predict, not :{method}"
            )
        version = self._predictor.find(*_chosen(name, number, label))
        async with self._bodies.read(request) as body:
            async with self._parsing:
                signature, arrays, by_row = await asyncio.to_thread(_read, body, version)
            predicting = self._predictor.predict(version, signature, arrays, seconds=TIMEOUT)
            answers = await unless_gone(request, predicting)
        return Response(answer_text(answers, by_row), media_type="application/json")

    def _describe(self, name: str, number: str | None, label: str | None, what: str | None) -> Response:
        chosen = _chosen(name, number, label)
        if not what:
            return JSONResponse(_as_json(model_status(self._predictor, *chosen)))
        if what == "/galmorph.json":
            # TF Serving sends no file of a model. `galmorph predict` needs bands and flux rules.
            return JSONResponse(self._predictor.find(*chosen).published.description)
        response, signatures = model_metadata(self._predictor, *chosen)
        described = {
            "model_spec": _as_json(response.model_spec),
            "metadata": {"signature_def": _as_json(signatures)},
        }
        return JSONResponse(described)


def _read(body: bytes, version: LoadedVersion) -> tuple[str, Arrays, bool]:
    document = parse(body)
    signature = version.signature(signature_name(document))
    arrays, by_row = request_arrays(document, signature)
    return signature.name, arrays, by_row


def _chosen(name: str, number: str | None, label: str | None) -> tuple[str, int | None, str]:
    return unquote(name), None if number is None else int(number), unquote(label or "")


def _as_json(message: Message) -> dict:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"Not found: {request.url.path[:200]}"}, 404)
