"""Outgoing mail through one SMTP server; a message's id comes from its effect's key, so that a repetition is recognised."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

TIMEOUT = 15.0
"""Seconds the server may take to answer."""


class Undeliverable(Exception):
    """The message cannot be sent, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes: read from ``smtp://user:password@host:port`` (STARTTLS when offered) or ``smtps://``."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    encrypted: bool = False
    sender: str = "backoffice@localhost"

    @staticmethod
    def read(url: str, sender: str) -> Server | None:
        """The server of a setting; None when it is empty: mail is off. Raises ValueError."""
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("BACKOFFICE_SMTP_URL must be smtp://user:password@host:port or smtps://user:password@host:port.")
        encrypted = parts.scheme == "smtps"
        return Server(parts.hostname, parts.port or (465 if encrypted else 587 if parts.username else 25), unquote(parts.username or ""),
                      unquote(parts.password or ""), encrypted, sender)

    def send(self, message: EmailMessage) -> None:
        """Hand the message over. Raises OSError or SMTPException to have it tried again, Undeliverable when that is no use."""
        trust = ssl.create_default_context()
        try:
            if self.encrypted:
                with smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=trust) as smtp:
                    self._hand_over(smtp, message)
            else:
                with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT) as smtp:
                    smtp.ehlo()
                    if smtp.has_extn("starttls"):
                        smtp.starttls(context=trust)
                    self._hand_over(smtp, message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if codes and all(500 <= code < 600 for code in codes):
                raise Undeliverable(f"The mail server refused every recipient: {codes[0]}.") from error
            raise
        except smtplib.SMTPDataError as error:
            if 500 <= error.smtp_code < 600:
                raise Undeliverable(f"The mail server refused the message: {error.smtp_code}.") from error
            raise

    def _hand_over(self, smtp: smtplib.SMTP, message: EmailMessage) -> None:
        if self.user:
            smtp.login(self.user, self.password)
        smtp.send_message(message)


def message(payload: Mapping[str, Any], key: str, sender: str, at: datetime) -> EmailMessage:
    """The mail of an effect: ``to`` (an address or a list), ``subject``, ``text`` and perhaps ``html`` and ``reply_to``.

    Raises Undeliverable for what is no mail: a line break in a header, a text that is no address.
    """
    made = EmailMessage()
    recipients = payload.get("to") or ()
    recipients = [recipients] if isinstance(recipients, str) else list(recipients)
    try:
        made["From"] = _address(sender)
        made["To"] = tuple(_address(one) for one in recipients)
        if payload.get("reply_to"):
            made["Reply-To"] = _address(str(payload["reply_to"]))
        made["Subject"] = str(payload.get("subject") or "")
    except (ValueError, IndexError) as error:
        raise Undeliverable(f"This is no mail that can be sent: {error}") from error
    if not recipients:
        raise Undeliverable("The mail has no recipient.")
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(str(payload.get("text") or ""))
    if payload.get("html"):
        made.add_alternative(str(payload["html"]), subtype="html")
    return made


def _address(text: str) -> Address:
    if "\n" in text or "\r" in text or "@" not in text:
        raise ValueError(f"{text[:80]!r} is no mail address.")
    return Address(addr_spec=text.strip())
