"""gunicorn's door: ``gunicorn wsgi:app``; also what ``flask --app wsgi portal …`` loads."""

from portal.app import create_app

app = create_app()
