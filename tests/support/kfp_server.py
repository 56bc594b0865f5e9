"""A server on this machine that speaks the v2beta1 API of Kubeflow Pipelines, as its API server 2.16 answers.

It keeps experiments, runs, recurring runs and pipelines; a run goes through states that a test writes down.
Faults are put in front: what a proxy, a page to log in or a broken connection would answer in its place.
"""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Fault = Callable[[BaseHTTPRequestHandler], None]

START = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"  # what the API tells where there is no time


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry(
    name: str, state: str = "", start: float | None = None, end: float | None = None, **more: Any
) -> dict:
    """A node of the Argo workflow as `task_details` has it; a state of "" is what Argo calls omitted."""
    told = {
        "run_id": "r",
        "task_id": f"id of {name} {start}",
        "display_name": name,
        "create_time": at(0),
        "start_time": NEVER if start is None else at(start),
        "end_time": NEVER if end is None else at(end),
        **more,
    }
    return told | ({"state": state} if state else {})


def done(name: str, start: float, seconds: float, pods: str = "executor") -> list[dict]:
    begin = start + 5
    return [
        entry(f"{name}-driver", "SUCCEEDED", start, begin),
        entry(name, "SUCCEEDED", begin, begin + seconds),
        entry(pods, "SUCCEEDED", begin, begin + seconds),
    ]


def cached(name: str, start: float) -> list[dict]:
    begin = start + 5
    return [
        entry(f"{name}-driver", "SUCCEEDED", start, begin),
        entry(name, "SUCCEEDED", begin, begin),
        entry("executor", "SKIPPED", begin, begin),
    ]


def running(name: str, start: float, pod: str = "RUNNING") -> list[dict]:
    begin = start + 5
    return [
        entry(f"{name}-driver", "SUCCEEDED", start, begin),
        entry(name, "RUNNING", begin),
        entry("executor", pod, begin),
    ]


def failed(name: str, start: float, seconds: float, **more: Any) -> list[dict]:
    begin = start + 5
    return [
        entry(f"{name}-driver", "SUCCEEDED", start, begin),
        entry(name, "FAILED", begin, begin + seconds, **more),
        entry("executor", "FAILED", begin, begin + seconds),
        entry("executor(0)", "FAILED", begin, begin + seconds),
    ]


def driver_failed(name: str, start: float) -> list[dict]:
    return [entry(f"{name}-driver", "FAILED", start, start + 3), entry(name, "", start + 3, start + 3)]


def omitted(name: str, start: float) -> list[dict]:
    return [entry(f"{name}-driver", "", start, start), entry(name, "", start, start)]


@dataclass
class Step:
    """A run at one look; the last step stays."""

    state: str
    tasks: list[dict] = field(default_factory=list)
    more: dict = field(default_factory=dict)


