"""
How the demo serves: several processes with several threads each, so that requests really meet in the database.

Used as ``gunicorn --config python:testproject.demo.serving testproject.wsgi``.
"""

worker_class = "gthread"
workers = 3
threads = 8
# Above the longest wait of any policy and the longest sleep that X-Demo-Fault may ask for.
timeout = 90
graceful_timeout = 3
# A killed worker's successor is a fork of the loaded project: there at once.
preload_app = True
# Newer releases open a control socket in the home folder.
control_socket_disable = True
