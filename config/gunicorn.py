"""How gunicorn runs the web processes: `gunicorn --config python:config.gunicorn wsgi:application`.

Nothing is opened before the fork: each web process builds its own connections when the first request needs them.
"""

import os
from typing import Any

from config.logging import configure_logging, logging_config
from config.settings import WEB_THREADS, settings_of_this_process
from config.shared_metrics import forget_metrics, share_metrics

_settings = settings_of_this_process()
configure_logging(_settings.log_level)

share_metrics()

bind = _settings.bind
workers = _settings.web_workers
#: gthread, without the patience of it.
worker_class = "service.doors.slow_callers.Worker"
threads = WEB_THREADS
timeout = 60
graceful_timeout = 20
keepalive = 5
#: One process must not take the connections that another has time for: those it cannot serve now are left in the queue that
#: all share, and under load a connection is closed with its answer, so that the next one goes to whoever is free.
worker_connections = threads + 2
#: A header or a request line longer than this is not from an EHR.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
#: The heartbeat file must not lie on a slow disk; the image's root may be read-only.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108  gunicorn's own advice
control_socket_disable = True
logconfig_dict = logging_config(_settings.log_level)
accesslog = None  # the doors log each request themselves, without its query and its ids


def child_exit(_server: Any, worker: Any) -> None:
    """Take the gauges of a dead web process out of /metrics."""
    from prometheus_client import multiprocess  # noqa: PLC0415  share_metrics comes before its import

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library does not type it


def post_worker_init(worker: Any) -> None:
    """Open the connections of this web process before a caller has to wait for them."""
    worker.wsgi.extensions["homeward"].warm()


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    forget_metrics()
