"""Requests that nobody means well with: paths, sizes, encodings, tokens of others, malformed geometry."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

PATHS = (
    "/../../etc/passwd",
    "/static/../server.py",
    "/static/..%2fserver.py",
    "/static/%2e%2e/%2e%2e/store.py",
    "/static/....//....//etc/passwd",
    "/static/..\\..\\store.py",
    "/static/%00style.css",
    "/static/style.css%00.js",
    "/static//etc/passwd",
    "/static/",
    "/static/\u202egnp.css",
    "/%2e%2e/annotations.sqlite",
    "/annotations.sqlite",
    "/photos/",
    "/gold/",
    "/..%5c..%5cannotations.sqlite.html",
    "/....html",
    "/%ff%fe.html",
    "/index.html/../../../etc/passwd",
    "/api/assignments/1/tiles/..%2f..%2f/0/0",
    "/api/assignments/1/tiles/0/0/..%2f..%2f..%2fannotations.sqlite",
    "/api/views/..%2fpart_0.npz",
    "/api/views/-1",
    "/api/views/99999999999999999999999",
    "/api/assignments/0",
    "/api/assignments/-1",
    "/api/assignments/99999999999999999999999999/tiles/0/0/0",
    "/api/assignments/2147483647",
    "/api/assignments/1e3",
    "/api/assignments/١",
    "/api/assignments/1/tiles/99999999999/0/0",
    "/api/assignments/1/tiles/-1/0/0",
    "/api/photos/1/preview",
    "/api/photos?page=-1",
    "/api/photos?page=99999999999999999999",
    "/api/export",
    "/api/users",
    "/api/dashboard",
    "/api/review",
    "/api/locate/1/0?x=nan&y=nan",
    "/api/locate/1/0?x=1e999&y=0",
    "/api/locate/99/0?x=1&y=1",
    "/docs",
    "/openapi.json",
    "/.git/config",
)
NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e308",
    "1" * 5000,
    "1e-400",
    '"1"',
    "null",
    "true",
    "[]",
    "{}",
)
TEXTS = (
    '"\\ud800"',
    '"\\u0000"',
    '"' + "a" * 5000 + '"',
    '"<script>alert(1)</script>"',
    '"\'; DROP TABLE events;--"',
)
KINDS = [
    "shape",
    "reshape",
    "remove",
    "status",
    "undo",
    "redo",
    "place",
    "cannot",
    "parts_done",
    "parts_reopen",
    "submit",
    "skip",
    "accept",
    "return",
    "start",
]
FIELDS = (
    "part",
    "tool",
    "points",
    "width",
    "shape",
    "point",
    "view",
    "x",
    "y",
    "stage",
    "status",
    "note",
    "key",
    "seconds",
)


@dataclass(frozen=True)
class Attack:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def attacks(seed: int, count: int, own: int, others: int) -> Iterator[Attack]:
    """`count` requests of somebody who is signed in as an annotator with the assignment `own`."""
    rng = random.Random(seed)
    makers = (_path, _event, _bytes, _foreign, _forbidden, _headers)
    for number in range(count):
        yield makers[number % len(makers)](rng, own, others)


def _path(rng: random.Random, own: int, others: int) -> Attack:
    path = rng.choice(PATHS)
    if rng.random() < 0.3:
        path = path.replace("/", rng.choice(("//", "/./", "/%2e/", "%2f")), 1) if path != "/" else path
    return Attack(rng.choice(("GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")), path)


def _event(rng: random.Random, own: int, others: int) -> Attack:
    """An action with some fields of a wrong kind or size."""
    good = {
        "kind": json.dumps(rng.choice(KINDS)),
        "key": json.dumps(f"attack-{rng.getrandbits(60):x}"),
        "part": "1",
        "tool": '"polygon"',
        "points": "[[1,1],[5,5],[1,5]]",
    }
    for name in rng.sample(FIELDS, rng.randint(1, 4)):
        value = rng.choice(NUMBERS + TEXTS)
        if name == "points" and rng.random() < 0.7:
            value = rng.choice(
                (f"[[{value},1]]", "[" + "[1,1]," * 6000 + "[1,1]]", "[" * 3000 + "]" * 3000, "[[1]]")
            )
        good[name] = value
    text = "{" + ",".join(f'"{name}":{value}' for name, value in good.items()) + "}"
    return Attack("POST", f"/api/assignments/{own}/events", text.encode("utf-8", "surrogatepass"))


def _bytes(rng: random.Random, own: int, others: int) -> Attack:
    """No JSON at all, broken text, or far too much of it."""
    body = rng.choice(
        (
            rng.randbytes(rng.randint(0, 300)),
            b"\xff\xfe{}",
            b"[" * 100_000,
            b'{"kind":"shape"',
            b"x" * (2 << 20),
            '{"kind":"undo","stage":1}'.encode("utf-16"),
            b'{"a":' * 20_000,
            b"",
        )
    )
    path = rng.choice(
        (f"/api/assignments/{own}/events", "/api/next", "/api/login", "/api/users", "/api/photos?name=a.jpg")
    )
    return Attack("POST", path, body)


def _foreign(rng: random.Random, own: int, others: int) -> Attack:
    """Somebody else's assignment."""
    what = rng.choice(("", "/places", "/tiles/0/0/0", "/thumb", "/events", "/assist"))
    body = {"kind": rng.choice(KINDS), "key": f"attack-{rng.getrandbits(60):x}", "note": "x"}
    if rng.random() < 0.5:
        body |= {"kind": "shape", "part": 1, "tool": "brush", "points": [[1, 1]], "width": 3.0}
        del body["note"]
    method = "POST" if what in ("/events", "/assist") else "GET"
    return Attack(
        method, f"/api/assignments/{others}{what}", json.dumps(body).encode() if method == "POST" else b""
    )


