from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape()
