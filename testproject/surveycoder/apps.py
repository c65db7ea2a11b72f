from testproject.systems.registry import SystemConfig


class SurveyCoderConfig(SystemConfig):
    name = "testproject.surveycoder"
    label = "surveycoder"
    verbose_name = title = "SurveyCoder"
    prefix = "surveycoder"
    credits = 1000