def _forbidden(rng: random.Random, own: int, others: int) -> Attack:
    """What only admins may do, and bodies that even they may not send."""
    return rng.choice(
        (
            Attack("POST", "/api/users", json.dumps({"name": "eve", "role": "admin"}).encode()),
            Attack("POST", "/api/users/1/tokens", b"{}"),
            Attack("POST", "/api/people/1/withdraw", b"{}"),
            Attack("POST", "/api/photos/1/people", b'{"box":[0,0,50,50]}'),
            Attack("POST", "/api/photos/1/people", b'{"box":[NaN,0,1e999,50]}'),
            Attack("POST", "/api/photos?name=..%2f..%2fevil.jpg", b"GIF89a"),
            Attack("GET", "/api/photos"),
            Attack(
                "POST",
                "/api/login",
                json.dumps({"token": rng.choice(("", "x" * 199, "x" * 5000, "\u0000", "é"))}).encode(),
            ),
        )
    )


def _headers(rng: random.Random, own: int, others: int) -> Attack:
    """Other hosts, other sites, broken cookies, lies about the length."""
    headers = rng.choice(
        (
            {"host": "evil.example"},
            {"host": ""},
            {"x-csrf-token": "0" * 64},
            {"x-csrf-token": ""},
            {"cookie": "odp_annotate=" + "A" * 3000},
            {"cookie": "odp_annotate=\xff\xfe; ;;=;"},
            {"authorization": "Bearer " + "A" * 200},
            {"authorization": "Bearer "},
            {"content-length": "99999999999"},
            {"content-length": "-5"},
            {"content-length": "abc"},
            {"content-type": "multipart/form-data; boundary=x"},
            {"range": "bytes=0-1,5-6,9-99999999999"},
            {"if-none-match": "*"},
            {"transfer-encoding": "chunked"},
            {"origin": "https://evil.example", "x-csrf-token": ""},
        )
    )
    body = json.dumps({"kind": "undo", "key": f"attack-{rng.getrandbits(60):x}", "stage": 1}).encode()
    if rng.random() < 0.4:
        return Attack(
            "GET", rng.choice(("/", "/static/style.css", f"/api/assignments/{own}", "/api/me")), b"", headers
        )
    return Attack("POST", f"/api/assignments/{own}/events", body, headers)
