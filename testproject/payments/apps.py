from testproject.systems.registry import SystemConfig


class PaymentsConfig(SystemConfig):
    name = "testproject.payments"
    label = "payments"
    verbose_name = title = "Payments"
    prefix = "payments"
    calls = ("testproject.payments.provider", "PAYMENT_PROVIDER_URL")
