//! Whom to believe that it is who it says.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// TLS 1.2 and 1.3, with the certificate authorities of this file, or of this machine where there is none.
pub(super) fn config(ca_file: Option<&Path>) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let wrong = |error| io::Error::other(format!("{} (ca_file): {error}", path.display()));
        let found = CertificateDer::pem_file_iter(path).map_err(wrong)?;
        for certificate in found {
            let certificate = certificate.map_err(wrong)?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::warn!(%error, "cannot read a certificate authority of this machine");
        }
        roots.add_parsable_certificates(found.certs);
    }
    if roots.is_empty() {
        return Err(io::Error::other("there is no certificate authority"));
    }
    believing(roots)
}

/// Believes nobody: for who uses no TLS.
pub(super) fn nobody() -> io::Result<ClientConfig> {
    believing(RootCertStore::empty())
}

fn believing(roots: RootCertStore) -> io::Result<ClientConfig> {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
