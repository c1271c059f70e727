"""What every section `[[doors]]` has, whatever its kind."""

from portillon_drivers.options import Name, Section
from pydantic import Field


class Door(Section):
    """What every access point has."""

    name: Name
    zone: Name = Field(description="the zone that one enters here; entitlements name it")
    readers: tuple[Name, ...] = Field(
        min_length=1, description='the names of its readers, for example ["lane1-reader"]'
    )
    exit_readers: tuple[Name, ...] = Field(default=(), description="the names of the readers by which one leaves here")
    output: Name = Field(description="the name of the output that releases it")
    pulse_ms: int = Field(ge=50, le=60_000, description="how long a grant releases the output")
    passage_window_ms: int = Field(
        default=8_000, ge=500, le=60_000, description="a grant that nobody used within this time is told as such"
    )

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs it uses, by the key that names them."""
        keys = (key for key in type(self).model_fields if key.endswith("_input"))
        return {key: value for key in keys if (value := getattr(self, key)) is not None}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs it uses, by the key that names them."""
        keys = (key for key in type(self).model_fields if key == "output" or key.endswith("_output"))
        return {key: value for key in keys if (value := getattr(self, key)) is not None}
