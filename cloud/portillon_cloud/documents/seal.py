"""The house's electronic seal on a contract (PAdES baseline B-B), and whether a file still bears it.

The sealed file begins with the very bytes that were put before the member; the seal is appended, and covers all. Its
key is the installation's own, its certificate names the seller and is signed by itself: it proves that nothing was
changed since, and by whom it was kept; no outside authority vouches for the name or the hour.
"""

import datetime
import io
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from portillon_cloud.documents.errors import N_, SealError
from portillon_cloud.documents.paper import SIGNATURE_BOX

FIELD = "contract"
T = TypeVar("T")
_END = b"%%EOF\n"
_CERTIFICATE_YEARS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a seal says: for whom, why, and when (UTC)."""

    seller: str
    reason: str
    at: datetime.datetime


def apply_seal(original: bytes, shown: bytes, seal: Seal, key: EllipticCurvePrivateKey) -> bytes:
    """`original` with the seal after it; `shown` is the one-page PDF that stands in the box."""
    certificate = _certificate(seal, key)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=certificate,
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    sealed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "shown.pdf"  # pyHanko takes the page from a file
        page.write_bytes(shown)
        sealer = PdfSigner(
            PdfSignatureMetadata(
                field_name=FIELD,
                md_algorithm="sha256",
                subfilter=SigSeedSubFilter.PADES,
                reason=seal.reason,
                name=seal.seller,
            ),
            signer=signer,
            stamp_style=StaticStampStyle.from_pdf_file(str(page), border_width=0),
            new_field_spec=SigFieldSpec(FIELD, on_page=-1, box=SIGNATURE_BOX),
        )
        _apart(lambda: sealer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(original)), output=sealed))
    return sealed.getvalue()


def require_seal(data: bytes, key: EllipticCurvePrivateKey) -> None:
    """Raises SealError unless our seal is on this file, covers all of it, and nothing was changed since."""
    try:
        signatures = PdfFileReader(io.BytesIO(data)).embedded_signatures
        if len(signatures) != 1:
            raise SealError(N_("The file has %(count)s seals; ours has one."), count=len(signatures))
        [found] = signatures
        # pyHanko looks at the last revision, and not at what was written behind its end.
        if sum(list(found.byte_range)[-2:]) != len(data):
            raise SealError(N_("There is more in the file than was sealed."))
        certificate = found.signer_cert
        if certificate.public_key.dump() != _public(key):
            raise SealError(N_("The file is sealed by somebody else."))
        trusting = ValidationContext(trust_roots=[certificate], allow_fetching=False, moment=_signed_at(certificate))
        status = _apart(lambda: validate_pdf_signature(found, trusting))
    except (PdfReadError, SignatureValidationError, ValueError, OSError) as error:
        raise SealError(N_("The file cannot be read as a sealed contract: %(error)s"), error=error) from error
    if not status.bottom_line:
        raise SealError(N_("The file was changed after it was sealed."))


def _apart(act: Callable[[], T]) -> T:
    """In a thread of its own: pyHanko runs an event loop, which a caller inside one may not."""
    with ThreadPoolExecutor(1, thread_name_prefix="seal") as thread:
        return thread.submit(act).result()


def originals(data: bytes) -> Iterator[bytes]:
    """What a sealed file may have been before its seal: a PDF ends with a mark, and the seal comes after one."""
    at = data.find(_END)
    while 0 <= at < len(data) - len(_END) - 1:
        yield data[: at + len(_END)]
        at = data.find(_END, at + 1)


def _public(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _signed_at(certificate: asn1_x509.Certificate) -> datetime.datetime:
    # The certificate is made with the seal: its first instant is the one of the seal.
    begins: datetime.datetime = certificate["tbs_certificate"]["validity"]["not_before"].native
    return begins


def _certificate(seal: Seal, key: EllipticCurvePrivateKey) -> asn1_x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, seal.seller[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(seal.at)
        .not_valid_after(seal.at + datetime.timedelta(days=365 * _CERTIFICATE_YEARS))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return asn1_x509.Certificate.load(made.public_bytes(Encoding.DER))
