from testproject.systems.registry import SystemConfig


class TheHogConfig(SystemConfig):
    name = "testproject.thehog"
    label = "thehog"
    verbose_name = title = "The Hog"
    prefix = "thehog"
    credits = 1000
    background = ("sweep_jobs", "--every", "1")
