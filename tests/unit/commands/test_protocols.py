"""What authors see: every mistake by file and line, every protocol as it is signed."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.content import SHIPPED, load_content
from config.content_check import check
from config.needs_document import WRITTEN_TO, needs_document, protocol_section
from service.cli import main


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["protocols", *arguments], prog_name="homeward")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("protocols", "instruments", "terminology", "checklists"):
        if (SHIPPED / name).is_dir():
            shutil.copytree(SHIPPED / name, tmp_path / name)
    return tmp_path


def _spoil(folder: Path, name: str, *changes: tuple[str, str]) -> None:
    path = folder / name
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)


def test_the_shipped_content_is_right() -> None:
    ran = _run("check")
    assert ran.exit_code == 0
    assert "64 protocols" in ran.output


def test_every_need_that_nothing_rules_out_says_why(folder: Path) -> None:
    never = json.loads(_run("check", "--format", "json").stdout)["not_ruled_out"]
    assert all(told["reason"] for told in never)
    assert "substance-use-treatment" not in {told["need"] for told in never}
    assert f"Nothing rules out {len(never)} of the needs" in _run("check").output
    _spoil(folder, "protocols/hospice.yaml", ("not_ruled_out:", "#"))
    assert "hospice: no reason is given" in _run("check", str(folder)).output


def test_a_need_is_ruled_out_or_it_is_said_why_not(folder: Path) -> None:
    _spoil(folder, "protocols/stress.yaml", ("absent:", "not_ruled_out: Nobody asks.\nabsent:"))
    assert "absent says what rules this need out" in _run("check", str(folder)).output


def test_all_mistakes_of_all_files_are_told_at_once(folder: Path) -> None:
    _spoil(
        folder,
        "protocols/home-oxygen.yaml",
        ("kind: clinical", "kind: klinical"),
        ("at_most: 88", "at_most: low"),
        ("service: home-oxygen", "service: air"),
        ("within_days: 14", "within_days: soon"),
        ("status: pending", "status: perhaps"),
    )
    _spoil(folder, "protocols/stress.yaml", ("title:", "titel:"))
    ran = _run("check", str(folder), "--format", "json")
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["ok"]) == (1, False)
    said = {(one["file"], one["message"].partition(";")[0]) for one in told["problems"]}
    assert ("protocols/stress.yaml", "unknown key 'titel'") in said
    oxygen = [one for one in told["problems"] if one["file"] == "protocols/home-oxygen.yaml"]
    assert len(oxygen) == 5
    lines = (folder / "protocols/home-oxygen.yaml").read_text().splitlines()
    words = ("klinical", "at_most: low", "service: air", "within_days: soon", "status: perhaps")
    assert {one["line"] for one in oxygen} == {
        number for number, line in enumerate(lines, 1) if any(word in line for word in words)
    }


def test_a_mistake_is_shown_as_file_line_and_message(folder: Path) -> None:
    _spoil(folder, "protocols/stress.yaml", ("kind: ", "kind: x"))
    ran = _run("check", str(folder))
    assert ran.exit_code == 1
    assert "protocols/stress.yaml:4: " in ran.output
    assert "is not one of social" in ran.output


def test_a_folder_that_holds_only_the_protocols_is_told_what_it_should_be(folder: Path) -> None:
    ran = _run("check", str(folder / "protocols"))
    assert ran.exit_code == 1
    assert ran.output.startswith("There is no protocols/ in protocols; give a folder laid out like config/")


def test_what_is_no_yaml_is_told_with_the_rest(folder: Path) -> None:
    _spoil(folder, "protocols/stress.yaml", ("title: ", 'title: "'))
    _spoil(folder, "protocols/hospice.yaml", ("kind: ", "kind: x"))
    assert {one.file for one in check(folder).problems} == {"protocols/stress.yaml", "protocols/hospice.yaml"}


def test_protocols_are_not_blamed_for_a_wrong_table(folder: Path) -> None:
    _spoil(folder, "terminology/code_sets.csv", ("food-insecurity,snomed", "food-insecurity,snowmed"))
    (problem,) = check(folder).problems
    assert (problem.file, problem.line) == ("terminology/code_sets.csv", 2)


def test_a_file_that_is_no_mapping_is_one_mistake(folder: Path) -> None:
    (folder / "protocols" / "stress.yaml").write_text("- a\n- b\n")
    (problem,) = check(folder).problems
    assert problem.file == "protocols/stress.yaml"


def test_a_name_that_is_not_the_file_s_is_told_too(folder: Path) -> None:
    (folder / "protocols" / "stress.yaml").rename(folder / "protocols" / "strain.yaml")
    (problem,) = check(folder).problems
    assert "not the name of the file" in problem.message


def test_the_list_names_every_protocol_with_version_and_review() -> None:
    listed = json.loads(_run("list", "--format", "json").stdout)["protocols"]
    assert {one["id"] for one in listed} == {one.ref.id for one in load_content().protocols}
    assert {"version", "review", "kind"} <= listed[0].keys()
    assert "Food insecurity" in _run("list").output


def test_one_protocol_is_shown_as_it_is_signed() -> None:
    shown = _run("show", "home-oxygen").output
    content = load_content()
    protocol = next(one for one in content.protocols if one.ref.id == "home-oxygen")
    assert shown.strip() == protocol_section(protocol, content).strip()
    assert "Blocks leaving: Oxygen at home is not arranged" in shown
    assert json.loads(_run("show", "home-oxygen", "--format", "json").stdout)["review"] == "pending"


def test_one_protocol_is_explained_with_the_codes_of_its_sets() -> None:
    shown = _run("explain", "food-insecurity").output
    assert "snomed 733423003 Food insecurity" in shown
    told = json.loads(_run("explain", "food-insecurity", "--format", "json").stdout)
    assert told["present"]["asks"] == "any of"
    assert "snomed 733423003 Food insecurity" in told["present"]["parts"][0]["codes"]
    assert "and " in _run("explain", "self-harm-risk").output


@pytest.mark.parametrize("command", ["show", "explain"])
def test_an_unknown_protocol_is_refused_in_one_sentence(command: str) -> None:
    ran = _run(command, "nonsense")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "homeward protocols list" in ran.stderr


def test_the_signed_document_is_that_of_the_protocols() -> None:
    """If this fails, say `make needs` and read what has changed."""
    assert WRITTEN_TO.read_text(encoding="utf-8") == needs_document(load_content())


def test_the_signed_document_holds_every_need_with_its_question_and_its_sources() -> None:
    written, content = needs_document(load_content()), load_content()
    for protocol in content.protocols:
        section = protocol_section(protocol, content)
        assert section in written
        assert all(source.title in section for source in protocol.sources)
        assert not protocol.question or protocol.question in section
        assert all(rule.clears in section for rule in protocol.blockers)
