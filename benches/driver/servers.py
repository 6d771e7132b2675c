"""Mintery and the yardstick, each in a process of its own on the server's core."""

import base64
import http.client
import json
import os
import re
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import machine
from machine import Failed

BASIC_BODY = "grant_type=client_credentials&scope=read+write"


@dataclass(frozen=True)
class Request:
    """One request, as a line of the file that wrk/requests.lua reads."""

    method: str
    path: str
    authorization: str
    body: str = ""

    def line(self) -> str:
        return "\t".join((self.method, self.path, self.authorization, self.body))

    def to_bytes(self) -> bytes:
        form = "Content-Type: application/x-www-form-urlencoded\r\n" if self.body else ""
        return (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {self.authorization}\r\n"
            f"{form}Content-Length: {len(self.body)}\r\n\r\n{self.body}"
        ).encode()


def token_request(client: dict) -> Request:
    pair = f"{client['client_id']}:{client['client_secret']}".encode()
    return Request("POST", "/oauth/token", "Basic " + base64.b64encode(pair).decode(), BASIC_BODY)


class Server:
    """A process that listens on a port of its own and answers 200 at `ready_path` when it can serve."""

    def __init__(self, name: str, directory: Path, ready_path: str) -> None:
        self.name = name
        self.directory = directory
        self.ready_path = ready_path
        self.port = machine.free_port()
        self.process = None
        directory.mkdir(exist_ok=True)

    def argv(self) -> list:
        raise NotImplementedError

    def environment(self) -> dict:
        """The environment without settings that are meant for another Mintery."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("MINTERY_", "RUST_LOG"))}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def spawn(self) -> None:
        with open(self.directory / "log", "ab") as log:
            self.process = machine.start(
                self.argv(), cwd=self.directory, env=self.environment(), stdout=log, stderr=log
            )

    def start(self) -> "Server":
        self.spawn()
        end = time.monotonic() + 30
        while not self.is_ready():
            self.check_alive()
            if time.monotonic() > end:
                raise Failed(f"{self.name} was not ready after 30 s: {self.log()}")
            time.sleep(0.01)
        return self

    def is_ready(self) -> bool:
        """One quick look; also what the time of a start is measured with."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(f"GET {self.ready_path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.log()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        machine.stop(self.process, how)

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")[-2000:].strip()

    def status(self, request: Request) -> int:
        """The status of the answer to one request, whatever it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": request.authorization, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def ask(self, request: Request) -> tuple[int, bytes]:
        """The answer to one request: its size with its headers, and its body. Fails unless it is a 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": request.authorization}
        if request.body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed(f"{self.name} answers {answer.status} to {request.method} {request.path}: {body!r}")
        head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
        return head + len(body), body

    def fetch_tokens(self, request: Request, count: int) -> list[str]:
        """Many tokens over one connection, sixteen requests at a time."""
        tokens = []
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            while len(tokens) < count:
                batch = min(16, count - len(tokens))
                connection.sendall(request.to_bytes() * batch)
                answers = b""
                while answers.count(b'"access_token"') < batch or not answers.endswith(b"}"):
                    part = connection.recv(1 << 16)
                    if not part:
                        raise Failed(f"{self.name} hung up after {len(tokens)} tokens: {answers[:500]!r}")
                    answers += part
                    if answers.count(b"HTTP/1.1 ") != answers.count(b"HTTP/1.1 200 "):
                        raise Failed(f"{self.name} refused a token: {answers[-500:]!r}")
                tokens += re.findall(r'"access_token":"([^"]+)"', answers.decode())
        return tokens


class Yardstick(Server):
    def __init__(self, directory: Path, algorithm: str = "ES256") -> None:
        super().__init__("yardstick", directory, "/seen")
        self.algorithm = algorithm

    def argv(self) -> list:
        return [machine.binary("yardstick"), f"127.0.0.1:{self.port}", self.algorithm]


class FollowingApi(Server):
    """An API that verifies offline and follows what the issuer takes back, with the credentials of a client."""

    def __init__(self, directory: Path, issuer: str, client: dict) -> None:
        super().__init__("following-api", directory, "/ready")
        self.issuer = issuer
        self.client = client

    def argv(self) -> list:
        client = self.client
        return [machine.binary(self.name), f"127.0.0.1:{self.port}", self.issuer, client["client_id"], client["client_secret"]]


class Mintery(Server):
    """`program` is `mintery`, or one that takes the same settings and reads the same database."""

    def __init__(
        self, directory: Path, program: str = "mintery", algorithm: str = "ES256", database_url: str | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        super().__init__(program, directory, "/readyz")
        self.algorithm = algorithm
        self.database_url = database_url
        self.settings = settings or {}

    def argv(self) -> list:
        return [machine.binary(self.name), "serve", "--dev"]

    def environment(self) -> dict:
        database = {"MINTERY_DATABASE_URL": self.database_url} if self.database_url else {}
        return super().environment() | database | {
            "MINTERY_LISTEN": f"127.0.0.1:{self.port}",
            "MINTERY_WORKERS": "1",
            "MINTERY_LOG": "warn",
            "MINTERY_TOKEN__ALG": self.algorithm,
        } | self.settings

    def run(self, *words, cores: str = "load", seconds: float = 60) -> str:
        """What a command prints that acts on the same database."""
        return self._run([machine.binary("mintery"), *words], cores, seconds)

    def run_with_input(self, text: str, *words) -> str:
        """The same of one that reads this."""
        return self._run(["sh", "-c", 'printf %s "$0" | "$@"', text, machine.binary("mintery"), *words], "load", 60)

    def create_client(self, name: str = "bench", secret: str = "", scope: str = "read write") -> dict:
        """A client, with a secret that is made or with this one."""
        words = ["client", "create", "--name", name, "--scope", scope, "-o", "json"]
        return json.loads(self.run_with_input(secret, *words, "--secret", "-") if secret else self.run(*words))

    def _run(self, argv: list, cores: str, seconds: float) -> str:
        process = machine.start(
            argv, cores=cores, cwd=self.directory, env=self.environment(), stdout=-1, stderr=-1, text=True
        )
        return machine.finish(process, seconds)[0]


class Caller:
    """One connection to a server, kept."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def status(self, method: str, path: str, authorization: str, body: str | None = None) -> int:
        """The status of the answer to one request, whose body is a form."""
        return self.ask(method, path, authorization, body, "application/x-www-form-urlencoded")[0]

    def ask(self, method: str, path: str, authorization: str, body: str | None, content_type: str) -> tuple[int, bytes]:
        """The status of the answer to one request, and its body."""
        headers = {"Authorization": authorization}
        if body:
            headers["Content-Type"] = content_type
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()
