"""The proof of literals: defaults and bounds fit their kinds, patterns can be matched in linear time."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.kinds import NUMBER_KINDS, TEXT_KINDS
from schemas.model import Expression, Field
from schemas.proof import Proof

_NOT_LINEAR = re.compile(r"\(\?(?:[=!]|<[=!]|P=|\()|\\[1-9]")


def check_literals(proof: Proof, one: Field) -> None:
    """The default, the bounds and the pattern of one field."""
    value = one.default
    if value is not None and not isinstance(value, Expression):
        fault = literal_fault(one, value)
        if fault:
            proof.say(one.place.at("default"), fault, f"The kind of {one.name} is {one.type}.")
    for word in ("min", "max"):
        bound = getattr(one, word)
        if bound is not None:
            fault = literal_fault(Field(one.name, "integer" if one.type in ("lines", "rating") else one.type), bound)
            if fault:
                proof.say(one.place.at(word), fault, f"The kind of {one.name} is {one.type}.")
    if one.min is not None and one.max is not None:
        low, high = _comparable(one.min), _comparable(one.max)
        if type(low) is type(high) and low > high:
            proof.say(
                one.place.at("min"),
                f"min {one.min} is greater than max {one.max}: no value would do.",
                "Exchange them.",
            )
    if one.pattern:
        if _NOT_LINEAR.search(one.pattern):
            proof.say(
                one.place.at("pattern"),
                "The pattern looks around or back, which cannot be matched in linear time.",
                "Use characters, classes, groups, alternatives and repetitions only.",
            )
        else:
            try:
                re.compile(one.pattern)
            except (re.error, OverflowError) as error:
                proof.say(
                    one.place.at("pattern"),
                    f"The pattern is no regular expression: {error}.",
                    "It must match the whole text.",
                )


def literal_fault(one: Field, value: Any) -> str:
    """Why a literal does not fit the field's kind, as a sentence; "" when it does."""
    kind = one.type
    text = str(value)
    if kind == "boolean":
        return "" if isinstance(value, bool) else f"{text} is neither true nor false."
    if isinstance(value, bool):
        return f"A field of the kind {kind} cannot be {text.lower()}." if kind != "json" else ""
    if kind == "choice":
        return "" if any(option.name == text for option in one.options) else f'"{text}" is no option of {one.name}.'
    if kind == "choices":
        wrong = [
            str(part)
            for part in (value if isinstance(value, tuple) else (value,))
            if not any(option.name == str(part) for option in one.options)
        ]
        return f'"{wrong[0]}" is no option of {one.name}.' if wrong else ""
    if kind in ("integer", "rating"):
        return "" if re.fullmatch(r"[-+]?\d{1,18}", text) else f"{text} is no whole number."
    if kind == "duration":
        return (
            ""
            if re.fullmatch(r"[-+]?\d{1,15}|P.+", text)
            else f"{text} is no length of time: write seconds or ISO 8601."
        )
    if kind in NUMBER_KINDS:
        return "" if isinstance(value, dict) or _decimal(text) is not None else f"{text} is no number."
    if kind in ("date", "time", "datetime"):
        reader = {"date": date.fromisoformat, "time": time.fromisoformat, "datetime": datetime.fromisoformat}[kind]
        try:
            reader(text)
        except ValueError:
            return f"{text} is no {kind} of ISO 8601."
        return ""
    if kind in TEXT_KINDS and not isinstance(value, str):
        return "A text must stand here."
    return ""


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _comparable(value: Any) -> Any:
    number = _decimal(str(value))
    return str(value) if number is None else number
