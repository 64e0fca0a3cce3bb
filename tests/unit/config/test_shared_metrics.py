import os
from pathlib import Path

from config.shared_metrics import forget_metrics, share_metrics

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def test_the_folder_lives_as_long_as_the_process_that_made_it(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")  # so that it is as before when this test is over
    monkeypatch.delenv(VARIABLE)
    share_metrics()
    folder = Path(os.environ[VARIABLE])  # noqa: TID251  this is what is tested
    assert folder.is_dir()
    forget_metrics()
    assert not folder.exists()


def test_a_folder_of_somebody_else_is_used_and_kept(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    share_metrics()
    forget_metrics()
    assert tmp_path.is_dir()
