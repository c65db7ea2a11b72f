from testproject.systems.registry import SystemConfig


class WhetConfig(SystemConfig):
    name = "testproject.whet"
    label = "whet"
    verbose_name = title = "Whet"
    prefix = "whet"
