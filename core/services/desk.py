"""What people keep beside records: views they saved, drafts of forms, comments and attachments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core.access.actor import Actor
from core.errors import Forbidden, Invalid, NotFound
from core.services.instants import aware, naive
from core.services.looking import reader
from core.services.platform import Platform
from core.storage import head
from core.storage.keys import new_id
from core.storage.models import Account, Attachment, Comment, Draft, FileRow, SavedView
from core.storage.sent import Sent
from core.storage.unit import Unit

LONGEST_COMMENT = 20_000
LARGEST_DRAFT = 200_000
DRAFTS_KEPT = timedelta(days=30)
MOST_VIEWS = 100
MOST_REMEMBERED = 5000
_views: dict[tuple[int, int, int | None, str], list[Saved]] = {}
"""Saved views by database, epoch, account and entity; saving one begins a new epoch for every process."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved view: ``query`` is the list's query string."""

    id: int
    label: str
    query: str
    shared: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on a record."""

    id: int
    body: str
    who: str
    mine: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """A file put beside a record."""

    id: int
    file: int
    name: str
    type: str
    size: int
    who: str
    mine: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What was typed into a form and not saved."""

    values: dict[str, list[str]]
    at: datetime


def saved_views(p: Platform, actor: Actor, entity: str) -> list[Saved]:
    """The actor's own views of an entity and those that others share, by label. Remembered for one epoch of rights."""
    key = (id(p.database), actor.epoch, actor.account, entity)
    known = _views.get(key)
    if known is not None:
        return known
    with p.read(actor) as unit:
        rows = unit.connection.execute(
            sa.select(SavedView.id, SavedView.label, SavedView.query, SavedView.shared, SavedView.account_id)
            .where(SavedView.entity == entity, sa.or_(SavedView.account_id == (actor.account or 0), SavedView.shared))
            .order_by(SavedView.label, SavedView.id)
            .limit(MOST_VIEWS)
        ).all()
    found = [Saved(row.id, row.label, row.query, bool(row.shared), row.account_id == actor.account) for row in rows]
    if len(_views) > MOST_REMEMBERED:
        _views.clear()
    _views[key] = found
    return found


def save_view(p: Platform, actor: Actor, entity: str, label: str, query: str, *, shared: bool = False) -> int:
    """Keep a list under a name; the same name of the same person is replaced. Raises Invalid."""
    label = " ".join(label.split())
    if not label or len(label) > 60:
        raise Invalid({"label": ["Give the view a name of at most 60 characters."]})
    if len(query) > 4000:
        raise Invalid({"query": ["This list has more filters than a view can keep."]})
    account = _account(actor)
    with p.write(actor, p.generation(), reason="view saved") as unit:
        reader(unit, entity)
        mine = sa.and_(SavedView.entity == entity, SavedView.account_id == account, SavedView.label == label)
        there = unit.connection.execute(sa.select(SavedView.id).where(mine)).scalar()
        values = {"query": query, "shared": shared, "at": naive(unit.now)}
        if there is not None:
            unit.connection.execute(sa.update(SavedView).where(SavedView.id == there).values(**values))
            head.bump_epoch(unit)
            return int(there)
        made = unit.connection.execute(sa.insert(SavedView).values(entity=entity, account_id=account, label=label, **values))
        head.bump_epoch(unit)
        return new_id(made)


def forget_view(p: Platform, actor: Actor, number: int) -> None:
    """Remove one of the own views. Raises NotFound."""
    with p.write(actor, p.generation(), reason="view removed") as unit:
        gone = unit.connection.execute(sa.delete(SavedView).where(SavedView.id == number, SavedView.account_id == _account(actor)))
        if gone.rowcount != 1:
            raise NotFound("There is no such view of yours.")
        head.bump_epoch(unit)


_DRAFT = Sent(
    sa.select(Draft.values, Draft.at).where(
        Draft.account_id == sa.bindparam("account"), Draft.place == sa.bindparam("place"), Draft.at > sa.bindparam("since")
    )
)


