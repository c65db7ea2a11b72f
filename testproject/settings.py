"""
Settings of the demonstration.

The environment may set: ``DATABASE_URL``, ``DEBUG``, ``SECRET_KEY``, ``ALLOWED_HOSTS`` (comma-separated),
``IDEMPOTENCY_ENABLED`` (0 shows what happens without the guard), ``CELERY_BROKER_URL`` (none: background work is
done in process), the limits of background work, ``THEHOG_WAKE_AFTER``, ``THEHOG_LOST_AFTER``, ``THEHOG_ATTEMPTS``,
where the payment provider is and how long it may take, ``PAYMENT_PROVIDER_URL``, ``PAYMENT_PROVIDER_TIMEOUT``, and
how long a payment is held by its worker and the server lets a request run, ``PAYMENTS_LEASE``, ``REQUEST_TIMEOUT``;
and ``IDEMPOTENCY_ENCRYPTION_KEYS`` (Fernet keys, comma-separated; none: stored bodies are not encrypted).
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name: str, default: bool) -> bool:
    """Read a yes or no from the environment."""
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


DEBUG = flag("DEBUG", True)
SECRET_KEY = os.environ.get("SECRET_KEY") or (
    "a key for demonstrations only, never for a deployment" if DEBUG else ""
)
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_idempotency",
    # Whose scheduler reads what `manage.py idempotency schedule` writes. The demo itself does without.
    *(["django_celery_beat"] if find_spec("django_celery_beat") else []),
    "testproject.accounts",
    "testproject.demo",
    # The systems. Each brings its own prefix, its rules and its part of the demo.
    "testproject.thehog.apps.TheHogConfig",
    "testproject.firsthand.apps.FirstHandConfig",
    "testproject.hrizn.apps.HriznConfig",
    "testproject.whet.apps.WhetConfig",
    "testproject.surveycoder.apps.SurveyCoderConfig",
    "testproject.payments.apps.PaymentsConfig",
]

MIDDLEWARE = [
    # Outermost: a dropped connection must not be noticed, or answered, by anything else.
    "testproject.systems.faults.DroppedConnectionMiddleware",
    "testproject.systems.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "testproject.urls"
WSGI_APPLICATION = "testproject.wsgi.application"
ASGI_APPLICATION = "testproject.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def database() -> dict[str, Any]:
    """Read ``DATABASE_URL``, and add what each engine needs for claims to be quick and exact."""
    config: dict[str, Any] = dict(
        dj_database_url.config(
            default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}",
            conn_max_age=60,
            conn_health_checks=True,
        )
    )
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        # One writer at a time: a writer says so when it begins, and the others wait for it instead of failing.
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 30)
        options.setdefault("init_command", "PRAGMA journal_mode=WAL;")
    elif config["ENGINE"].endswith("mysql"):
        from testproject import mysql

        mysql.install()
        options.setdefault("isolation_level", "read committed")
        options.setdefault("charset", "utf8mb4")
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"

# What the systems have in common; what differs is in each system's policy.py.
IDEMPOTENCY = {
    "ENABLED": flag("IDEMPOTENCY_ENABLED", True),
    "SCOPE": "testproject.accounts.scopes.organization",
    # Seconds; the web server's own limit. A check holds every lease to it.
    "REQUEST_TIMEOUT": float(os.environ.get("REQUEST_TIMEOUT", "30")),
    # The first encrypts the responses that are stored, such as FirstHand's new API keys.
    "ENCRYPTION_KEYS": [key for key in os.environ.get("IDEMPOTENCY_ENCRYPTION_KEYS", "").split(",") if key],
    # What `manage.py idempotency audit` asks no guard of: pages for people, whose forms have no keys.
    "EXEMPT": ["admin:*", "django.contrib.*"],
}

# Background work: by a worker where a broker is named, else in process, right after COMMIT.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "")
CELERY_TASK_ALWAYS_EAGER = not CELERY_BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
# No request waits for a broker that is away: the sweeper tries again.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
CELERY_BEAT_SCHEDULE = {
    "thehog-sweep": {"task": "thehog.sweep", "schedule": 5.0},
    "purge-idempotency-records": {
        "task": "django_idempotency.tasks.purge_expired",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}

THEHOG = {
    # Seconds that a job is queued before a sweeper takes its enqueueing for lost.
    "WAKE_AFTER": float(os.environ.get("THEHOG_WAKE_AFTER", "3")),
    # Seconds that a job runs before a sweeper takes its worker for dead; above the longest that work takes.
    "LOST_AFTER": float(os.environ.get("THEHOG_LOST_AFTER", "60")),
    # How many workers a job may cost.
    "ATTEMPTS": int(os.environ.get("THEHOG_ATTEMPTS", "5")),
}

PAYMENTS: dict[str, Any] = {
    # Run one with `python -m testproject.payments.provider`; the demo does so by itself.
    "PROVIDER_URL": os.environ.get("PAYMENT_PROVIDER_URL", "http://127.0.0.1:8765"),
    # Seconds that it may take to answer.
    "TIMEOUT": float(os.environ.get("PAYMENT_PROVIDER_TIMEOUT", "10")),
    # Seconds after which a worker that has not answered counts as lost.
    "LEASE": float(os.environ.get("PAYMENTS_LEASE", "60")),
}
