"""Secrets lie encrypted; only the installation's key opens them, and a changed byte opens nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.storage.vault import Vault


@given(st.text())
def test_a_secret_comes_back_and_is_never_stored_twice_alike(text: str) -> None:
    plain = text.encode("utf-8", "ignore").decode()
    vault = Vault("key")
    stored = vault.lock(plain)
    assert stored is not None and vault.unlock(stored) == plain and vault.lock(plain) != stored
    assert len(plain) < 4 or plain not in stored


def test_another_key_or_a_changed_byte_opens_nothing() -> None:
    stored = Vault("key").lock("canary")
    assert stored is not None
    assert Vault("another").unlock(stored) is None
    for place in range(3, len(stored) - 2):
        changed = stored[:place] + ("A" if stored[place] != "A" else "B") + stored[place + 1 :]
        assert Vault("key").unlock(changed) is None
    assert Vault("key").unlock("plain text") is None and Vault("key").unlock(None) is None and Vault("key").lock(None) is None