def draft(p: Platform, actor: Actor, place: str) -> Kept | None:
    """What the actor typed at a form's place and has not saved."""
    if actor.account is None:
        return None
    with p.read(actor) as unit:
        rows = _DRAFT.rows(unit.connection, {"account": actor.account, "place": place, "since": naive(unit.now - DRAFTS_KEPT)})
    return Kept(json.loads(rows[0][0]), aware(rows[0][1])) if rows else None


def drafts(p: Platform, actor: Actor, most: int = 5) -> list[tuple[str, datetime]]:
    """(place, when) of the forms that the actor left without saving, newest first."""
    if actor.account is None:
        return []
    with p.read(actor) as unit:
        mine = sa.and_(Draft.account_id == actor.account, Draft.at > naive(unit.now - DRAFTS_KEPT))
        rows = unit.connection.execute(sa.select(Draft.place, Draft.at).where(mine).order_by(Draft.at.desc()).limit(most)).all()
    return [(row[0], aware(row[1])) for row in rows]


def keep_draft(p: Platform, actor: Actor, place: str, values: Mapping[str, Sequence[str]]) -> datetime:
    """Keep what was typed. Raises Invalid when it is too much."""
    text = json.dumps({name: list(texts) for name, texts in values.items()})
    if len(text) > LARGEST_DRAFT or len(place) > 200:
        raise Invalid({"": ["This is more than a draft can keep."]})
    account = _account(actor)
    with p.write(actor, p.generation(), reason="draft kept") as unit:
        mine = sa.and_(Draft.account_id == account, Draft.place == place)
        unit.connection.execute(sa.delete(Draft).where(sa.or_(mine, Draft.at < naive(unit.now - DRAFTS_KEPT))))
        unit.connection.execute(sa.insert(Draft).values(account_id=account, place=place, values=text, at=naive(unit.now)))
        return unit.now


def forget_draft(p: Platform, actor: Actor, place: str) -> None:
    """The form was saved, or the draft is not wanted."""
    if actor.account is None:
        return
    with p.read(actor) as unit:
        there = unit.connection.execute(sa.select(Draft.at).where(Draft.account_id == actor.account, Draft.place == place)).first()
    if there is not None:
        with p.write(actor, p.generation(), reason="draft removed") as unit:
            unit.connection.execute(sa.delete(Draft).where(Draft.account_id == actor.account, Draft.place == place))


def comments(p: Platform, actor: Actor, entity: str, number: int) -> list[Remark]:
    """What was said about a readable record, newest first. Raises NotFound."""
    with p.read(actor) as unit:
        reader(unit, entity).get(number, ())
        rows = unit.connection.execute(
            sa.select(Comment.id, Comment.body, Comment.account_id, Comment.at, Account.name, Account.email)
            .join(Account, Account.id == Comment.account_id, isouter=True)
            .where(Comment.entity == entity, Comment.record == number, Comment.removed_at.is_(None))
            .order_by(Comment.id.desc())
            .limit(500)
        ).all()
    return [Remark(row.id, row.body, row.name or row.email or "Somebody", row.account_id == actor.account, aware(row.at)) for row in rows]


def comment(p: Platform, actor: Actor, entity: str, number: int, body: str) -> int:
    """Say something about a readable record. Raises NotFound, Invalid."""
    body = body.replace("\r\n", "\n").strip()
    if not body:
        raise Invalid({"body": ["Write something first."]})
    if len(body) > LONGEST_COMMENT or "\x00" in body or any("\ud800" <= sign <= "\udfff" for sign in body):
        raise Invalid({"body": [f"A comment takes at most {LONGEST_COMMENT:,} characters of ordinary text."]})
    account = _account(actor)
    with p.write(actor, p.generation(), reason="comment") as unit:
        reader(unit, entity).get(number, ())
        made = unit.connection.execute(
            sa.insert(Comment).values(entity=entity, record=number, body=body, account_id=account, person=actor.person, at=naive(unit.now))
        )
        return new_id(made)


