"""A hospital's own content: a whole folder, and files laid over one."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.content import SHIPPED, load_content, load_contents
from config.content_check import check
from config.content_folder import ContentFolder
from config.marked_yaml import read_yaml
from service.cli import main
from service.errors import ConfigurationError

_FOOD = "protocols/food-insecurity.yaml"


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    folder = tmp_path / "general-content"
    (folder / "protocols").mkdir(parents=True)
    return folder


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    folder = tmp_path / "whole"
    for name in ("protocols", "instruments", "terminology"):
        shutil.copytree(SHIPPED / name, folder / name)
    for name in ("compliance.yaml", "boost_8p.yaml"):
        shutil.copy(SHIPPED / name, folder / name)
    return folder


def _retitle(folder: Path, title: str) -> None:
    shipped = (SHIPPED / _FOOD).read_text()
    assert "title: Food insecurity" in shipped
    (folder / _FOOD).write_text(shipped.replace("title: Food insecurity", f"title: {title}"))


def digest_of(content):
    return content.origin.digest


def _titles(content):
    return {protocol.ref.id: protocol.title for protocol in content.protocols}


def test_an_overlay_replaces_the_files_it_holds_and_no_others(overlay):
    _retitle(overlay, "Hunger")
    shipped, own = load_content(), load_content(overlay=overlay)
    assert _titles(own) == _titles(shipped) | {"food-insecurity": "Hunger"}
    assert own.instruments == shipped.instruments


def test_an_overlay_adds_protocols_and_leaves_others_out(overlay):
    text = (SHIPPED / "protocols" / "veteran-status.yaml").read_text()
    assert "id: veteran-status" in text
    (overlay / "protocols" / "served.yaml").write_text(text.replace("id: veteran-status", "id: served"))
    (overlay / "overlay.yaml").write_text("leave_out: [veteran-status]\n")
    needs = _titles(load_content(overlay=overlay))
    assert "served" in needs
    assert "veteran-status" not in needs


def test_a_whole_folder_is_all_there_is(whole):
    (whole / "protocols" / "veteran-status.yaml").unlink()
    assert "veteran-status" not in _titles(load_content(whole))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("protocol/food.yaml", "general-content/protocol: this is not read"),
        ("protocols/food.yml", "general-content/protocols/food.yml: this is not read"),
        ("complience.yaml", "general-content/complience.yaml: this is not read"),
    ],
)
def test_a_file_of_an_overlay_that_nobody_would_read_is_refused(overlay, name, said):
    (overlay / name).parent.mkdir(exist_ok=True)
    (overlay / name).write_text("id: food\n")
    with pytest.raises(ConfigurationError, match=said):
        load_content(overlay=overlay)


def test_what_is_left_out_must_exist(overlay):
    (overlay / "overlay.yaml").write_text("leave_out:\n  - veteran-statos\n")
    with pytest.raises(
        ConfigurationError, match=r"general-content/overlay.yaml:2: there is no protocol 'veteran-statos'"
    ):
        load_content(overlay=overlay)


def test_a_mistake_in_an_overlay_names_the_overlay(overlay):
    _retitle(overlay, "Hunger\nnonsense: 1")
    (problem,) = check(SHIPPED, overlay).problems
    assert problem.file == "general-content/protocols/food-insecurity.yaml"
    assert "unknown key 'nonsense'" in problem.message


def test_the_digest_names_exactly_what_is_read(overlay, whole):
    shipped = digest_of(load_content())
    assert shipped.startswith("sha256:")
    assert digest_of(load_content(whole)) == shipped  # the same files elsewhere
    assert digest_of(load_content(overlay=overlay)) == shipped  # nothing is laid over yet
    (overlay / "README.md").write_text("What we changed and who signed it.")
    assert digest_of(load_content(overlay=overlay)) == shipped
    _retitle(overlay, "Hunger")
    changed = digest_of(load_content(overlay=overlay))
    _retitle(overlay, "Hunger ")
    digests = {shipped, changed, digest_of(load_content(overlay=overlay))}
    (overlay / "overlay.yaml").write_text("leave_out: [stress]\n")
    assert len({*digests, digest_of(load_content(overlay=overlay))}) == 4


def test_a_renamed_file_is_other_content(whole):
    before = ContentFolder(whole).digest()
    (whole / "terminology" / "code_sets_discharge.csv").rename(
        whole / "terminology" / "code_sets_leaving.csv"
    )
    assert ContentFolder(whole).digest() != before


def test_each_hospital_has_its_own_and_those_without_share_one(overlay):
    _retitle(overlay, "Hunger")
    found = load_contents("", {"general": overlay, "county": None, "mercy": None})
    assert _titles(found["general"])["food-insecurity"] == "Hunger"
    assert found["county"] is found["mercy"] is found[""]


def test_a_folder_that_is_not_there_says_what_to_correct(tmp_path):
    with pytest.raises(ConfigurationError, match="HOMEWARD_CONTENT_DIR"):
        load_contents(str(tmp_path / "nowhere"), {})


def test_the_command_checks_what_the_service_will_load(overlay, whole, tmp_path, monkeypatch):
    def run():
        return CliRunner().invoke(main, ["protocols", "check"])

    assert digest_of(load_content()) in run().output
    monkeypatch.setenv("HOMEWARD_CONTENT_DIR", str(whole))
    (whole / "protocols" / "stress.yaml").unlink()
    assert digest_of(load_content(whole)) in run().output
    _retitle(overlay, "Hunger\nnonsense: 1")
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(
        "tenants:\n  - id: general\n    fhir_base_url: https://ehr.example.org/fhir\n"
        f"    organization: Example Hospital\n    content: {overlay}\n"
    )
    monkeypatch.setenv("HOMEWARD_TENANTS_FILE", str(tenants))
    ran = run()
    assert ran.exit_code == 1
    assert "general-content/protocols/food-insecurity.yaml" in ran.output
    checked = CliRunner().invoke(main, ["protocols", "check", "--overlay", str(overlay)])
    assert checked.exit_code == 1


def test_a_plan_from_a_file_is_made_by_the_deployments_content_and_names_it(whole, monkeypatch):
    _retitle(whole, "Hunger")
    monkeypatch.setenv("HOMEWARD_CONTENT_DIR", str(whole))
    patient = SHIPPED.parent / "service" / "sandbox" / "patients" / "01-agnes-sampleford.json"
    ran = CliRunner().invoke(main, ["plan", str(patient), "--today", "2026-03-02", "--format", "json"])
    assert ran.exit_code == 0
    assert f'"digest": "{digest_of(load_content(whole))}"' in ran.output
    assert '"Hunger"' in ran.output


@pytest.mark.parametrize("content", [b"\xff\xfe", b"title: a\x00b", b"title: a\x07"])
def test_a_file_that_is_no_text_is_named(tmp_path, content):
    (tmp_path / "own.yaml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"own\.yaml:1: this file cannot be read"):
        read_yaml(tmp_path / "own.yaml", "own.yaml")
