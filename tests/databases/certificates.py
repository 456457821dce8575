"""A certificate authority of the tests' own, and the certificates of servers: good ones, and bad ones of each kind."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as a server reads them."""

    certificate: bytes
    key: bytes


@dataclass
class Authority:
    """A CA that exists for as long as a test process, and signs what it is asked to."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    name: x509.Name = field(default_factory=lambda: _named("Test authority"))

    def write(self, folder: Path) -> Path:
        """The bundle that clients check certificates with."""
        now = datetime.now(UTC)
        built = _builder(self.name, self.name, self.key, now - _DAY, now + _DAY)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        bundle = folder / "ca.pem"
        bundle.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return bundle

    def issue(self, *hosts: str, ended_days_ago: int = -1) -> Pair:
        """A certificate for some hosts; with `ended_days_ago` one that has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = datetime.now(UTC) - ended_days_ago * _DAY
        return _signed(_server(_named(hosts[0]), self.name, key, end, hosts), key, self.key)


def self_signed(*hosts: str) -> Pair:
    """A certificate that vouches for itself, as servers make them when they are installed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _named(hosts[0])
    return _signed(_server(name, name, key, datetime.now(UTC) + _DAY, hosts), key, key)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _server(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, end: datetime, hosts: tuple[str, ...]
) -> x509.CertificateBuilder:
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    return _builder(name, issuer, key, end - 30 * _DAY, end).add_extension(names, critical=False)


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signed(
    built: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> Pair:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(built.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private)
