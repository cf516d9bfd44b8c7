"""The command line as scripts use it: exit codes, last lines, and everything while a server runs."""

from __future__ import annotations

import socket
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.facts import FixedClock
from core.services.platform import Platform
from core.settings import Settings
from core.storage import edition
from core.testing import World
from core.testing.plugin import START
from tests.cli.server import House

FLOOR = "overlay: directory.team\nchanges:\n  - add_field: {name: floor, type: integer, label: Floor}\n"


class Inside(House):
    """The same commands within this process: what they do is the point, not that a process starts."""

    def run(self, *arguments: str, given: str = "", code: int = 0) -> str:
        answer = CliRunner().invoke(cli, arguments, input=given, env=self.environment, prog_name="backoffice")
        assert answer.exit_code == code, f"{arguments} ended with {answer.exit_code}:\n{answer.output}\n{answer.exception}"
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        return answer.stdout if code == 0 else answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def started(house: House) -> House:
    """The same data directory, with a process for each command."""
    return House(house.folder, plugins_dir=house.environment["BACKOFFICE_PLUGINS_DIR"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("commands")
    made = Inside(folder / "data", plugins_dir=str(folder / "plugins"))
    (folder / "plugins").mkdir()
    made.run(
        "user",
        "add",
        "ann@example.org",
        "--name",
        "Ann Example",
        "--role",
        "directory.hr_officer",
        "--password-stdin",
        given="correct horse battery\n",
    )
    return made


def test_a_wrong_command_line_ends_with_2_and_a_refusal_with_1(house: House, started: House) -> None:
    started.run("no-such-command", code=2)
    out = started.run("user", "disable", "nobody@example.org", code=1)
    assert "There is no account" in out and "Traceback" not in out
    assert "there is already an account" in house.run("user", "add", "ann@example.org", "--name", "Ann", code=1).lower()
    assert "no department" in house.run("user", "add", "bo@example.org", "--name", "Bo", "--department", "NONE", code=1)


def test_a_file_that_cannot_be_written_is_a_sentence(house: House, tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing" / "here"
    for arguments in (["backup", str(nowhere)], ["export", "directory.team", "--out", str(nowhere)]):
        said = house.run(*arguments, code=1)
        assert str(nowhere) in said and "No such file or directory." in said and "Traceback" not in said


def test_a_token_stands_alone_on_the_last_line(house: House) -> None:
    out = house.run("token", "create", "--user", "ann@example.org", "--name", "t", "--scope", "read")
    assert out.splitlines()[-1].startswith("bo_") and " " not in out.splitlines()[-1]
    assert "scope" in house.run("token", "create", "--user", "ann@example.org", "--name", "t", "--scope", "all", code=1)


def test_an_invitation_shows_its_link_when_mail_is_off(house: House) -> None:
    assert "http://127.0.0.1:8000/login/choose?key=" in house.run(
        "user", "add", "bo@example.org", "--name", "Bo Example"
    )


def test_overlays_are_planned_applied_listed_exported_and_reverted(house: House, tmp_path: Path) -> None:
    file = tmp_path / "floor.yaml"
    file.write_text(FLOOR)
    assert "ADD COLUMN" in house.run("overlay", "plan", str(file))
    before = house.run("overlay", "list").splitlines()
    assert "is in force" in house.run("overlay", "apply", str(file))
    assert "Nothing changed" in house.run("overlay", "apply", str(file))
    lines = house.run("overlay", "list").splitlines()
    assert len(lines) == len(before) + 1 and lines[-1].split()[0] == str(len(lines))
    house.run("overlay", "export", str(tmp_path / "out"))
    (exported,) = (tmp_path / "out").iterdir()
    assert "add_field" in exported.read_text() and "add_field" in house.run("overlay", "export")
    house.run("overlay", "revert")
    assert house.run("overlay", "export") == ""
    house.run("overlay", "revert", str(len(lines)))
    assert "floor" in house.run("overlay", "export")
    house.run("overlay", "revert", "999", code=1)


def test_an_overlay_for_a_department_that_does_not_exist_says_so(house: House, tmp_path: Path) -> None:
    file = tmp_path / "slip.yaml"
    file.write_text("overlay: directory.team\ndepartment: NOWHERE\nchanges:\n  - relabel: {field: name, label: Crew}\n", encoding="utf-8")
    told = CliRunner().invoke(cli, ("overlay", "plan", str(file)), env=house.environment, prog_name="backoffice")
    assert told.exit_code == 0 and 'warning: ' in told.stderr and 'no department with the code "NOWHERE"' in told.stderr


def test_a_bad_overlay_is_refused_with_its_place(house: House, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("overlay: directory.team\nchanges:\n  - require: no_such_field\n")
    out = house.run("overlay", "apply", str(file), code=1)
    assert "bad.yaml:3" in out and "no_such_field" in out and "nothing was changed" in out
    assert "bad.yaml" in house.run("check", str(file), code=1)


def test_records_go_in_and_come_out(house: House, tmp_path: Path) -> None:
    file = tmp_path / "teams.csv"
    file.write_text("name\nBlue\nRed\nBlue\n")
    out = house.run("import", "directory.team", str(file), "--dry-run", code=1)
    assert "2 created" in out and "1 refused" in out and out.rstrip().endswith("Nothing was written.")
    assert "Blue" not in house.run("export", "directory.team")
    out = house.run("import", "directory.team", str(file), code=1)
    assert "2 created" in out and "1 refused" in out and "row 3" in out
    assert "2 unchanged" in house.run("import", "directory.team", str(file), "--upsert", "name", code=0).replace(
        "3 unchanged", "2 unchanged"
    )
    assert house.run("export", "directory.team").splitlines()[0].startswith("id,name")
    house.run("export", "directory.team", "--format", "json", "--out", str(tmp_path / "teams.json"))
    assert (tmp_path / "teams.json").read_text().count('"Blue"') >= 1
    assert "no entity" in house.run("export", "directory.nothing", code=1).lower()


def test_why_somebody_may_or_may_not(house: House) -> None:
    assert (
        house.run("explain", "--user", "ann@example.org", "directory.person", "--action", "create").splitlines()[-1]
        == "Allowed."
    )
    told = house.run("explain", "--user", "ann@example.org", "directory.currency", "--action", "write")
    assert told.splitlines()[-1] == "Not allowed."
    assert "hr_officer" in house.run(
        "explain", "--user", "ann@example.org", "directory.person", "1", "--action", "write", "--field", "phone"
    )


def test_who_read_sensitive_values_is_told(house: House) -> None:
    assert house.run("audit", "reads", "--entity", "payroll.payslip", "--record", "1", "--by", "ann@example.org") == ""
    house.run("audit", "reads", "--record", "0", code=2)


def test_migrate_and_reindex_may_be_repeated(house: House) -> None:
    for _ in range(2):
        house.run("migrate")
    assert "Nothing to do" in house.run("migrate", "--plan")
    assert "directory.person: " in house.run("reindex")


def test_backup_restore_and_verify(house: House, tmp_path: Path) -> None:
    file = tmp_path / "all.tar.gz"
    house.run("backup", str(file))
    assert "not empty" in house.run("restore", str(file), code=1)
    other = Inside(tmp_path / "other")
    other.run("restore", str(file))
    assert "ann@example.org" in other.run("explain", "--user", "ann@example.org", "directory.person")
    assert "whole" in other.run("audit", "verify")
    assert "counted, not read" in other.run("audit", "verify", "--since", "1")
    assert "no checkpoint 99" in other.run("audit", "verify", "--since", "99", code=1)
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(file.read_bytes()[:2000])
    third = Inside(tmp_path / "third")
    assert "Traceback" not in third.run("restore", str(broken), code=1)


def test_data_of_a_later_edition_are_refused_with_a_sentence_and_left_alone(house: House, tmp_path: Path) -> None:
    file = tmp_path / "all.tar.gz"
    house.run("backup", str(file))
    later = Inside(tmp_path / "later")
    later.run("restore", str(file))
    database = sqlite3.connect(tmp_path / "later" / "backoffice.db", isolation_level=None)
    known = database.execute("select value from setting where name = 'edition'").fetchone()[0]
    assert known.startswith(f"{edition.EDITION} ")
    database.execute("update setting set value = ? where name = 'edition'", (f"{edition.EDITION + 1} 9.9.9",))
    for command in (("overlay", "list"), ("migrate",), ("backup", str(tmp_path / "x.tar.gz")), ("user", "disable", "ann@example.org")):
        said = later.run(*command, code=1)
        assert "Backoffice 9.9.9" in said and "Nothing was changed" in said, (command, said)
    said = House(tmp_path / "later").run("serve", "--port", "1", code=1)
    assert "Backoffice 9.9.9" in said and "Traceback" not in said
    assert database.execute("select value from setting where name = 'edition'").fetchone()[0].endswith("9.9.9")
    database.close()


def test_a_new_plugin_passes_its_check_and_is_served(house: House, tmp_path: Path) -> None:
    house.run("plugin", "new", "lending")
    assert "lending" in house.run("plugin", "list")
    checked = house.run("check", str(Path(house.environment["BACKOFFICE_PLUGINS_DIR"]) / "lending"))
    assert checked.splitlines()[-1].startswith("0 problems") or checked == "No problems.\n", checked
    assert "reserved" in house.run("plugin", "new", "api", code=1)
    assert "there already" in house.run("plugin", "new", "lending", code=1)
    assert "lending is off" in house.run("plugin", "disable", "lending")
    assert "no entity" in house.run("export", "lending.item", code=1).lower()
    house.run("plugin", "enable", "lending")
    assert house.run("export", "lending.item").startswith("id,")
    assert "cannot be switched off" in house.run("plugin", "disable", "directory", code=1)


def test_production_refuses_a_weak_key_and_demo_data(tmp_path: Path) -> None:
    weak = House(tmp_path / "weak", base_url="https://office.example.org", secret_key="secret")
    assert "BACKOFFICE_SECRET_KEY" in weak.run("serve", "--port", "18999", code=1)
    strong = House(tmp_path / "strong", base_url="https://office.example.org")
    assert "--demo-anyway" in strong.run("serve", "--demo", "--port", "18999", code=1)
    assert "--demo-anyway" in strong.run("demo", code=1)
    assert "takes a whole number" in House(tmp_path / "odd", api_rate="many").run("check", code=1)


@pytest.mark.parametrize("command", [("check",), ("user", "add", "bo@example.org", "--name", "Bo"), ("serve",)])
def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path: Path, command: tuple[str, ...]) -> None:
    # A port that we hold and where nobody listens refuses at once.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://office:hidden-word@127.0.0.1:{held.getsockname()[1]}/office"
        kind = House if command == ("serve",) else Inside
        out = kind(tmp_path / "data", database_url=url).run(*command, code=1)
    assert out.count("The database cannot be reached.") == 1 and "BACKOFFICE_DATABASE_URL" in out
    assert "hidden-word" not in out and "Traceback" not in out and "busy" not in out


def test_a_plugins_folder_that_is_not_there_is_warned_about_and_nothing_refused(tmp_path: Path) -> None:
    wrong = House(tmp_path / "data", plugins_dir=str(tmp_path / "nowhere"))
    said = "BACKOFFICE_PLUGINS_DIR names a folder that does not exist"
    out = Inside(wrong.folder, plugins_dir=str(tmp_path / "nowhere")).run("check")
    assert out.count(said) == 1 and "\n0 problems, " in out
    with wrong.serving() as server:
        assert server.log.read_text(encoding="utf-8").count(said) == 1
    platform = Platform(replace(Settings.for_tests(tmp_path / "data"), plugins_dir=tmp_path / "nowhere"), FixedClock(START))
    platform.start()
    try:
        world = World(platform, FixedClock(START))
        page = world.client(world.actor("core.admin")).get("/admin/plugins").text
    finally:
        platform.close()
    assert page.count(said) == 1 and str(tmp_path) not in page
