from config.child_environment import child_environment


def test_a_child_gets_the_settings_given_to_it_and_none_of_ours(monkeypatch):
    monkeypatch.setenv("HOMEWARD_API_KEYS_FILE", "not for the child")
    monkeypatch.setenv("SAMPLE_VARIABLE", "kept")
    child = child_environment({"HOMEWARD_BIND": "127.0.0.1:1"})
    assert child["HOMEWARD_BIND"] == "127.0.0.1:1"
    assert child["SAMPLE_VARIABLE"] == "kept"
    assert "HOMEWARD_API_KEYS_FILE" not in child


def test_a_child_reaches_local_servers_without_a_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert "127.0.0.1" in child_environment()["NO_PROXY"]
