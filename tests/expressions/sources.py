"""Random source text of the language, made by type so that all of it is an expression."""

from __future__ import annotations

import random

LEAVES = {
    "text": ("word", "other", "size", "state", "from_", "city", "site.city", "'a'", "'low'", "'Zoo'", "'😀'"),
    "number": ("count", "price", "rate", "share", "site.area", "worth", "1", "0", "2.5", "0.005", "12.505", "100000000000000", "len(word)"),
    "money": ("cost", "paid", "fee", "site.rent"),
    "date": ("start", "end", "site.opened", "today()"),
    "datetime": ("at", "until", "now()", "created_at"),
    "boolean": ("open", "late", "site.public", "True"),
    "person": ("who", "created_by", "site.keeper", "me()"),
    "duration": ("spent", "hours(3)", "hours(count)"),
}
ORDER = ("<", "<=", ">", ">=", "==", "!=")


def source(dice: random.Random, kind: str, depth: int) -> str:
    """An expression of that type, at most ``depth`` steps deep."""
    if depth <= 0 or (kind in ("person",) and dice.random() < 0.7):
        return dice.choice(LEAVES[kind])

    def more(of: str) -> str:
        return source(dice, of, depth - 1)

    def whole() -> str:
        return dice.choice(("1", "30", "-400", "count", "800000", "days_between(start, end)", "round(price)"))

    several = [lambda: dice.choice(LEAVES[kind]), lambda: f"({more(kind)} if {more('boolean')} else {more(kind)})"]
    if kind != "boolean":
        several.append(lambda: f"coalesce({more(kind)}, {more(kind)})")
    if kind == "text":
        several.append(lambda: f"({more('text')} + {more('text')})")
    elif kind == "number":
        several += [
            lambda: f"({more('number')} {dice.choice('+-')} {more('number')})",
            lambda: f"({more('number')} * {dice.choice(('count', 'price', '3', '-1.5'))})",
            lambda: f"({more('number')} / {more('number')})",
            lambda: f"({more('money')} / {more('money')})",
            lambda: f"{dice.choice(('round', 'floor', 'ceil', 'abs', '-'))}({more('number')})",
            lambda: f"round({more('number')}, {dice.randint(0, 8)})",
            lambda: f"{dice.choice(('min', 'max'))}({more('number')}, {more('number')})",
            lambda: f"days_between({more('date')}, {more('date')})",
            lambda: f"days_between({more('datetime')}, {more('datetime')})",
            lambda: f"len({more('text')})",
        ]
    elif kind == "money":
        several += [
            lambda: f"({more('money')} {dice.choice('+-')} {more('money')})",
            lambda: f"({more('money')} * {dice.choice(('count', '2', '0.5'))})",
            lambda: f"({more('money')} / {dice.choice(('count', 'price', '7'))})",
            lambda: f"{dice.choice(('min', 'max'))}({more('money')}, {more('money')})",
            lambda: f"round({more('money')}, 1)",
        ]
    elif kind == "date":
        several += [
            lambda: f"({more('date')} {dice.choice('+-')} days({whole()}))",
            lambda: f"{dice.choice(('min', 'max'))}({more('date')}, {more('date')})",
        ]
    elif kind == "datetime":
        several += [
            lambda: f"({more('datetime')} {dice.choice('+-')} days({whole()}))",
            lambda: f"({more('datetime')} {dice.choice('+-')} {more('duration')})",
            lambda: f"{dice.choice(('min', 'max'))}({more('datetime')}, {more('datetime')})",
        ]
    elif kind == "duration":
        several += [
            lambda: f"({more('datetime')} - {more('datetime')})",
            lambda: f"({more('duration')} {dice.choice('+-')} {more('duration')})",
            lambda: f"({more('duration')} * {dice.choice(('2', '1.5', 'count'))})",
            lambda: f"({more('duration')} / 7)",
        ]
    elif kind == "boolean":
        several += [lambda: _condition(dice, more)] * 9
    return dice.choice(several)()


def _condition(dice: random.Random, more) -> str:  # type: ignore[no-untyped-def]
    kind = dice.choice(("text", "number", "money", "date", "datetime", "duration", "boolean", "person"))
    shape = dice.randrange(12)
    if shape <= 3:
        return f"({more('boolean')} {dice.choice(('and', 'or'))} {more('boolean')})" if shape < 3 else f"(not {more('boolean')})"
    if shape == 4:
        return f"({more(kind)} {dice.choice(('==', '!='))} None)"
    if shape == 5:
        return f"is_empty({dice.choice(('tags', 'seen', 'about', 'hour', more(kind)))})"
    if shape == 6:
        return f"differs({more(kind)}, {more(kind)})"
    if shape == 7:
        return dice.choice(
            (
                f"({more('text')} {dice.choice(('in', 'not in'))} ['a', 'low', {more('text')}])",
                f"({more('number')} in [1, 2.5, 0.005, count])",
                f"({more('person')} {dice.choice(('in', 'not in'))} [me(), 4])",
                f"({more('person')} in seen)",
                "('a' in tags)",
                f"({more('money')} in [100, 2.5])",
                "(site.team in my_team())",
                f"({more('person')} in my_team())",
                "('b' not in tags)",
                f"({more('date')} in [today(), '2026-03-01'])",
                "(about == about)",
                "(entity_of(about) == 'desk.site')",
                "(hour < '12:30')",
            )
        )
    if shape == 8:
        return f"{dice.choice(('contains', 'starts'))}({more('text')}, {more('text')})"
    if shape == 9:
        return f"({more('money')} {dice.choice(ORDER)} {dice.choice(('100', '2.5', '0.005', '-99999999999.995'))})"
    if shape == 10:
        return f"({more('number')} {dice.choice(ORDER)} {dice.choice(('12.505', '-0.05', '100000000000000', '0', '1.2345678901'))})"
    order = ("==", "!=") if kind in ("boolean", "person") else ORDER
    return f"({more(kind)} {dice.choice(order)} {more(kind)})"
