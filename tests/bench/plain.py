"""The yardstick: a ticket desk written by hand on WSGI and sqlite3, as fast as its author could make it.

Prepared statements, pages by key, a full-text index, string templates, WAL and full synchronisation; signed in by a
session cookie. It knows one table and no rights, forms or history beyond a department: what it costs is the floor.
"""

from __future__ import annotations

import html
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl

NAMES = ("id", "number", "subject", "priority", "state", "requester", "queue", "assignee", "created_at")
STATES = ("new", "open", "pending", "resolved", "closed")
PAGE = 50
SCHEMA = """
create table person (id integer primary key, name text not null);
create table queue (id integer primary key, name text not null);
create table session (token text primary key, person integer not null, department integer);
create table ticket (
    id integer primary key, number text not null, subject text not null, description text, priority text,
    state text not null, requester integer, queue integer, assignee integer, department integer, due text,
    version integer not null, created_at text not null, updated_at text not null);
create table history (
    id integer primary key, ticket integer not null, at text not null, person integer, body text not null);
"""
INDEXES = """
create index ticket_priority on ticket (priority, id);
create index ticket_due on ticket (due, id);
create index ticket_state on ticket (state, priority, id);
create index ticket_department on ticket (department, id);
create index ticket_department_due on ticket (department, due, id);
create virtual table ticket_words using fts5 (subject, description, content='ticket', content_rowid='id');
insert into ticket_words (ticket_words) values ('rebuild');
"""
COLUMNS = """t.id, t.number, t.subject, t.priority, t.state, r.name, q.name, a.name, t.created_at"""
JOINED = """ticket t left join person r on r.id = t.requester left join queue q on q.id = t.queue
    left join person a on a.id = t.assignee"""
HEAD = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Tickets</title><link rel=stylesheet href=/static/app.css>"
)
ROW = "<tr><td><a href=/ticket/{0}>{1}</a><td>{2}<td>{3}<td>{4}<td>{5}<td>{6}<td>{7}<td>{8}"
_local = threading.local()


def connect(path: str) -> sqlite3.Connection:
    """This thread's connection; sqlite3 keeps its prepared statements."""
    found: sqlite3.Connection | None = getattr(_local, "connection", None)
    if found is None:
        found = _local.connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        found.execute("pragma journal_mode = wal")
        found.execute("pragma synchronous = full")
        found.execute("pragma busy_timeout = 5000")
    return found


class Plain:
    """The WSGI application over one database file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
        db = connect(self.path)
        token = SimpleCookie(str(environ.get("HTTP_COOKIE", ""))).get("session")
        found = db.execute(
            "select person, department from session where token = ?", (token.value if token else "",)
        ).fetchone()
        if found is None:
            return answer(start, "401 Unauthorized", "text/plain", "Sign in.")
        person, department = found
        path, query = str(environ["PATH_INFO"]), dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
        if environ["REQUEST_METHOD"] == "POST":
            size = int(str(environ.get("CONTENT_LENGTH") or 0))
            form = dict(parse_qsl(environ["wsgi.input"].read(size).decode()))  # type: ignore[attr-defined]
            number = self.save(db, path, form, person, department)
            return answer(start, "303 See Other", "text/html", "", [("Location", f"/ticket/{number}")])
        if path == "/tickets":
            return answer(start, "200 OK", "text/html", table(rows(db, query, department)))
        if path == "/tickets.json":
            items = [dict(zip(NAMES, row, strict=True)) for row in rows(db, query, department)]
            return answer(start, "200 OK", "application/json", json.dumps({"items": items}))
        return answer(
            start,
            "200 OK",
            "text/html",
            self.one(db, int(path.rsplit("/", 1)[1]), path.startswith("/edit/"), department),
        )

    def save(self, db: sqlite3.Connection, path: str, form: dict[str, str], person: int, department: int | None) -> int:
        """Insert or update a ticket with its words and a history entry, in one transaction."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        db.execute("begin immediate")
        try:
            if path.startswith("/edit/"):
                number = int(path.rsplit("/", 1)[1])
                before = db.execute(
                    "select subject, description, version from ticket where id = ?", (number,)
                ).fetchone()
                db.execute(
                    "insert into ticket_words (ticket_words, rowid, subject, description) values ('delete', ?, ?, ?)",
                    (number, before[0], before[1]),
                )
                db.execute(
                    "update ticket set subject = ?, description = ?, version = version + 1, updated_at = ? "
                    "where id = ? and version = ?",
                    (form["subject"], form["description"], now, number, before[2]),
                )
            else:
                number = db.execute(
                    "insert into ticket (number, subject, description, priority, state, requester, queue, department,"
                    " due, version, created_at, updated_at)"
                    " values (?, ?, ?, 'P3', 'new', ?, 1, ?, null, 1, ?, ?) returning id",
                    (f"T-{time.time_ns()}", form["subject"], form["description"], person, department, now, now),
                ).fetchone()[0]
            db.execute(
                "insert into ticket_words (rowid, subject, description) values (?, ?, ?)",
                (number, form["subject"], form["description"]),
            )
            db.execute(
                "insert into history (ticket, at, person, body) values (?, ?, ?, ?)",
                (number, now, person, json.dumps(form)),
            )
            db.execute("commit")
        except BaseException:
            db.execute("rollback")
            raise
        return number

    def one(self, db: sqlite3.Connection, number: int, editing: bool, department: int | None) -> str:
        """A ticket's page or its form."""
        row = db.execute(
            f"select {COLUMNS}, t.description, t.due from {JOINED} where t.id = ?"
            + (" and t.department = ?" if department else ""),
            (number, department) if department else (number,),
        ).fetchone()
        if row is None:
            return HEAD + "<p>There is no such ticket."
        cells = [html.escape(str(cell if cell is not None else "")) for cell in row]
        if editing:
            return (
                HEAD + f'<form method=post><label>Subject <input name=subject value="{cells[2]}"></label>'
                f"<label>Description <textarea name=description>{cells[9]}</textarea></label>"
                "<button>Save</button></form>"
            )
        entries = db.execute(
            "select at, body from history where ticket = ? order by id desc limit 20", (number,)
        ).fetchall()
        body = "".join(
            f"<dt>{name}<dd>{cell}"
            for name, cell in zip(
                (*NAMES, "description", "due"),
                cells,
                strict=True,
            )
        )
        return (
            HEAD
            + f"<h1>{cells[1]} {cells[2]}</h1><dl>{body}</dl>"
            + "".join(f"<p>{html.escape(at)} {html.escape(text)}" for at, text in entries)
        )


