"""The broker of a story, and pulling it out: in-process on a laptop, a real Mosquitto with certificates in tests."""

import tempfile
from pathlib import Path
from typing import Protocol

from broker.loopback import LoopbackBroker
from broker.mosquitto import Mosquitto
from stories.process import free_port


class Network(Protocol):
    """A broker that can be pulled and put back."""

    @property
    def url(self) -> str:
        """Where gateway and cloud find it."""
        ...

    def cloud_options(self) -> list[str]:
        """What `portillon-cloud` is told about it."""
        ...

    def enrol_options(self) -> list[str]:
        """What `portillon-cloud enrol-gateway` is told about it."""
        ...

    def start(self) -> None:
        """Start it."""
        ...

    def pull(self, *, forget: bool = False) -> None:
        """Kill it; `forget`: with all that it remembered."""
        ...

    def restore(self) -> None:
        """Start it again on the same port."""
        ...

    def close(self) -> None:
        """End it for good."""
        ...


class LoopbackNetwork:
    """iotcore on loopback: no system package, no certificates, remembers nothing anyway."""

    def __init__(self) -> None:
        self._broker = LoopbackBroker(port=free_port())

    @property
    def url(self) -> str:
        return self._broker.url

    def cloud_options(self) -> list[str]:
        return ["--broker", self.url]

    def enrol_options(self) -> list[str]:
        return []

    def start(self) -> None:
        self._broker.start()

    def pull(self, *, forget: bool = False) -> None:
        self._broker.stop()

    def restore(self) -> None:
        self._broker.start()

    def close(self) -> None:
        self._broker.close()


class MosquittoNetwork:
    """Debian's Mosquitto with TLS client certificates and an ACL per gateway."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="portillon-mosquitto-")
        self._broker = Mosquitto(Path(self._folder.name))

    @property
    def url(self) -> str:
        return self._broker.url

    def cloud_options(self) -> list[str]:
        mine = self._broker.cloud()
        return ["--broker", self.url, "--broker-ca", str(mine.ca_file), "--broker-certificate",
                str(mine.certificate_file), "--broker-key", str(mine.private_key_file)]  # fmt: skip

    def enrol_options(self) -> list[str]:
        return ["--authority", str(Path(self._folder.name) / "ca")]

    def start(self) -> None:
        self._broker.start()

    def pull(self, *, forget: bool = False) -> None:
        self._broker.kill()
        if forget:
            self._broker.delete_state()

    def restore(self) -> None:
        self._broker.start()

    def close(self) -> None:
        self._broker.kill()
        self._folder.cleanup()


class ForeignNetwork:
    """A broker that somebody else runs (BROKER=mqtt://…): it can be used, not pulled."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def cloud_options(self) -> list[str]:
        return ["--broker", self.url]

    def enrol_options(self) -> list[str]:
        return []

    def start(self) -> None:
        return None

    def pull(self, *, forget: bool = False) -> None:
        raise RuntimeError(f"{self._url} is not ours to kill: pull its plug yourself, or run without BROKER")

    def restore(self) -> None:
        return None

    def close(self) -> None:
        return None


def choose(name: str) -> Network:
    """`loopback`, `mosquitto`, or a broker's URL."""
    if name == "loopback":
        return LoopbackNetwork()
    return MosquittoNetwork() if name == "mosquitto" else ForeignNetwork(name)
