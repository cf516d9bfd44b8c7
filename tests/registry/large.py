"""A house as large as real business systems are: hundreds of entities in their proportions, made from a seed.

The proportions were counted in open systems: the first type of a field is the reference (22 %), children are one level deep,
circles of references reach 14 entities, one entity has 216 fields with 50 references and nine tables of lines, and words of
SQL are names of entities and fields.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

ENTITIES, FIELDS = 655, 11_000
PLUGINS = 10
CIRCLE = 14
BIGGEST = 216
BIGGEST_REFERENCES = 50
BIGGEST_LINES = 9

WORDS = (
    "order select from where group table index user values check primary default column constraint view grant join union "
    "limit offset all any and or not in is null case when then end as by on desc asc with insert update delete set key"
).split()
"""Words of SQL, some of Python too; names of entities and fields."""

KINDS: tuple[tuple[str, int], ...] = (
    ("reference", 22), ("text", 19), ("choice", 11), ("boolean", 10), ("integer", 6), ("decimal", 7), ("money", 4), ("date", 7),
    ("datetime", 4), ("long_text", 4), ("percent", 1), ("email", 1), ("phone", 1), ("url", 1), ("choices", 1), ("json", 1),
)


@dataclass(frozen=True)
class House:
    """``documents``: YAML by plugin; ``entities`` and ``fields``: how many stand in them, fields of lines included."""

    documents: dict[str, str]
    entities: int
    fields: int

    @property
    def biggest(self) -> str:
        """The full name of the entity of 216 fields."""
        return "area0.biggest"


def house(entities: int = ENTITIES, fields: int = FIELDS, seed: int = 1) -> House:
    """The whole house; equal arguments give equal documents."""
    dice = random.Random(seed)
    plugins = [f"area{number}" for number in range(min(PLUGINS, entities // CIRCLE))]
    names: dict[str, list[str]] = {plugin: [] for plugin in plugins}
    for number in range(entities):
        plugin = plugins[number % len(plugins)]
        taken = len(names[plugin]) - ("biggest" in names[plugin])
        word = WORDS[taken % len(WORDS)]
        names[plugin].append("biggest" if number == 0 else word if taken < len(WORDS) else f"{word}_{taken}")
    sizes = _sizes(dice, entities - 1, fields - BIGGEST - _children(BIGGEST_LINES))
    documents, made = {}, 0
    for at, plugin in enumerate(plugins):
        others = [f"{before}.{name}" for before in plugins[:at] for name in names[before]]
        lines = [
            f"plugin: {plugin}", f"label: Area {at}", "version: 1.0.0", 'core: ">=1,<2"',
            f"needs: [{', '.join(['directory', *plugins[:at]])}]",
            "roles:", "  clerk: {label: Clerk}", "  reader: {label: Reader}", "entities:",
        ]
        for number, name in enumerate(names[plugin]):
            if name == "biggest":
                block = list(_biggest(dice, names[plugin], others))
                made += BIGGEST + _children(BIGGEST_LINES)
            else:
                size = sizes.pop()
                made += size
                block = list(_entity(dice, name, number, size, names[plugin], others))
            lines += block
        documents[plugin] = "\n".join(lines) + "\n"
    return House(documents, entities, made)


def _sizes(dice: random.Random, entities: int, fields: int) -> list[int]:
    """How many fields each has: most have few, some have many, and they add up."""
    weights = [dice.paretovariate(1.6) for _ in range(entities)]
    least = 4
    left = fields - least * entities
    sizes = [least + int(left * weight / sum(weights)) for weight in weights]
    sizes[0] += fields - sum(sizes)
    # No other entity is as big as the biggest.
    for number, size in enumerate(sizes):
        if size > BIGGEST - 16:
            sizes[number], surplus = BIGGEST - 16, size - (BIGGEST - 16)
            for more in range(surplus):
                sizes[(number + 1 + more) % entities] += 1
    return sizes


def _children(tables: int) -> int:
    return tables * 4


def _biggest(dice: random.Random, mine: list[str], others: list[str]) -> Iterator[str]:
    yield from _head("biggest", "code")
    yield "      code: {type: text, required: true, unique: true, max_length: 40, in_list: true, searchable: true}"
    for number in range(BIGGEST_REFERENCES):
        yield f"      to_{number}: {{type: reference, to: '{dice.choice([*mine, *others])}'}}"
    for number in range(BIGGEST_LINES):
        yield from _lines(dice, f"rows_{number}", mine)
    rest = BIGGEST - 1 - BIGGEST_REFERENCES - BIGGEST_LINES
    for number in range(rest):
        yield f"      {_field(dice, _name(number), mine, others, plain=True)}"
    yield from _tail(dice, "code", ["code", "to_0"])


def _entity(dice: random.Random, name: str, number: int, size: int, mine: list[str], others: list[str]) -> Iterator[str]:
    yield from _head(name, "code")
    yield "      code: {type: text, required: true, unique: true, max_length: 40, in_list: true, searchable: true}"
    # Neighbours point at each other in circles of fourteen.
    start = number - number % CIRCLE
    circle = mine[start : start + CIRCLE]
    yield f"      next_one: {{type: reference, to: '{circle[(number + 1 - start) % len(circle)]}', in_list: true}}"
    left = size - 2
    if left > 8 and dice.random() < 0.35:
        yield from _lines(dice, "rows", mine)
        left -= 5
    columns = ["code", "next_one"]
    for at in range(left):
        yield f"      {_field(dice, _name(at), mine, others)}"
    yield from _tail(dice, "code", columns)
    if dice.random() < 0.3:
        yield "    workflow:"
        yield "      states: {new: {meaning: new}, running: {}, done: {meaning: done}}"
        yield "      transitions:"
        yield "        begin: {from: new, to: running, role: clerk}"
        yield "        finish: {from: running, to: done, role: clerk, requires: [code]}"


def _head(name: str, title: str) -> list[str]:
    return [f'  "{name}":', f'    title: "{{{title}}}"', f"    key: {title}", "    fields:"]


def _tail(dice: random.Random, sort: str, columns: list[str]) -> list[str]:
    own = dice.random() < 0.2
    return [
        "    views:",
        f"      all: {{kind: list, sort: {sort}, columns: [{', '.join(columns)}], default: true}}",
        "    access:",
        "      clerk: {read: all, create: all, write: all, delete: all, export: all}"
        if not own else "      clerk: {read: department, create: all, write: all}",
        "      reader: {read: all}",
    ]


def _lines(dice: random.Random, name: str, mine: list[str]) -> list[str]:
    return [
        f"      {name}:", "        type: lines", "        fields:",
        f"          item: {{type: reference, to: '{dice.choice(mine)}'}}",
        "          count: {type: integer, min: 0}",
        "          price: {type: decimal, places: 2}",
        "          note: {type: text, max_length: 200}",
    ]


def _name(number: int) -> str:
    word = WORDS[number % len(WORDS)]
    return word if number < len(WORDS) else f"{word}_{number}"


def _field(dice: random.Random, name: str, mine: list[str], others: list[str], *, plain: bool = False) -> str:
    kind = "text" if plain and dice.random() < 0.3 else dice.choices([one for one, _ in KINDS], [share for _, share in KINDS])[0]
    while plain and kind == "reference":
        kind = dice.choices([one for one, _ in KINDS], [share for _, share in KINDS])[0]
    flags = [f"type: {kind}"]
    if kind == "reference":
        # Half point at neighbours, some at people and departments, the rest at other functions.
        pot = dice.random()
        target = dice.choice(mine) if pot < 0.5 or not others else "directory.person" if pot < 0.6 else dice.choice(others)
        flags.append(f"to: '{target}'")
    if kind in ("choice", "choices"):
        flags.append("options: [low, middle, high]")
    if kind == "decimal":
        flags.append(f"places: {dice.choice([2, 2, 2, 3, 4])}")
    if kind in ("integer", "decimal") and dice.random() < 0.3:
        flags.append("min: 0")
    if kind == "text":
        flags.append("max_length: 200")
    for flag, share in (("in_list", 0.12), ("no_copy", 0.08), ("read_only", 0.06), ("set_once", 0.02)):
        if dice.random() < share and not (kind in ("json", "long_text") and flag == "in_list"):
            flags.append(f"{flag}: true")
    if kind in ("choice", "reference", "boolean") and dice.random() < 0.1:
        flags.append("quick_filter: true")
    if kind in ("text", "date", "integer") and dice.random() < 0.04:
        flags.append("indexed: true")
    if kind == "text" and dice.random() < 0.1:
        flags.append("searchable: true")
    if dice.random() < 0.08:
        flags.append(f'{dice.choice(["show_if", "read_only_if", "required_if"])}: "code == \'special\' or len(code) > 8"')
    return f'"{name}": {{{", ".join(flags)}}}'
