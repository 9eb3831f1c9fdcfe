"""Many scripted annotators at once, while the server is killed and started again."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

KINDS = ("parts_done", "submit")


@dataclass
class Annotator:
    """Draws, places and hands in, one person after the other; keeps every action until it is answered."""

    name: str
    token: str
    port: int
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)  # key -> what the server said it stored
    people: int = 0
    retries: int = 0
    slow: list[float] = field(default_factory=list)  # seconds per action
    trouble: str = ""

    def run(self, until: float) -> None:
        """Work until that time of `time.monotonic`."""
        self.rng = random.Random(self.name)
        self.connection: HTTPConnection | None = None
        try:
            while time.monotonic() < until:
                found = self.call("POST", "/api/next", {})["assignment"]
                if found is None:
                    time.sleep(0.2)
                else:
                    self.annotate(found, until)
        except Exception as error:  # a thread's exception would get lost
            self.trouble = f"{type(error).__name__}: {error}"

    def annotate(self, number: int, until: float) -> None:
        """One person; stops in the middle when the time is over."""
        work = self.call("GET", f"/api/assignments/{number}")
        x0, y0, x1, y1 = work["box"]
        state = work["state"]
        if state["stage"] == "parts":
            for part in (1, 14, 6):
                corners = [
                    [self.rng.uniform(x0, x1), self.rng.uniform(y0, y1)]
                    for _ in range(self.rng.randint(3, 40))
                ]
                self.act(number, kind="shape", part=part, tool="polygon", points=corners)
            self.act(
                number, kind="shape", part=1, tool="polygon", points=[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
            )
            state = self.act(number, kind="parts_done")["state"]
        for point in state["points"]:
            if time.monotonic() > until:
                return
            self.place(number, point)
        self.act(number, kind="submit")
        self.people += 1

    def place(self, number: int, point: dict[str, Any]) -> None:
        x, y = self.rng.uniform(180, 300), self.rng.uniform(100, 380)
        if (
            self.act(number, kind="place", point=point["number"], view=self.rng.randint(0, 5), x=x, y=y)
            is None
        ):
            self.act(number, kind="cannot", point=point["number"])  # beside the part

    def act(self, number: int, **fields: Any) -> Any:
        """Send an action until it is answered; None where it is refused."""
        key = f"{self.rng.getrandbits(90):x}-{len(self.stored):05d}"
        start = time.monotonic()
        answer = self.call(
            "POST", f"/api/assignments/{number}/events", {"key": key, "seconds": 0.1, **fields}
        )
        self.slow.append(time.monotonic() - start)
        if "stored" not in answer:
            return None
        self.stored[key] = {"assignment": number, **fields}
        return answer

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request, sent again while the server is away."""
        text = None if body is None else json.dumps(body)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        for _ in range(2000):
            try:
                if self.connection is None:
                    self.connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
                self.connection.request(method, path, text, headers)
                answer = self.connection.getresponse()
                content = json.loads(answer.read())
                if answer.status >= 500:
                    raise AssertionError(f"{answer.status} {path}: {content}")
                return content
            except (OSError, HTTPException):
                self.connection = None
                self.retries += 1
                time.sleep(0.1)
        raise AssertionError(f"no answer: {path}")


def run_all(annotators: list[Annotator], seconds: float, while_running: Any) -> None:
    """Let all work at once for some time; `while_running()` in this thread meanwhile."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=a.run, args=(until,)) for a in annotators]
    for thread in threads:
        thread.start()
    while_running()
    for thread in threads:
        thread.join()
