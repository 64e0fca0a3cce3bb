import gzip
import io
import sys

import pytest

from service.commands.bundle_input import read_input
from service.errors import BadInput, TooLarge

BUNDLE = b'{"resourceType": "Bundle"}'


def test_a_plain_file_is_read_as_it_is(tmp_path):
    (tmp_path / "plain.json").write_bytes(BUNDLE)
    assert read_input(str(tmp_path / "plain.json")) == BUNDLE


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path):
    (tmp_path / "packed.json").write_bytes(gzip.compress(BUNDLE))
    assert read_input(str(tmp_path / "packed.json")) == BUNDLE


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(BUNDLE))))
    assert read_input("-") == BUNDLE


def test_a_missing_file_is_said_in_one_sentence_without_its_name(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: no such file") as raised:
        read_input(str(tmp_path / "Zelda Testperson.json"))
    assert "Zelda" not in str(raised.value)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_input(str(tmp_path))


def test_a_file_over_the_limit_is_refused(tmp_path):
    (tmp_path / "large.json").write_bytes(b" " * 101)
    with pytest.raises(TooLarge):
        read_input(str(tmp_path / "large.json"), limit=100)


def test_a_small_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b" " * 1_000_000))
    with pytest.raises(TooLarge):
        read_input(str(tmp_path / "bomb.gz"), limit=10_000)


# Named, for gzip writes the time into what it packs, and a test must have the same name each time.
@pytest.mark.parametrize(
    "content",
    [gzip.compress(BUNDLE)[:-9], b"\x1f\x8bnot gzip", b"\x1f\x8b"],
    ids=["cut short", "not gzip", "nothing but its mark"],
)
def test_broken_gzip_is_said_to_be_broken(tmp_path, content):
    (tmp_path / "broken.gz").write_bytes(content)
    with pytest.raises(BadInput, match="broken or cut short"):
        read_input(str(tmp_path / "broken.gz"))