def uncomment(p: Platform, actor: Actor, entity: str, number: int, which: int) -> None:
    """Take an own comment back. Raises NotFound."""
    _remove(p, actor, Comment, entity, number, which)


def attachments(p: Platform, actor: Actor, entity: str, number: int) -> list[Beside]:
    """The files beside a readable record, newest first. Raises NotFound."""
    with p.read(actor) as unit:
        reader(unit, entity).get(number, ())
        return attached(unit, actor, entity, number)


def attached(unit: Unit, actor: Actor, entity: str, number: int) -> list[Beside]:
    """The files beside a record that is known to be readable, newest first, within a unit."""
    return _files(actor, unit.connection.execute(_OF_RECORD, {"entity": entity, "record": number}).all())


def attach(p: Platform, actor: Actor, entity: str, number: int, file: int) -> int:
    """Put an uploaded file of the actor's beside a readable record. Raises NotFound."""
    account = _account(actor)
    with p.write(actor, p.generation(), reason="file attached") as unit:
        reader(unit, entity).get(number, ())
        if unit.connection.execute(sa.select(FileRow.id).where(FileRow.id == file, FileRow.account_id == account)).first() is None:
            raise NotFound("There is no such file of yours.")
        made = unit.connection.execute(
            sa.insert(Attachment).values(entity=entity, record=number, file_id=file, person=actor.person, at=naive(unit.now))
        )
        return new_id(made)


def attachment(p: Platform, actor: Actor, entity: str, number: int, which: int) -> Beside:
    """One file beside a readable record. Raises NotFound."""
    with p.read(actor) as unit:
        reader(unit, entity).get(number, ())
        one = _OF_RECORD.where(Attachment.id == which)
        found = _files(actor, unit.connection.execute(one, {"entity": entity, "record": number}).all())
    if not found:
        raise NotFound("There is no such file.")
    return found[0]


def detach(p: Platform, actor: Actor, entity: str, number: int, which: int) -> None:
    """Take a file that the actor attached away again. Raises NotFound."""
    _remove(p, actor, Attachment, entity, number, which)


_OF_RECORD = (
    sa.select(
        Attachment.id,
        Attachment.at,
        FileRow.id.label("file"),
        FileRow.name,
        FileRow.type,
        FileRow.size,
        FileRow.account_id,
        Account.name.label("who"),
        Account.email,
    )
    .join(FileRow, FileRow.id == Attachment.file_id)
    .join(Account, Account.id == FileRow.account_id, isouter=True)
    .where(Attachment.removed_at.is_(None), Attachment.entity == sa.bindparam("entity"), Attachment.record == sa.bindparam("record"))
    .order_by(Attachment.id.desc())
    .limit(500)
)


def _files(actor: Actor, rows: Iterable[Any]) -> list[Beside]:
    return [
        Beside(
            row.id,
            row.file,
            row.name,
            row.type,
            row.size,
            row.who or row.email or "Somebody",
            row.account_id == actor.account,
            aware(row.at),
        )
        for row in rows
    ]


def _remove(p: Platform, actor: Actor, model: Any, entity: str, number: int, which: int) -> None:
    account = _account(actor)
    owner = (
        model.account_id == account
        if hasattr(model, "account_id")
        else model.file_id.in_(sa.select(FileRow.id).where(FileRow.account_id == account))
    )
    with p.write(actor, p.generation(), reason="removed") as unit:
        reader(unit, entity).get(number, ())
        gone = unit.connection.execute(
            sa.update(model)
            .where(model.id == which, model.entity == entity, model.record == number, model.removed_at.is_(None), owner)
            .values(removed_at=naive(unit.now))
        )
        if gone.rowcount != 1:
            raise NotFound("There is nothing of yours to take back.")


def _account(actor: Actor) -> int:
    if actor.account is None:
        raise Forbidden("This needs an account.")
    return actor.account
