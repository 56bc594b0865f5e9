"""Send a finished table to TOPCAT, Aladin and others by SAMP, the protocol of the Virtual Observatory.

SAMP 1.3 (https://www.ivoa.net/documents/SAMP/), by `astropy.samp`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError

FITS, VOTABLE = "table.load.fits", "table.load.votable"
"""Messages that ask a client to load a table. There is none for Parquet."""

EXTENSIONS = {FITS: ".fits", VOTABLE: ".vot"}

_SECONDS = 60  # a client has this time to load the table


@dataclass(frozen=True)
class Sent:
    """What a client answered.

    Attributes
    ----------
    client : str
        Name of the client, such as topcat.
    path : Path
        The file that it was asked to load.
    problem : str
        Why it did not load it; empty if it did.
    """

    client: str
    path: Path
    problem: str = ""


def send_table(
    tables: Mapping[str, Path],
    make: Callable[[str], Path],
    name: str,
    *,
    identifier: str = "",
    seconds: int = _SECONDS,
) -> list[Sent]:
    """Ask every client of the running hub that loads tables to load this one.

    Parameters
    ----------
    tables : mapping of str to Path
        Files that there are, by the message (`FITS`, `VOTABLE`) that loads them.
    make : callable
        Makes the file for a message and returns its path, called at most once for each message, and only
        for one that a client needs. The file must stay, because clients may read it later.
    name : str
        What the clients call the table.
    identifier : str
        What clients know the table by, so that they can exchange selected rows; that of the file if empty.
    seconds : int
        How long to wait for the answer of a client [s].

    Returns
    -------
    list of Sent
        One for each client that loads tables.

    Raises
    ------
    CatalogError
        If no hub runs, or none of its clients loads tables.

    Notes
    -----
    The hub is found by the environment variable ``SAMP_HUB`` or in ``~/.samp``, as SAMP prescribes. A client
    that loads both formats gets a file that there is already, otherwise FITS.
    """
    with warnings.catch_warnings():
        # astropy 8 says that `astropy.samp` will move to pyvo, which is no dependency of ours.
        warnings.simplefilter("ignore")
        from astropy.samp import SAMPProxyError

    files = dict(tables)
    with _connected() as client:
        receivers = {
            message: set(client.get_subscribed_clients(message)) - {client.get_public_id()}
            for message in (FITS, VOTABLE)
        }
        if not (everyone := receivers[FITS] | receivers[VOTABLE]):
            raise CatalogError("--samp: no program that loads tables is connected to the SAMP hub")
        found = []
        for receiver in sorted(everyone):
            loads = [message for message in (FITS, VOTABLE) if receiver in receivers[message]]
            message = next((message for message in loads if message in files), loads[0])
            if message not in files:
                files[message] = make(message)
            path = files[message].absolute()
            arguments = {"url": path.as_uri(), "table-id": identifier or path.as_uri(), "name": name}
            title = receiver
            try:
                title = str(client.get_metadata(receiver).get("samp.name", receiver))
                answer = client.ecall_and_wait(receiver, message, str(seconds), **arguments)
                problem = _problem(answer)
            except SAMPProxyError as error:
                problem = " ".join(str(error.faultString).split())
            found.append(Sent(title, path, problem))
        return found


def _problem(answer: Mapping[str, Any]) -> str:
    if answer.get("samp.status") == "samp.ok":
        return ""
    error = answer.get("samp.error", {}).get("samp.errortxt", "no reason was given")
    return " ".join(str(error).split())


@contextmanager
def _connected() -> Iterator[Any]:
    from astropy.samp import SAMPHubError, SAMPIntegratedClient, conf

    # Otherwise astropy asks a server on the internet whether it is there.
    with conf.set_temp("use_internet", False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a lock file that a dead hub has left
        client = SAMPIntegratedClient(
            name="galmorph", description="Morphological classification of galaxies", addr="127.0.0.1"
        )
        try:
            client.connect()
        except (SAMPHubError, KeyError, OSError) as error:
            raise CatalogError(
                "--samp: no SAMP hub is running; start TOPCAT or Aladin first, and send the table again"
            ) from error
        try:
            yield client
        finally:
            client.disconnect()
