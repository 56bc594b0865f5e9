"""Sending a table by SAMP, to clients of astropy's own hub."""

import warnings
from urllib.parse import unquote

import pytest
from astropy.samp import SAMPHubServer, SAMPIntegratedClient, conf
from astropy.table import Table

from catalog.errors import CatalogError
from catalog.samp import FITS, VOTABLE, send_table


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{tmp_path / 'hub'}")
    with conf.set_temp("use_internet", False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = SAMPHubServer(web_profile=False, addr="127.0.0.1", lockfile=str(tmp_path / "hub"))
        server.start()
        yield server
        server.stop()


class Program:
    """A client that loads tables, as TOPCAT does."""

    def __init__(self, hub, name, *messages):
        self.client = SAMPIntegratedClient(name=name, addr="127.0.0.1")
        self.client.connect(hub=hub)
        self.received = []
        for message in messages:
            self.client.bind_receive_call(message, self.load)

    def load(self, private_key, sender_id, msg_id, mtype, params, extra):
        self.received.append((mtype, params))
        try:
            self.rows = len(Table.read(unquote(params["url"].removeprefix("file://"))))
            self.client.ereply(msg_id, "samp.ok", result={})
        except Exception as error:
            self.client.ereply(msg_id, "samp.error", error={"samp.errortxt": f"cannot\nread: {error}"})


@pytest.fixture
def program(hub):
    started = []

    def start(name, *messages):
        started.append(Program(hub, name, *messages))
        return started[-1]

    yield start
    for each in started:
        each.client.disconnect()


@pytest.fixture
def make(tmp_path):
    made = []

    def write(message):
        made.append(message)
        path = tmp_path / ("té st.fits" if message == FITS else "t.vot")
        Table({"a": [1, 2, 3]}).write(path, format="fits" if message == FITS else "votable")
        return path

    write.made = made
    return write


def test_a_client_loads_the_table(program, make):
    topcat = program("topcat", FITS, VOTABLE)
    (sent,) = send_table({}, make, "survey", identifier="galmorph:1")
    assert (sent.client, sent.problem, topcat.rows, make.made) == ("topcat", "", 3, [FITS])
    ((message, parameters),) = topcat.received
    assert (message, parameters["name"], parameters["table-id"]) == (FITS, "survey", "galmorph:1")


def test_each_client_gets_a_format_that_it_loads(program, make):
    first, second = program("aladin", VOTABLE), program("topcat", FITS, VOTABLE)
    program("ds9", "image.load.fits")
    table = make(VOTABLE)
    make.made.clear()
    sent = send_table({VOTABLE: table}, make, "survey")
    assert sorted(each.client for each in sent) == ["aladin", "topcat"]
    assert [first.received[0][0], second.received[0][0]] == [VOTABLE, VOTABLE]
    assert make.made == [] and (first.rows, second.rows) == (3, 3)


def test_a_client_that_fails_is_reported(program, tmp_path):
    program("topcat", FITS)
    (tmp_path / "t.fits").write_bytes(b"nothing")
    (sent,) = send_table({FITS: tmp_path / "t.fits"}, None, "survey")
    assert sent.client == "topcat" and sent.problem.startswith("cannot read: ")
    assert "\n" not in sent.problem


def test_a_client_that_does_not_answer_is_reported(program, make):
    deaf = program("deaf")
    deaf.client.bind_receive_call(FITS, lambda *arguments: None)
    (sent,) = send_table({}, make, "survey", seconds=1)
    assert sent.client == "deaf" and "timeout" in sent.problem.lower()


def test_without_a_hub_there_is_one_line(tmp_path, monkeypatch, make):
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{tmp_path / 'none'}")
    with pytest.raises(CatalogError, match=r"^--samp: no SAMP hub is running"):
        send_table({}, make, "survey")
    assert make.made == []


def test_a_dead_hub_is_none(tmp_path, monkeypatch, make):
    lock = tmp_path / "dead"
    lock.write_text("samp.secret=1\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\nsamp.profile.version=1.3\n")
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{lock}")
    with pytest.raises(CatalogError, match="no SAMP hub is running"):
        send_table({}, make, "survey")


def test_without_a_client_that_loads_tables_nothing_is_made(program, make):
    program("ds9", "image.load.fits")
    with pytest.raises(CatalogError, match="no program that loads tables"):
        send_table({}, make, "survey")
    assert make.made == []
