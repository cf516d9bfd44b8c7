"""Whatever is written into a document, reading and proving it gives problems, never an exception."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import Plugin, check, read_overlay, read_plugin, refusals
from schemas.source import Number, read_documents
from tests.language.examples import BUILDING, FACILITIES, PEOPLE, WARSAW
from tests.soak import rounds

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([Number("0"), Number("1.5"), Number("-7"), Number("1e999")]),
    st.sampled_from(
        ["", "x", "request", "summary", "state", "me()", "a ==", "(", "a.b.c", "facilities.request", "any", "all"]
    ),
    st.text(max_size=12),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["type", "fields", "to", "from", "label", "where", "role", "x", "all_but", "text", "field", "when"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += spots(inner, (*path, key))
    return found


def changed(document: Any, data: Any) -> Any:
    """The document with up to three of its values replaced or words added."""
    made = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(spots(made)))
        holder = made
        for step in path[:-1]:
            holder = holder[step]
        value = data.draw(VALUES)
        if isinstance(holder, dict) and data.draw(st.booleans()):
            holder[data.draw(st.sampled_from(["where", "kind", "default", "key", "parent", "effective", "sort"]))] = (
                value
            )
        else:
            holder[path[-1]] = value
    return made


def plain(text: str) -> Any:
    return _plain(read_documents(text)[0][0])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


DOCUMENT, OVERLAY = plain(FACILITIES + BUILDING), plain(WARSAW)
WORLD: dict[str, Plugin] = {}
for source in (FACILITIES + BUILDING, PEOPLE):
    read, _ = read_plugin(source)
    assert read
    WORLD[read.name] = read
ENTITIES = {entity.full_name: entity for plugin in WORLD.values() for entity in plugin.entities}


@settings(max_examples=rounds(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_plugin_with_anything_in_it(data: Any) -> None:
    plugin, problems = read_plugin(changed(DOCUMENT, data), "x.yaml")
    assert plugin is not None or problems
    if plugin is not None:
        assert all(str(one) for one in check({"directory": WORLD["directory"], plugin.name: plugin}, {}))


@settings(max_examples=rounds(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_overlay_with_anything_in_it(data: Any) -> None:
    overlays, problems = read_overlay(changed(OVERLAY, data), "x.yaml")
    assert overlays or problems
    for overlay in overlays:
        assert all(str(one) for one in refusals(ENTITIES["facilities.request"], overlay, ENTITIES))


@settings(max_examples=rounds(300), deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="{}[]:-,&*!|>'\"#%@ \nab1?~")))
def test_any_text(text: str) -> None:
    plugin, problems = read_plugin(text)
    assert plugin is not None or problems
    assert isinstance(read_overlay(text)[1], list)
