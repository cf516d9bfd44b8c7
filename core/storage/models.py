"""The platform's own tables: Flask-SQLAlchemy models, the only ones that are classes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Common base of the platform's models."""

    metadata = sa.MetaData()


db = SQLAlchemy(model_class=Base)
Model: Any = db.Model
Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""An id that counts by itself on both engines."""


class Head(Model):  # type: ignore[misc]
    """One row: the generation in force and the epoch of rights."""

    __tablename__ = "head"
    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    generation: Mapped[int] = mapped_column(sa.Integer)
    epoch: Mapped[int] = mapped_column(sa.BigInteger)


class Revision(Model):  # type: ignore[misc]
    """One publication: the whole documents of a generation."""

    __tablename__ = "revision"
    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    documents: Mapped[str] = mapped_column(sa.Text)
    columns: Mapped[str] = mapped_column(sa.Text)
    fingerprint: Mapped[str] = mapped_column(sa.Text, default="")
    author: Mapped[str] = mapped_column(sa.Text, default="")
    because: Mapped[str] = mapped_column(sa.Text, default="")
    reverts: Mapped[int | None] = mapped_column(sa.Integer)
    at: Mapped[datetime] = mapped_column(sa.DateTime)


class FieldColumn(Model):  # type: ignore[misc]
    """A column generated for an overlay's field; it outlives the field until the sweep."""

    __tablename__ = "field_column"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    entity: Mapped[str] = mapped_column(sa.Text)
    department: Mapped[str] = mapped_column(sa.Text, default="")
    overlay: Mapped[str] = mapped_column(sa.Text, default="")
    name: Mapped[str] = mapped_column(sa.Text)
    type: Mapped[str] = mapped_column(sa.Text)
    column: Mapped[str] = mapped_column(sa.Text, unique=True)
    removed_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    removed_by: Mapped[int | None] = mapped_column(sa.Integer)
    carries: Mapped[str | None] = mapped_column(sa.Text)


class Account(Model):  # type: ignore[misc]
    """Somebody who may sign in; ``person`` is a record of the directory."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    email: Mapped[str] = mapped_column(sa.Text, unique=True)
    name: Mapped[str] = mapped_column(sa.Text, default="")
    person: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    password: Mapped[str] = mapped_column(sa.Text, default="")
    enabled: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(sa.DateTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    preferences: Mapped[str | None] = mapped_column(sa.Text)


class RoleGrant(Model):  # type: ignore[misc]
    """A role held by an account."""

    __tablename__ = "role_grant"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    role: Mapped[str] = mapped_column(sa.Text)
    granted_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    granted_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    __table_args__ = (sa.UniqueConstraint("account_id", "role"),)


class Session(Model):  # type: ignore[misc]
    """A signed-in browser; only a hash of its secret is kept."""

    __tablename__ = "session"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    hash: Mapped[str] = mapped_column(sa.Text, unique=True)
    csrf: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str] = mapped_column(sa.Text, default="")
    agent: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(sa.DateTime)
    seen_at: Mapped[datetime] = mapped_column(sa.DateTime, index=True)


class Token(Model):  # type: ignore[misc]
    """An API token; only a hash of its secret is kept. ``scopes`` empty means all its owner's rights."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    hash: Mapped[str] = mapped_column(sa.Text, unique=True)
    name: Mapped[str] = mapped_column(sa.Text)
    scopes: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(sa.DateTime)
    expires_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    used_at: Mapped[datetime | None] = mapped_column(sa.DateTime)


class Attempt(Model):  # type: ignore[misc]
    """One try at an anonymous door."""

    __tablename__ = "attempt"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    email: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(sa.DateTime, index=True)
    good: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    __table_args__ = (sa.Index("ix_attempt_email_at", "email", "at"), sa.Index("ix_attempt_address_at", "address", "at"))