def rows(db: sqlite3.Connection, query: dict[str, str], department: int | None) -> list[tuple[object, ...]]:
    """A page of tickets: newest, filtered and sorted, searched, or the last one."""
    own = " and t.department = ?" if department else ""
    mine: tuple[object, ...] = (department,) if department else ()
    if "q" in query:
        match = " ".join(f'"{word}"' for word in query["q"].split()) + "*"
        if department:
            return db.execute(
                f"select {COLUMNS} from ticket_words w cross join {JOINED} where w.rowid = t.id"
                " and ticket_words match ?"
                f"{own} order by w.rowid desc limit {PAGE}",
                (match, department),
            ).fetchall()
        picked = f"(select rowid from ticket_words where ticket_words match ? order by rowid desc limit {PAGE})"
        return db.execute(
            f"select {COLUMNS} from {JOINED} where t.id in {picked} order by t.id desc", (match,)
        ).fetchall()
    if query.get("page") == "last":
        return db.execute(f"select {COLUMNS} from {JOINED} where 1{own} order by t.id limit {PAGE}", mine).fetchall()[
            ::-1
        ]
    if "state" in query:
        return db.execute(
            f"select {COLUMNS} from {JOINED} where t.state = ?{own} order by t.priority, t.id limit {PAGE}",
            (query["state"], *mine),
        ).fetchall()
    if "after" in query:
        return db.execute(
            f"select {COLUMNS} from {JOINED} where t.id < ?{own} order by t.id desc limit {PAGE}",
            (int(query["after"]), *mine),
        ).fetchall()
    return db.execute(f"select {COLUMNS} from {JOINED} where 1{own} order by t.id desc limit {PAGE}", mine).fetchall()


def table(found: list[tuple[object, ...]]) -> str:
    """A page of rows."""
    body = "".join(ROW.format(*(html.escape(str(cell)) if cell is not None else "" for cell in row)) for row in found)
    return f"{HEAD}<table>{body}</table><a href=?after={found[-1][0] if found else 0}>Next</a>"


def answer(
    start: Callable[..., object], status: str, kind: str, text: str, more: list[tuple[str, str]] | None = None
) -> list[bytes]:
    """One answer with its length."""
    body = text.encode()
    start(status, [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body))), *(more or [])])
    return [body]


def create_app() -> Plain:
    """For the server: the database file is named in ``BENCH_PLAIN``."""
    return Plain(os.environ["BENCH_PLAIN"])
