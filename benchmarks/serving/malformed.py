"""Thirty ways to send a malformed request, and what the refusal must say."""

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits


@dataclass(frozen=True)
class Malformed:
    """A malformed request of the REST interface.

    Attributes
    ----------
    name : str
    body : bytes
    says : str
        Part of the message.
    status : int
    path : str
        After the URL of the model.
    """

    name: str
    body: bytes
    says: str
    status: int = 400
    path: str = ":predict"


def fits_bytes(image: np.ndarray, change: Callable[[fits.PrimaryHDU], None] = lambda hdu: None) -> bytes:
    """Return the bytes of a FITS file with one image."""
    hdu = fits.PrimaryHDU(image)
    change(hdu)
    stream = io.BytesIO()
    hdu.writeto(stream, output_verify="ignore")
    return stream.getvalue()


def fits_body(files: Sequence[Sequence[bytes]]) -> bytes:
    """Return the body of a request to ``classify_fits`` for the files of each object, red first."""
    rows = [[{"b64": base64.b64encode(file).decode()} for file in each] for each in files]
    return json.dumps({"signature_name": "classify_fits", "instances": rows}).encode()


def malformed_requests(good: np.ndarray) -> list[Malformed]:
    """Return thirty malformed requests.

    Parameters
    ----------
    good : numpy.ndarray, float32, shape (side, side)
        A plane that the model accepts in each band.
    """
    fine = fits_bytes(good)
    flux = np.repeat(good[None, :, :, None], 3, axis=-1)
    blank = good.copy()
    middle = len(good) // 2
    blank[middle - 3 : middle + 3, middle - 3 : middle + 3] = np.nan

    def body(signature: str, **fields: Any) -> bytes:
        return json.dumps({"signature_name": signature, **fields}).encode()

    def rows(name: str, instances: Any, says: str) -> Malformed:
        return Malformed(name, body("classify_flux", instances=instances), says)

    def file(name: str, content: bytes, says: str) -> Malformed:
        return Malformed(name, fits_body([[fine, content, fine]]), f"object 0, band R: {says}")

    def strings(name: str, row: Sequence[Any], says: str) -> Malformed:
        return Malformed(name, body("classify_fits", instances=[row]), says)

    encoded = base64.b64encode(fine).decode()
    b64: Mapping[str, str] = {"b64": encoded}
    side = b"NAXIS1  = " + b"%20d" % len(good)
    lying = fine.replace(side, b"NAXIS1  = " + b"%20d" % 2_000_000_000, 1)
    return [
        Malformed("empty body", b"", "JSON Parse error"),
        Malformed("JSON cut off", body("classify_flux", instances=flux.tolist())[:-40], "JSON Parse error"),
        Malformed("not UTF-8", b'{"instances": "\xff\xfe"}', "not UTF-8"),
        Malformed("a list", b"[1, 2, 3]", "JSON list"),
        Malformed("nested without end", b"[" * 100_000, "nested too deeply"),
        Malformed("no inputs", body("classify_flux"), "neither 'inputs' nor 'instances'"),
        Malformed(
            "both forms", body("classify_flux", inputs=[1], instances=[1]), "both 'inputs' and 'instances'"
        ),
        Malformed("unknown signature", body("classify_all", instances=[1]), '"classify_all" not found'),
        Malformed("signature is a number", b'{"signature_name": 3, "instances": [1]}', "expected a string"),
        Malformed("unknown version", body("classify_flux", instances=[1]), "9", 404, "/versions/9:predict"),
        Malformed(
            "unknown label", body("classify_flux", instances=[1]), "label", 400, "/labels/best:predict"
        ),
        Malformed("classify", b'{"examples": []}', ":predict", 501, ":classify"),
        Malformed("other input", body("classify_flux", inputs={"fits": [1]}), "takes flux"),
        rows("no objects", [], "'instances' is empty"),
        rows("four bands", np.ones((1, 64, 64, 4)).tolist(), "shape (N, any, any, 3)"),
        rows("one plane", good.tolist(), "shape (N, any, any, 3)"),
        rows("smaller than the cut", np.ones((1, 8, 8, 3)).tolist(), "stamps must be at least"),
        rows("a word for a number", [[[[1.0, 2.0, "bright"]]]], "instances[0][0][0][2] is a JSON string"),
        rows("null for NaN", [[[[1.0, 2.0, None]]]], "instances[0][0][0][2] is a JSON null"),
        rows("ragged lists", [[[[1, 2, 3]], [[1, 2]]]], "instances[0][1][0] has 2 elements"),
        rows("beyond float32", [[[[1e39, 2.0, 3.0]]]], "beyond the range"),
        strings("not base64", [{"b64": "SIMPLE!"}, b64, b64], "instances[0][0]: Unable to base64 decode"),
        strings("base64 as plain string", [b64, encoded, b64], 'expected {"b64": "..."}'),
        strings("two files", [b64, b64], "shape (N, 3)"),
        file("not FITS", b"GIF89a" + bytes(3000), "not a FITS file"),
        file("empty file", b"", "no bytes"),
        file("truncated", fine[: 2880 + 700], "its header announces"),
        file("lies about its size", lying, "its header announces"),
        file("nothing at the centre", fits_bytes(blank), "no data at the centre"),
        file("constant", fits_bytes(np.ones_like(good)), "every pixel is 1"),
    ]
