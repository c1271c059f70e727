"""What a process is told at its start, by options or environment; nothing else configures it."""

from dataclasses import dataclass
from pathlib import Path

from portillon_cloud.gateways.broker import BrokerSettings
from portillon_cloud.secrets import FILE_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the data is and whom we talk to. No broker: no gateway is served. No SMTP: letters go to a folder."""

    data_dir: Path
    database_url: str | None = None  # None: SQLite in the data folder
    broker: BrokerSettings | None = None
    base_url: str = "http://127.0.0.1:8000"  # where gateways and people reach this cloud
    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_user: str | None = None
    smtp_password: str | None = None
    mail_from: str = "portillon@localhost"
    webhooks_inside: bool = False  # test organisations may have events sent to this machine and to private networks
    stripe_test_url: str | None = None  # where Stripe's test keys are taken: a simulated service; None: at Stripe

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'portillon.db'}"

    @property
    def secrets_file(self) -> Path:
        """The key file."""
        return self.data_dir / FILE_NAME

    @property
    def mail_dir(self) -> Path:
        """Where letters go without SMTP: a Maildir that any mail program can open."""
        return self.data_dir / "mail"