class Invitation(Model):  # type: ignore[misc]
    """A link that lets somebody choose a password once."""

    __tablename__ = "invitation"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    kind: Mapped[str] = mapped_column(sa.Text, default="invite")
    hash: Mapped[str] = mapped_column(sa.Text, unique=True)
    created_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    expires_at: Mapped[datetime] = mapped_column(sa.DateTime)
    used_at: Mapped[datetime | None] = mapped_column(sa.DateTime)


class SequenceRow(Model):  # type: ignore[misc]
    """The last number drawn of one sequence in one scope."""

    __tablename__ = "sequence"
    name: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger)


class ChangeRow(Model):  # type: ignore[misc]
    """One entry of the log: who did what to which record, chained by hashes. Values lie beside it."""

    __tablename__ = "change"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    xid: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    entity: Mapped[str] = mapped_column(sa.Text)
    record: Mapped[int] = mapped_column(sa.BigInteger)
    number: Mapped[int] = mapped_column(sa.Integer)
    version: Mapped[int] = mapped_column(sa.Integer)
    operation: Mapped[str] = mapped_column(sa.Text, index=True)
    action: Mapped[str] = mapped_column(sa.Text)
    transition: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(sa.DateTime)
    actor: Mapped[str] = mapped_column(sa.Text, default="")
    person: Mapped[int | None] = mapped_column(sa.BigInteger)
    on_behalf_of: Mapped[int | None] = mapped_column(sa.BigInteger)
    channel: Mapped[str] = mapped_column(sa.Text, default="")
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    digests: Mapped[str] = mapped_column(sa.Text, default="")
    previous: Mapped[str] = mapped_column(sa.Text, default="")
    hash: Mapped[str] = mapped_column(sa.Text)
    __table_args__ = (sa.Index("ix_change_record", "entity", "record", "number", unique=True), sa.Index("ix_change_at", "at"),
                      sa.Index("ix_change_position", "xid", "id"))


class ChangeValue(Model):  # type: ignore[misc]
    """Before and after of one field in one entry, with the salt of its digest; may be erased."""

    __tablename__ = "change_value"
    change_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    salt: Mapped[str] = mapped_column(sa.Text)
    before: Mapped[str | None] = mapped_column(sa.Text)
    after: Mapped[str | None] = mapped_column(sa.Text)


class Checkpoint(Model):  # type: ignore[misc]
    """A seal over the entries since the one before, signed with a key that is not in the database."""

    __tablename__ = "checkpoint"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    last_id: Mapped[int] = mapped_column(sa.BigInteger)
    last_xid: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    count: Mapped[int] = mapped_column(sa.BigInteger)
    root: Mapped[str] = mapped_column(sa.Text)
    previous: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(sa.DateTime)
    mac: Mapped[str] = mapped_column(sa.Text)


class Outbox(Model):  # type: ignore[misc]
    """An effect to be performed after the commit."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text)
    payload: Mapped[str] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.Text, unique=True)
    operation: Mapped[str] = mapped_column(sa.Text, default="")
    state: Mapped[str] = mapped_column(sa.Text, default="waiting")
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    due: Mapped[datetime] = mapped_column(sa.DateTime)
    lease: Mapped[datetime | None] = mapped_column(sa.DateTime)
    worker: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(sa.DateTime)
    done_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    __table_args__ = (sa.Index("ix_outbox_due", "state", "due"),)


class Job(Model):  # type: ignore[misc]
    """Work that a worker performs: a verb's name and plain values."""

    __tablename__ = "job"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    verb: Mapped[str] = mapped_column(sa.Text)
    values: Mapped[str] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.Text, unique=True)
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    state: Mapped[str] = mapped_column(sa.Text, default="waiting")
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    due: Mapped[datetime] = mapped_column(sa.DateTime)
    lease: Mapped[datetime | None] = mapped_column(sa.DateTime)
    worker: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(sa.DateTime)
    done_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    progress: Mapped[str] = mapped_column(sa.Text, default="")
    result: Mapped[str] = mapped_column(sa.Text, default="")
    __table_args__ = (sa.Index("ix_job_due", "state", "due"),)


