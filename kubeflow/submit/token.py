"""Bearer tokens: a file, which may be renewed while a run is followed, or the environment."""

import base64
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from kubeflow.submit.errors import SubmitError

TOKEN_VARIABLE = "KFP_EXISTING_TOKEN"
"""Environment variable of a token; the command `kfp` reads it, too."""

IN_CLUSTER_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
"""Where a pod has the token of its service account for Kubeflow Pipelines, if its volumes project one."""


@dataclass(frozen=True)
class Token:
    """A token, and where it comes from.

    Attributes
    ----------
    source : str
        For messages.
    file : Path or None
        Read anew for every request, because Kubernetes renews it.
    text : str
        The token, if it is in no file. Never shown.
    """

    source: str
    file: Path | None = None
    text: str = ""

    def __repr__(self) -> str:
        return f"Token({self.source})"

    def read(self) -> str:
        """Return the token.

        Raises
        ------
        SubmitError
            If the file cannot be read, or holds no token, or the token has expired.
        """
        text = self.text
        if self.file is not None:
            try:
                text = self.file.read_text(encoding="utf-8")
            except OSError as error:
                raise SubmitError(f"{self.source} cannot be read: {error.strerror or error}") from None
            except UnicodeDecodeError:
                raise SubmitError(f"{self.source} holds no text") from None
        token = text.strip().removeprefix("Bearer ").strip()
        if not token:
            raise SubmitError(f"{self.source} is empty")
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise SubmitError(
                f"{self.source} holds more than one token, or characters that a token cannot have"
            )
        expiry = _expiry(token)
        if expiry is not None and expiry < time.time():
            when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expiry))
            raise SubmitError(f"{self.source} holds a token that expired at {when}; get a new one")
        return token


def find_token(file: Path | None) -> Token | None:
    """Return the token to use, which is checked: a given file's, or the environment's, or the pod's.

    Parameters
    ----------
    file : Path or None
        What ``--token-file`` gives.

    Raises
    ------
    SubmitError
        As `Token.read`.
    """
    token = None
    if file is not None:
        token = Token(f"--token-file {file}", file)
    elif TOKEN_VARIABLE in os.environ:
        token = Token(f"the environment variable {TOKEN_VARIABLE}", text=os.environ[TOKEN_VARIABLE])
    elif IN_CLUSTER_TOKEN.is_file():
        token = Token(f"the token of the service account, {IN_CLUSTER_TOKEN},", IN_CLUSTER_TOKEN)
    if token is not None:
        token.read()
    return token


def _expiry(token: str) -> float | None:
    """Return when a JSON web token expires [s since 1970]; None if it does not say, or is of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
