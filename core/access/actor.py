"""Who asks: a person through an account, or the system with a stated reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Actor:
    """Everything rights may look at. Ids are those of the directory's entities; None or empty never allow."""

    account: int | None = None
    email: str = ""
    name: str = ""
    person: int | None = None
    department: int | None = None
    department_code: str = ""
    departments_below: frozenset[int] = frozenset()
    """The own department and all below it."""
    company: int | None = None
    company_departments: frozenset[int] = frozenset()
    """All departments of the own company."""
    teams: frozenset[int] = frozenset()
    teammates: frozenset[int] = frozenset()
    """Persons who share a team with the actor, the actor included."""
    roles: frozenset[str] = frozenset()
    """Full names such as ``helpdesk.agent``; every enabled account also holds ``core.everyone``."""
    locale: str = "en"
    zone: str = "UTC"
    channel: str = "ui"
    """ui, api, import, job, cli or system."""
    scopes: frozenset[str] | None = None
    """Scopes of the API token in use; None means all its owner's rights."""
    token: int | None = None
    """Id of the API token in use."""
    on_behalf_of: int | None = None
    reason: str = ""
    is_system: bool = False
    epoch: int = field(default=0, compare=False)

    @staticmethod
    def system(reason: str, channel: str = "system") -> Actor:
        """The platform itself, for a stated and audited reason; passes access rules, not guards."""
        return Actor(
            email="system",
            name="System",
            roles=frozenset({"core.everything", "core.everyone"}),
            channel=channel,
            reason=reason,
            is_system=True,
        )

    def via(self, channel: str) -> Actor:
        """The same actor through another channel."""
        return replace(self, channel=channel)

    @property
    def scope_writes(self) -> bool:
        """Whether the token in use covers writing of anything at all."""
        return self.scopes is None or any(scope == "write" or scope.endswith(":write") for scope in self.scopes)

    def scope_allows(self, entity: str, write: bool) -> bool:
        """Whether the token in use covers reading or writing ``plugin.entity`` (write includes read)."""
        if self.scopes is None:
            return True
        if write:
            return bool(self.scopes & {"write", f"{entity}:write"})
        return bool(self.scopes & {"read", "write", f"{entity}:read", f"{entity}:write"})
