from testproject.systems.registry import SystemConfig


class FirstHandConfig(SystemConfig):
    name = "testproject.firsthand"
    label = "firsthand"
    verbose_name = title = "FirstHand"
    prefix = "firsthand"
    credits = 1000
