"""The certificates of a cluster, signed by an authority of its own, and the files that clients find it by."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.kubectl import run_command

ELLIPTIC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DAYS = ("-days", "30")


def make_authority(folder: Path) -> None:
    """Make `ca.key` and `ca.crt`, and the pair of keys that signs tokens, `sa.key` and `sa.pub`."""
    folder.mkdir()
    at = {"ca": folder / "ca.key", "sa": folder / "sa.key"}
    _openssl(
        "req",
        "-x509",
        *ELLIPTIC,
        *DAYS,
        "-subj",
        "/CN=cluster",
        "-keyout",
        at["ca"],
        "-out",
        folder / "ca.crt",
    )
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at["sa"])
    _openssl("ec", "-in", at["sa"], "-pubout", "-out", folder / "sa.pub")


def make_certificate(folder: Path, name: str, subject: str, *alternatives: str) -> None:
    """Make `<name>.key` and `<name>.crt` for a subject such as `/O=group/CN=name`.

    Alternatives are names of a server, such as `DNS:kubernetes` and `IP:10.1.0.1`.
    """
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    names = [f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    extensions.write_text("\n".join(["extendedKeyUsage=serverAuth,clientAuth", *names]))
    _openssl(
        "req", "-new", *ELLIPTIC, "-subj", subject, "-keyout", folder / f"{name}.key", "-out", request
    )
    signing = (
        "-CA",
        folder / "ca.crt",
        "-CAkey",
        folder / "ca.key",
        "-CAcreateserial",
        "-extfile",
        extensions,
    )
    _openssl("x509", "-req", *DAYS, "-in", request, *signing, "-out", folder / f"{name}.crt")


def make_client(folder: Path, path: Path, server: str, subject: str) -> None:
    """Write the kubeconfig of a client, with a certificate for its subject."""
    make_certificate(folder, path.stem, subject)
    keys = {
        "client-certificate": str(folder / f"{path.stem}.crt"),
        "client-key": str(folder / f"{path.stem}.key"),
    }
    authority = {"server": server, "certificate-authority": str(folder / "ca.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": authority}],
        "users": [{"name": "user", "user": keys}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "cluster",
    }
    path.write_text(json.dumps(config))


def _openssl(*words: str | Path) -> None:
    run_command("openssl", *words)