GOOD = done("RunSettings", 0, 20) + done("Trainer", 40, 600) + done("Pusher", 660, 30)
SUCCEEDING = [
    Step("PENDING"),
    Step("RUNNING", running("RunSettings", 0)),
    Step("RUNNING", done("RunSettings", 0, 20) + running("Trainer", 40)),
    Step("SUCCEEDED", GOOD + done("PublicationGate", 700, 4)),
]
REFUSING = [Step("RUNNING", GOOD), Step("FAILED", GOOD + failed("PublicationGate", 700, 4))]


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class KfpServer:
    """What the server knows, and how it behaves."""

    url: str = ""
    prefix: str = ""
    multi_user: bool = False
    namespaces: tuple[str, ...] = ()
    token: str = ""
    cookie: str = ""
    script: list[Step] = field(default_factory=lambda: list(SUCCEEDING))
    asked: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)
    kept: dict[str, dict[str, dict]] = field(default_factory=dict)
    looks: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def fail(self, method: str, path: str, *faults: Fault) -> None:
        """Put faults in front of a path, a pattern; each is used once, in turn."""
        self.faults += [(method, path, fault) for fault in faults]

    def all(self, kind: str) -> list[dict]:
        return list(self.kept.get(kind, {}).values())

    def requests(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method and re.fullmatch(path, one.path)]

    def keep(self, kind: str, key: str, thing: dict) -> dict:
        known = self.kept.setdefault(kind, {})
        thing[key] = f"{kind}-{len(known) + 1}"
        known[thing[key]] = thing
        return thing

    def respond(self, asked: Asked) -> tuple[int, dict]:
        """Answer as the API server does."""
        path = asked.path.removeprefix(self.prefix)
        if not asked.path.startswith(self.prefix) or not path.startswith("/apis/v2beta1/"):
            return 404, {"code": 5, "message": "Not Found", "details": []}
        parts = path.removeprefix("/apis/v2beta1/").split("/")
        if self.token and asked.headers.get("Authorization") != f"Bearer {self.token}":
            return refused(
                401, 16, "Unauthenticated: Request header error: there is no user identity header."
            )
        if self.cookie and asked.headers.get("Cookie") != self.cookie:
            return refused(401, 16, "no session")
        if parts == ["healthz"]:
            return 200, {"multi_user": True} if self.multi_user else {}
        namespace = asked.query.get("namespace") or (asked.body or {}).get("namespace", "")
        if namespace and not self.multi_user:
            return refused(
                400, 3, "Invalid input error: In single-user mode, ListExperiment cannot filter by namespace."
            )
        if namespace and namespace not in self.namespaces:
            return refused(403, 7, f"PermissionDenied: User 'ana' is not authorized in {namespace}")
        handler = getattr(self, f"{asked.method.lower()}_{parts[0]}", None)
        return handler(parts[1:], asked) if handler else (501, {"code": 12, "message": "Method Not Allowed"})

    def get_experiments(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        return 200, listed("experiments", self.named("experiments", asked))

    def post_experiments(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        return 200, self.keep("experiments", "experiment_id", dict(asked.body))

    def get_runs(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        if not rest:
            assert asked.query["experiment_id"]
            found = self.named("runs", asked) if "filter" in asked.query else self.all("runs")
            return 200, listed("runs", found)
        run = self.kept.get("runs", {}).get(rest[0])
        if run is None:
            return refused(404, 5, f"Failed to get a run: ResourceNotFoundError: Run {rest[0]} not found")
        step = self.script[min(self.looks, len(self.script) - 1)]
        self.looks += 1
        told = {"state": step.state, "created_at": at(0), "run_details": {"task_details": step.tasks}}
        if step.state in ("SUCCEEDED", "FAILED", "CANCELED"):
            told["finished_at"] = at(760)
        return 200, run | told | step.more

    def post_runs(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        if wrong := self.wrong_arguments(asked.body):
            return refused(400, 3, wrong)
        return 200, self.keep("runs", "run_id", dict(asked.body))

    def get_recurringruns(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        return 200, listed("recurringRuns", self.named("recurringruns", asked))

    def post_recurringruns(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        if rest:
            identifier, _, action = rest[0].partition(":")
            self.kept["recurringruns"][identifier]["status"] = f"{action.upper()}D"
            return 200, {}
        return 200, self.keep("recurringruns", "recurring_run_id", dict(asked.body) | {"status": "ENABLED"})

    def delete_recurringruns(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        del self.kept["recurringruns"][rest[0]]
        return 200, {}

    def get_pipelines(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        if not rest:
            return 200, listed("pipelines", self.named("pipelines", asked))
        if len(rest) == 3:
            return 200, self.kept["versions"][rest[2]]
        return 200, listed("pipeline_versions", self.named("versions", asked))

    def post_pipelines(self, rest: list[str], asked: Asked) -> tuple[int, dict]:
        if rest == ["upload_version"]:
            made = {"display_name": asked.query["name"], "pipeline_id": asked.query["pipelineid"]}
            return 200, self.keep("versions", "pipeline_version_id", made | {"file": asked.body["file"]})
        return 200, self.keep("pipelines", "pipeline_id", dict(asked.body))

    def named(self, kind: str, asked: Asked) -> list[dict]:
        """What a filter by name, which must be the only predicate, selects."""
        (predicate,) = json.loads(asked.query["filter"])["predicates"]
        assert predicate["operation"] == 1 and predicate["key"] == "display_name"
        return [thing for thing in self.all(kind) if thing["display_name"] == predicate["stringValue"]]

    def wrong_arguments(self, body: dict) -> str:
        """The API server's check of the arguments' types; it drops defaults, so all must be there."""
        spec = body.get("pipeline_spec")
        if spec is None:
            return ""
        wanted = spec.get("pipeline_spec", spec)["root"]["inputDefinitions"]["parameters"]
        given = body["runtime_config"]["parameters"]
        if missing := set(wanted) - set(given):
            return f"parameter {missing.pop()} is missing"
        types = {"STRING": str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}
        for name, definition in wanted.items():
            type_ = types.get(definition["parameterType"], (int, float))
            if not isinstance(given[name], type_):
                return (
                    f"Invalid input error: input parameter {name} requires type {definition['parameterType']}"
                )
        return ""


def listed(key: str, things: list[dict]) -> dict:
    return {key: things, "total_size": len(things)} if things else {}


def refused(status: int, code: int, message: str) -> tuple[int, dict]:
    details = [{"@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": message}]
    return status, {"error": message, "code": code, "message": message, "details": details}


def answering(status: int, body: str = "", content_type: str = "application/json", **headers: str) -> Fault:
    """Answer in the server's place."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {"Content-Type": content_type, "Content-Length": str(len(body.encode()))}
        for name, value in {**named, **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body.encode())

    return send


def page(title: str, status: int = 200) -> Fault:
    return answering(
        status, f"<!doctype html><html><title>{title}</title></html>", "text/html; charset=utf-8"
    )


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def slow(seconds: float) -> Fault:
    def wait(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answering(200, "{}")(handler)

    return wait


def after(fault: Fault) -> Fault:
    """Do what is asked, and only then the fault, so that the answer is lost."""

    def then(handler: BaseHTTPRequestHandler) -> None:
        fault(handler)

    then.done_before = True  # type: ignore[attr-defined]
    return then


def _handler(server: KfpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if "json" in self.headers.get("Content-Type", "") and data:
                body = json.loads(data)
            else:
                body = {"file": data.decode()} if data else None
            asked = Asked(
                self.command,
                parts.path,
                query,
                {name.title(): value for name, value in self.headers.items()},
                body,
            )
            with server.lock:
                server.asked.append(asked)
                fault = self.fault(asked)
                if fault is None or getattr(fault, "done_before", False):
                    status, told = server.respond(asked)
            with suppress(OSError):
                (fault or answering(status, json.dumps(told)))(self)

        do_POST = do_DELETE = do_GET

        def fault(self, asked: Asked) -> Fault | None:
            for number, (method, path, fault) in enumerate(server.faults):
                if method == asked.method and re.search(path, asked.path):
                    del server.faults[number]
                    return fault
            return None

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def kfp_server(**settings: Any) -> Iterator[KfpServer]:
    """A running server."""
    server = KfpServer(**settings)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}{server.prefix}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
