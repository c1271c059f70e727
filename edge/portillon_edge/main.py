"""`portillon-edge run`: one gateway from start to SIGTERM. The main thread only waits, and shows that all is well."""

import gc
import logging
import sys
from pathlib import Path

from portillon_config import ConfigError, load
from portillon_config.site_keys import load_site_keys
from portillon_drivers.errors import DriverError

from portillon_edge import exit_codes
from portillon_edge.errors import EdgeError
from portillon_edge.gateway import Gateway
from portillon_edge.health.report import HealthFile
from portillon_edge.instance_lock import AlreadyRunning, InstanceLock
from portillon_edge.stop_signal import StopSignal
from portillon_edge.systemd_notify import SystemdNotify

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SWITCH_SECONDS = 0.0005
"""A thread that computes lets the door loop in after this long, and not after Python's 5 ms."""


def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; returns an exit status (`exit_codes`), having said on stderr what to do."""
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        config = load(config_path)
        keys = load_site_keys(config)
        with StopSignal() as stop, InstanceLock(config.gateway.data_dir):
            gateway = Gateway(config, keys, config_path=config_path, fail=stop.fail)
            serve(gateway, stop, HealthFile(config.gateway.data_dir))
            if stop.failure is None:
                return exit_codes.OK
            print(stop.failure, file=sys.stderr)
            return exit_codes.BROKEN
    except AlreadyRunning as error:
        print(error, file=sys.stderr)
        return exit_codes.RUNNING_ALREADY
    except (ConfigError, DriverError) as error:
        print(error, file=sys.stderr)
        return exit_codes.CONFIG
    except (EdgeError, OSError) as error:
        print(error, file=sys.stderr)
        return exit_codes.BROKEN


def serve(gateway: Gateway, stop: StopSignal, health: HealthFile) -> None:
    """Start the gateway, wait for its end, stop it."""
    systemd = SystemdNotify()
    try:
        gateway.start()
        gc.freeze()  # what was made so far lives for ever: no collection walks through it while somebody badges
        systemd.ready()
        logger.info("the doors are attended")
        while not stop.wait(LOOK_SECONDS):
            if gateway.attended:
                systemd.alive()
            try:
                health.offer(gateway.look())
            except OSError as error:
                logger.warning("health.json could not be written: %s", error)
    finally:
        systemd.stopping()
        gateway.stop()
        logger.info("stopped; everything is locked and written down")
