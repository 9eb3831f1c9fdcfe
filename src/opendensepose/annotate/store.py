"""The store: who annotated what, when and for how long; rows are added and never changed.

SQLite in the project folder by default, any database by its URL (PostgreSQL is tested). What an assignment
looks like now is computed from its events (`state.fold`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import JSON, Double, Engine, ForeignKey, Index, String, UniqueConstraint, create_engine, event
from sqlalchemy import inspect as inspect_database
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

SCHEMA = 1
GOLD = "//gold/"  # what names of gold photos begin with: no file of a folder has such a name
ROLES = ("annotator", "reviewer", "admin")  # each may do what those before it may


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map: ClassVar = {dict[str, Any]: JSON, float: Double}


class Setting(Base):
    """What holds for the project: schema, shares, hours."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))


class User(Base):
    """Who works here."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    created: Mapped[float]


class Token(Base):
    """The SHA-256 of a secret that signs a user in."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[float]
    expires: Mapped[float]


class Photo(Base):
    """One picture of the project."""

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(1024), unique=True)  # as it was given, sub-folders kept
    file: Mapped[str] = mapped_column(String(80))  # below the project folder, named by us
    width: Mapped[int]
    height: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the file
    extra: Mapped[dict[str, Any]]  # keys of an imported file: track and frame keys, its image id
    created: Mapped[float]


class Person(Base):
    """One person to annotate; gold ones have known truth and look like all others."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), index=True)
    x0: Mapped[float]  # box, pixels of the picture
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    source: Mapped[str] = mapped_column(String(16))  # detector, file, drawn, gold
    copies: Mapped[int]  # how many annotators: 1, or 2 to measure agreement
    instance: Mapped[int]  # gold: number in the truth's instance picture; else 0
    entry: Mapped[dict[str, Any]]  # keys of an imported annotation; empty otherwise
    created: Mapped[float]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """xyxy, pixels of the picture."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def gold(self) -> bool:
        """Whether the truth is known."""
        return self.source == "gold"


class Withdrawal(Base):
    """A person that shall not be annotated after all."""

    __tablename__ = "withdrawals"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created: Mapped[float]


class Assignment(Base):
    """A person handed to an annotator."""

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("person_id", "user_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created: Mapped[float]


class Event(Base):
    """One thing that somebody did in an assignment."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("assignment_id", "key"), Index("by_kind", "kind", "assignment_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    key: Mapped[str] = mapped_column(String(40))  # made by the client: sending twice stores once
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[float]  # Unix time
    seconds: Mapped[float]  # active time since the event before, idle time left out
    data: Mapped[dict[str, Any]]


class Store:
    """An open database."""

    def __init__(self, url: str) -> None:
        """Open the database, making its tables if it is empty; ValueError or OSError if that fails."""
        self.url = url
        # SQLite has one writer, and those that wait for it poll: they would take their turns too rarely
        self._turn: AbstractContextManager[Any] = Lock() if url.startswith("sqlite") else nullcontext()
        try:
            self._engine = _engine(url)
            tables = inspect_database(self._engine).get_table_names()
        except (SQLAlchemyError, ImportError) as error:
            raise OSError(f"{_shown(url)}: expected a database that opens, got {_line(error)}") from None
        if "settings" not in tables:
            if tables:
                raise ValueError(
                    f"{_shown(url)}: expected an empty database or one of ours, got tables {tables[:3]}"
                )
            Base.metadata.create_all(self._engine)
            with self.write() as session:
                session.add(Setting(name="schema", value=str(SCHEMA)))
        with self.read() as session:
            found = session.get(Setting, "schema")
            got = found.value if found else "none"
        if got != str(SCHEMA):
            raise ValueError(
                f"{_shown(url)}: expected a store of version {SCHEMA}, got version {got}; "
                "open it with the opendensepose that made it"
            )

    @classmethod
    def in_folder(cls, folder: Path, url: str | None = None) -> Store:
        """The store of a project folder: SQLite in it, or the database at `url`."""
        return cls(url or f"sqlite:///{folder / 'annotations.sqlite'}")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; what it gives may be used after it is closed."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed when the block ends well."""
        engine = self._engine.execution_options(immediate=True)
        with self._turn, Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def setting(session: Session, name: str, default: str) -> str:
    """A setting of the project."""
    found = session.get(Setting, name)
    return found.value if found else default


def now() -> float:
    """Unix time."""
    return time.time()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=20)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=50)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, see below
        # WAL with NORMAL: commits outlive a killed server; only a power cut may take the last ones
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a transaction that begins by reading and then writes fails at once where another one wrote meanwhile
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _shown(url: str) -> str:
    """The URL without user and password."""
    return url.split("://", 1)[0] + "://" + url.split("@")[-1].split("://")[-1]


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
