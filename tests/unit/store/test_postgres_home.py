import os
import pwd
import shutil
import stat
import subprocess
from types import SimpleNamespace

import pytest

from service.errors import ConfigurationError
from service.store import postgres_home
from service.store.postgres_home import (
    Account,
    _account,
    _base,
    _may_execute,
    _new_user,
    _programs,
    find_home,
)

SOMEBODY = Account(uid=4001, gid=4002)


@pytest.mark.parametrize(
    ("owner", "group", "mode", "may"),
    [
        (SOMEBODY.uid, 1, 0o700, True),
        (SOMEBODY.uid, 1, 0o011, False),
        (1, SOMEBODY.gid, 0o710, True),
        (1, SOMEBODY.gid, 0o701, False),
        (1, 1, 0o711, True),
        (1, 1, 0o770, False),
    ],
)
def test_who_may_pass_through_a_folder_is_read_from_its_mode(owner, group, mode, may):
    status = os.stat_result((stat.S_IFDIR | mode, 0, 0, 1, owner, group, 0, 0, 0, 0))
    assert _may_execute(SOMEBODY, status) is may


def _no_such_user(_):
    raise KeyError


def test_without_a_way_to_make_a_user_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(pwd, "getpwnam", _no_such_user)
    with pytest.raises(ConfigurationError, match="HOMEWARD_DATABASE_URL"):
        _new_user()


def test_the_user_that_is_missing_is_made_without_home_or_shell(monkeypatch, tmp_path):
    made = SimpleNamespace(pw_uid=SOMEBODY.uid, pw_gid=SOMEBODY.gid)
    commands: list[list[str]] = []

    def getpwnam(_):
        if not commands:
            raise KeyError
        return made

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/sbin/useradd")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    assert _account(tmp_path / "missing") == SOMEBODY
    assert {"--no-create-home", "/bin/false", "pgserver"} <= set(commands[0])


def test_a_user_without_a_name_is_told_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(pwd, "getpwuid", _no_such_user)
    with pytest.raises(ConfigurationError, match="needs a user with a name"):
        find_home(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_missing_wheel_is_told_with_its_remedy(monkeypatch):
    monkeypatch.setattr(postgres_home, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="make install"):
        _programs(None)


def test_a_link_to_data_that_is_gone_is_forgotten(tmp_path):
    (tmp_path / "postgres").symlink_to(tmp_path / "gone")
    assert _base(tmp_path, None) == tmp_path / "postgres"
    assert (tmp_path / "postgres").is_dir()
