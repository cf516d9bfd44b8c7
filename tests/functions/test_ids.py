"""Every rule and worked example of the functions is held by a test that quotes its id, or is told to be absent, with the reason.

An id counts as quoted when the name of a test function, its docstring or its parameters hold it (``test_ve_r05_...``).
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "functions"

HELD = {
    "directory": "SH-R06 SH-X06 HD-X01 HD-X02 HD-X03 HD-X04 HD-X05 HD-X06 HD-X07",
    "helpdesk": "HD-R01 HD-R03 HD-R08 HD-R09 HD-R11 HD-R15 HD-R16 HD-R17",
    "facilities": "FA-R01 FA-R02 FA-R03 FA-R04 FA-R05 FA-R06 FA-R07 FA-R08 FA-R09 FA-R10 FA-R11 "
    "FA-X01 FA-X02 FA-X03 FA-X04 FA-X05 FA-X06 FA-X07 FA-X08 FA-X09",
    "vendors": "VE-R01 VE-R02 VE-R03 VE-R04 VE-R05 VE-R06 VE-R07 VE-R08 VE-R09 VE-R10 VE-R11 "
    "VE-X01 VE-X02 VE-X03 VE-X04 VE-X05 VE-X06 VE-X07",
    "payroll": "SH-R03 SH-X02 SH-X03 SH-X04 SH-X05 I1 I2 I3 I4 I5 I6 I7 I8 "
    "P1 P2 P4 P5 P6 P7 P8 P9 P10 P11 P12 U1 U2 U3 U4 U5 U6 G1 G2 G3 G4 G5 G6 G7 G8",
}
ABSENT = {
    "helpdesk": "HD-R02 HD-R04 HD-R05 HD-R06 HD-R07 HD-R10 HD-R12 HD-R13 HD-R14 HD-R18 HD-X08",
    "payroll": "P3",
}


@cache
def quoted(function: str) -> str:
    """Names, docstrings and parameters of the function's test functions, as ``-ve-r05-the-tier-...-``."""
    told: list[str] = []
    for path in sorted((HERE / function).glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                told += [node.name, ast.get_docstring(node) or ""]
                parts = [part for decorator in node.decorator_list for part in ast.walk(decorator)]
                told += [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return f"-{re.sub(r'[^a-z0-9]+', '-', ' '.join(told).lower())}-"


@pytest.mark.parametrize("function", list(HELD))
def test_every_id_in_scope_is_quoted_by_a_test(function: str) -> None:
    missing = [one for one in HELD[function].split() if f"-{one.lower()}-" not in quoted(function)]
    assert not missing, f"No test of {function} quotes {', '.join(missing)} any more."


@pytest.mark.parametrize("function", list(ABSENT))
def test_what_is_absent_is_said_with_its_id(function: str) -> None:
    told = (DOCS / f"{function}.md").read_text("utf-8").partition("## Not here yet")[2]
    assert told
    missing = [one for one in ABSENT[function].split() if not re.search(rf"\b{one}\b", told)]
    assert not missing, f"docs/functions/{function}.md does not say why {', '.join(missing)} is absent."
    assert not set(ABSENT[function].split()) & set(HELD[function].split())
