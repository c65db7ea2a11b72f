"""The records in Django's admin, and what people do there. (`tests.admin` would be taken for the admin of an app.)"""
