"""What holds for every test: the same examples at every run, and no clock that a busy machine could make red."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
