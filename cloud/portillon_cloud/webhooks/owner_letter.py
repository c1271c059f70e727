"""What owners are written when an endpoint was turned off. Pure."""

from dataclasses import dataclass

_TEXTS = {
    "en": (
        "Events are no longer sent to {host}",
        "Hello {name},\n\nWe have stopped sending events to this address of yours, for it has kept failing:\n\n"
        "{url}\n({why})\n\nWhat happens meanwhile is kept for 30 days. Have the program mended, then turn the address "
        "on again on the page “Webhooks”: everything that waits is sent.\n",
    ),
    "fr": (
        "Plus aucun événement n’est envoyé à {host}",
        "Bonjour {name},\n\nNous n’envoyons plus d’événements à cette adresse, car elle échoue sans cesse :\n\n"
        "{url}\n({why})\n\nCe qui se passe entre-temps est gardé 30 jours. Faites réparer le programme, puis rallumez "
        "l’adresse sur la page « Webhooks » : tout ce qui attend est envoyé.\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A written letter."""

    subject: str
    body: str


def owner_letter(language: str, *, name: str, url: str, why: str) -> Said:
    """The letter; an unknown language reads English."""
    subject, body = _TEXTS.get(language, _TEXTS["en"])
    host = url.partition("://")[2].partition("/")[0]
    return Said(subject.format(host=host), body.format(name=name, url=url, why=why))
