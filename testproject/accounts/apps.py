from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "testproject.accounts"
    label = "accounts"
    verbose_name = "Accounts"
