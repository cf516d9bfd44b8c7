"""Action: one verb as a person meets it, behind button, key, palette entry, row menu and bulk bar alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.render import words
from schemas.model import Entity


@dataclass(frozen=True)
class Action:
    """``url`` is where it leads; ``post`` verbs change something and need the token. ``why_not`` makes it a refusal that
    says why. ``key`` is the single key that starts it, ``where`` holds record, list, bulk."""

    id: str
    label: str
    url: str
    icon: str = ""
    key: str = ""
    post: bool = False
    danger: bool = False
    why_not: str = ""
    where: tuple[str, ...] = ("record",)
    download: bool = False


def of_record(
    entity: Entity,
    url: str,
    number: int,
    *,
    write: bool,
    delete: bool,
    create: bool,
    print_: bool,
    moves: Sequence[tuple[str, str, str]] = (),
    links: Sequence[tuple[str, str, str]] = (),
) -> list[Action]:
    """Everything that can be done with one record. ``moves`` holds (name, label, why not); ``links`` (label, url, icon)."""
    here = f"{url}/{number}"
    found = [
        Action(f"move-{name}", label, f"{here}/move/{name}", "arrow-right", str(place + 1) if place < 9 else "", why_not=why)
        for place, (name, label, why) in enumerate(moves)
    ]
    if write:
        found.append(Action("edit", "Edit", f"{here}/edit", "pencil", "e"))
    if create and entity.kind not in ("settings",):
        found.append(Action("duplicate", "Duplicate", f"{url}/new?copy={number}", "copy"))
    found += [Action(f"link-{place}", label, target, icon or "external-link") for place, (label, target, icon) in enumerate(links)]
    found.append(Action("copy-link", "Copy link", here, "link", "."))
    if print_:
        found.append(Action("print", "Print", f"{here}?print=1", "printer"))
        found.append(Action("pdf", "PDF", f"{here}/print.pdf", "file-text", download=True))
    if delete:
        found.append(Action("delete", f"Delete {words.singular(entity).lower()}…", f"{here}/delete", "trash", "#", danger=True))
    return found


def of_list(
    entity: Entity, url: str, *, create: bool, delete: bool, export: bool, write: bool, moves: Sequence[tuple[str, str]] = ()
) -> list[Action]:
    """What can be done with the list or with selected records of it."""
    found = []
    if create:
        found.append(Action("new", "New " + words.singular(entity).lower(), f"{url}/new", "plus", "c", where=("list",)))
    if write:
        found.append(Action("bulk-edit", "Edit fields…", f"{url}/bulk/edit", "pencil", "", where=("bulk",)))
    found += [Action(f"bulk-move-{name}", label, f"{url}/bulk/move/{name}", "arrow-right", where=("bulk",)) for name, label in moves]
    if export:
        found += [
            Action(f"export-{kind}", f"Export {kind.upper()}", f"{url}/export?format={kind}", "download", where=("list",), download=True)
            for kind in ("csv", "xlsx", "json")
        ]
    if delete:
        found.append(Action("bulk-delete", "Delete…", f"{url}/bulk/delete", "trash", "#", danger=True, where=("bulk",)))
    return found
