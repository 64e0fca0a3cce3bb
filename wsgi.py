"""What a WSGI server imports: `gunicorn --config python:config.gunicorn wsgi:application`."""

from config.logging import configure_logging
from config.settings import settings_of_this_process
from service.app import create_app

_settings = settings_of_this_process()
configure_logging(_settings.log_level)
application = create_app(_settings)