class Notification(Model):  # type: ignore[misc]
    """Something a person should know; ``key`` keeps a repeated effect from telling it twice."""

    __tablename__ = "notification"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, unique=True)
    person: Mapped[int] = mapped_column(sa.BigInteger)
    text: Mapped[str] = mapped_column(sa.Text)
    entity: Mapped[str] = mapped_column(sa.Text, default="")
    record: Mapped[int | None] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(sa.DateTime)
    read_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    __table_args__ = (sa.Index("ix_notification_person", "person", "id"),)


class IdempotencyKey(Model):  # type: ignore[misc]
    """The first answer under a key of one token and path."""

    __tablename__ = "idempotency_key"
    token_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    body: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[int | None] = mapped_column(sa.Integer)
    headers: Mapped[str] = mapped_column(sa.Text, default="")
    answer: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(sa.DateTime, index=True)


class FileRow(Model):  # type: ignore[misc]
    """An uploaded file; its bytes lie in the file store under ``key``."""

    __tablename__ = "file"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    key: Mapped[str] = mapped_column(sa.Text, unique=True)
    name: Mapped[str] = mapped_column(sa.Text)
    type: Mapped[str] = mapped_column(sa.Text)
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.Text)
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(sa.DateTime)


class Attachment(Model):  # type: ignore[misc]
    """A file put beside a record."""

    __tablename__ = "attachment"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    entity: Mapped[str] = mapped_column(sa.Text)
    record: Mapped[int] = mapped_column(sa.BigInteger)
    file_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    person: Mapped[int | None] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(sa.DateTime)
    removed_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    __table_args__ = (sa.Index("ix_attachment_record", "entity", "record"),)


class Comment(Model):  # type: ignore[misc]
    """What somebody said about a record."""

    __tablename__ = "comment"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    entity: Mapped[str] = mapped_column(sa.Text)
    record: Mapped[int] = mapped_column(sa.BigInteger)
    body: Mapped[str] = mapped_column(sa.Text)
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    person: Mapped[int | None] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(sa.DateTime)
    removed_at: Mapped[datetime | None] = mapped_column(sa.DateTime)
    __table_args__ = (sa.Index("ix_comment_record", "entity", "record"),)


class Draft(Model):  # type: ignore[misc]
    """What somebody typed into a form and has not saved yet."""

    __tablename__ = "draft"
    account_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    values: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(sa.DateTime)


class SavedView(Model):  # type: ignore[misc]
    """A list somebody named, for themselves or for everybody who may read the entity."""

    __tablename__ = "saved_view"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    entity: Mapped[str] = mapped_column(sa.Text, index=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger)
    shared: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    label: Mapped[str] = mapped_column(sa.Text)
    query: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(sa.DateTime)


class HookFailure(Model):  # type: ignore[misc]
    """A failed call of a plugin's hook."""

    __tablename__ = "hook_failure"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    plugin: Mapped[str] = mapped_column(sa.Text, index=True)
    hook: Mapped[str] = mapped_column(sa.Text)
    reason: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(sa.DateTime)


class Setting(Model):  # type: ignore[misc]
    """A fact the platform remembers, such as which plugins are switched off."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)


class ReadLog(Model):  # type: ignore[misc]
    """Somebody was shown sensitive values, or took an export or a print."""

    __tablename__ = "read_log"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    entity: Mapped[str] = mapped_column(sa.Text)
    what: Mapped[str] = mapped_column(sa.Text)
    records: Mapped[str] = mapped_column(sa.Text, default="")
    fields: Mapped[str] = mapped_column(sa.Text, default="")
    actor: Mapped[str] = mapped_column(sa.Text, default="")
    person: Mapped[int | None] = mapped_column(sa.BigInteger)
    channel: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(sa.DateTime, index=True)


metadata: sa.MetaData = Base.metadata
