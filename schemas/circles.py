"""Circles in a graph of names: one example for each knot, found without recursion."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def circles(graph: Mapping[Node, Iterable[Node]]) -> list[list[Node]]:
    """The shortest circle through the first member of each knot, which may be a node that names itself."""
    ahead = {node: [one for one in targets if one in graph] for node, targets in graph.items()}
    order = {node: index for index, node in enumerate(ahead)}
    found = []
    for part in _parts(ahead):
        start = min(part, key=order.__getitem__)
        if len(part) > 1 or start in ahead[start]:
            found.append(_shortest(ahead, start, set(part)))
    return sorted(found, key=lambda circle: order[circle[0]])


def _shortest(ahead: Mapping[Node, Sequence[Node]], start: Node, members: set[Node]) -> list[Node]:
    before: dict[Node, Node] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for one in ahead[node]:
            if one == start:
                path = [node]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            if one in members and one not in before:
                before[one] = node
                queue.append(one)
    return [start]


def _parts(ahead: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """Tarjan's strongly connected components, with a stack of our own: graphs have tens of thousands of nodes."""
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    path: list[Node] = []
    on_path: set[Node] = set()
    parts: list[list[Node]] = []
    for root in ahead:
        if root in number:
            continue
        work = [(root, 0)]
        while work:
            node, next_one = work.pop()
            if next_one == 0:
                number[node] = low[node] = len(number)
                path.append(node)
                on_path.add(node)
            pushed = False
            for index in range(next_one, len(ahead[node])):
                one = ahead[node][index]
                if one not in number:
                    work += [(node, index + 1), (one, 0)]
                    pushed = True
                    break
                if one in on_path:
                    low[node] = min(low[node], number[one])
            if pushed:
                continue
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[node])
            if low[node] == number[node]:
                part: list[Node] = []
                while not part or part[-1] != node:
                    part.append(path.pop())
                    on_path.discard(part[-1])
                parts.append(part)
    return parts
