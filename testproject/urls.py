"""The admin, each system under its own prefix, and what became of its keys."""

from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import path

from testproject.systems.routes import outcome_urlpatterns, system_urlpatterns

urlpatterns = [
    path("admin/", admin.site.urls),
    *system_urlpatterns(),
    *outcome_urlpatterns(),
    # With DEBUG only: the admin's style sheets, when a real server runs instead of runserver.
    *staticfiles_urlpatterns(),
]
