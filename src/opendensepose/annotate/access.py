"""Who may do what: tokens, the cookie, protection against other sites, headers, limits of size."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from fastapi import HTTPException, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from opendensepose.annotate.store import ROLES, Setting, Store, Token, User, now

COOKIE = "odp_annotate"
_DAYS = 90
_MAX_BODY = 1 << 20  # bytes, of everything but photos
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def add_user(store: Store, name: str, role: str) -> User:
    """Make a user; ValueError for a name or role that cannot be."""
    if role not in ROLES:
        raise ValueError(f"role: expected one of {', '.join(ROLES)}, got {role!r}")
    if not (name.strip() == name and 0 < len(name) <= 64 and name.isprintable()):
        raise ValueError(f"name: expected 1 to 64 printable characters, got {name[:80]!r}")
    with store.write() as session:
        if session.scalar(select(User).where(User.name == name)):
            raise ValueError(f"name: expected one that is free, got {name!r}")
        user = User(name=name, role=role, created=now())
        session.add(user)
    return user


def add_token(store: Store, user: User, days: float = _DAYS) -> str:
    """A new secret that signs the user in; only its hash is stored."""
    secret = secrets.token_urlsafe(24)
    with store.write() as session:
        session.add(
            Token(user_id=user.id, digest=_digest(secret), created=now(), expires=now() + days * 86400)
        )
    return secret


def find_user(store: Store, secret: str) -> User | None:
    """Whose secret this is."""
    with store.read() as session:
        query = select(User).join(Token, Token.user_id == User.id)
        return session.scalar(query.where(Token.digest == _digest(secret), Token.expires > now()))


def csrf_token(store: Store, secret: str) -> str:
    """What a page must send back with every change: only a page of ours can know it."""
    with store.read() as session:
        key = session.get_one(Setting, "secret").value
    return hmac.new(key.encode(), secret.encode(), hashlib.sha256).hexdigest()


def ensure_secret(session: Session) -> None:
    """The project's own key, made once."""
    if session.get(Setting, "secret") is None:
        session.add(Setting(name="secret", value=secrets.token_urlsafe(32)))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def signed_in(request: Request) -> User:
    """The user of a request; 401 without one, 403 for a change that another site could have caused."""
    store: Store = request.app.state.project.store
    bearer = request.headers.get("authorization", "")
    secret = bearer[7:] if bearer.startswith("Bearer ") else request.cookies.get(COOKIE, "")
    user = find_user(store, secret) if secret else None
    if user is None:
        raise HTTPException(401, "sign in first")
    if request.method not in ("GET", "HEAD") and not bearer:
        given = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token(store, secret).encode()):
            raise HTTPException(403, "expected the page's own token with a change")
    return user


def at_least(role: str) -> Any:
    """A dependency: the user of a request, who has this role or a higher one."""

    def check(request: Request) -> User:
        user = signed_in(request)
        if ROLES.index(user.role) < ROLES.index(role):
            raise HTTPException(403, f"this needs the role {role}")
        return user

    return check


class Guard:
    """ASGI middleware: security headers on every answer, known hosts only, bodies of limited size."""

    def __init__(self, app: Any, hosts: list[str], uploads: str, max_upload: int) -> None:
        self.app, self.hosts, self.uploads, self.max_upload = app, hosts, uploads, max_upload

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.lower(): v for k, v in scope["headers"]}

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = {**HEADERS, "Cache-Control": "no-store"}
                for name, value in extra.items():
                    if name.lower().encode() not in present:
                        message["headers"].append((name.lower().encode(), value.encode()))
            await send(message)

        host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].strip("[]").lower()
        limit = self.max_upload if scope["path"] == self.uploads else _MAX_BODY
        declared = headers.get(b"content-length", b"0")
        if self.hosts != ["*"] and host not in self.hosts:
            await _refuse(send_guarded, 421, "unknown host name")
        elif not declared.isdigit() or int(declared[:20]) > limit:
            await _refuse(send_guarded, 413, f"expected at most {limit >> 20} MB")
        else:
            await self.app(scope, _limited(receive, limit), send_guarded)


def _limited(receive: Any, limit: int) -> Any:
    """`receive` that stops at `limit` bytes: a body without a declared length must not fill the memory."""
    read = 0

    async def receive_limited() -> Any:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413, f"expected at most {limit >> 20} MB")
        return message

    return receive_limited


async def _refuse(send: Any, status: int, text: str) -> None:
    body = ('{"detail":"' + text + '"}').encode()
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": body})
