import socket
import threading
import time

import pytest

from service.commands.address import check_address
from service.errors import ConfigurationError


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address_of(listener):
    return "{}:{}".format(*listener.getsockname())


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_a_free_address_will_do_and_stays_free(bind):
    check_address(bind)
    check_address(bind)


def test_an_address_in_use_is_said_with_what_to_do(taken):
    with pytest.raises(
        ConfigurationError, match=r"address already in use\. Free this address, or set HOMEWARD_BIND"
    ):
        check_address(address_of(taken), patience=0.1)


def test_an_address_that_is_just_being_freed_is_waited_for(taken):
    freeing = threading.Timer(0.3, taken.close)
    freeing.start()
    check_address(address_of(taken), patience=10)
    freeing.join()


@pytest.mark.parametrize(
    "bind", ["203.0.113.1:8000", "no-such-host.invalid:8000", "unix:/no/such/folder/socket"]
)
def test_where_nobody_can_ever_listen_is_said_at_once(bind):
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="cannot listen at"):
        check_address(bind, patience=60)
    assert time.monotonic() - began < 30


def test_a_socket_file_needs_a_folder_that_can_be_written(tmp_path):
    check_address(f"unix:{tmp_path}/homeward.sock")
    assert not list(tmp_path.iterdir())
