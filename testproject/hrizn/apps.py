from testproject.systems.registry import SystemConfig


class HriznConfig(SystemConfig):
    name = "testproject.hrizn"
    label = "hrizn"
    verbose_name = title = "hrizn"
    prefix = "hrizn"
