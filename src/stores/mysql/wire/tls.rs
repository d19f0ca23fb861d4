//! TLS around a channel, with as much proof of the server as `ssl-mode` asks for.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::channel::{Channel, left};
use super::packets::{Patience, is_wait};
use super::{Options, TlsMode, WireError};

/// Puts TLS around a plain channel and shakes hands.
///
/// # Errors
/// Certificates and keys that cannot be used, and a server that is not the one that was asked for.
pub(super) fn wrap(channel: Channel, options: &Options, patience: Patience) -> Result<Channel, WireError> {
    let Channel::Plain(mut plain) = channel else { return Ok(channel) };
    let host = ServerName::try_from(options.host.clone()).map_err(|error| WireError::Tls(error.to_string()))?;
    let mut client = ClientConnection::new(Arc::new(config(options)?), host).map_err(|error| told(&error))?;
    while client.is_handshaking() {
        match client.complete_io(&mut plain) {
            Ok(_) => {}
            Err(error) if is_wait(&error) => {
                if let Patience::Until(deadline) = patience {
                    left(deadline)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(WireError::Tls(error.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Channel::Tls(Box::new(StreamOwned::new(client, plain))))
}

fn config(options: &Options) -> Result<ClientConfig, WireError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| told(&error))?;
    let config = match options.tls {
        TlsMode::VerifyIdentity => config.with_root_certificates(trusted(options)?),
        TlsMode::VerifyCa => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted(options)?), provider)
                .build()
                .map_err(|error| WireError::Tls(error.to_string()))?;
            config.dangerous().with_custom_certificate_verifier(Arc::new(AnyHost(verifier)))
        }
        _ => config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
    };
    match (&options.certificate, &options.key) {
        (None, None) => Ok(config.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let unusable = |what: &str, error| WireError::Configuration(format!("{what} cannot be used: {error}"));
            let chain = CertificateDer::pem_slice_iter(&certificate.read()?)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(&certificate.name(), error.to_string()))?;
            let private = PrivateKeyDer::from_pem_slice(&key.read()?)
                .map_err(|error| unusable("the private key", error.to_string()))?;
            config.with_client_auth_cert(chain, private).map_err(|error| unusable("ssl-cert", error.to_string()))
        }
        _ => Err(WireError::Configuration("`ssl-cert` and `ssl-key` belong together".into())),
    }
}

/// The system's certificates, and the one that was given.
fn trusted(options: &Options) -> Result<RootCertStore, WireError> {
    let mut store = RootCertStore::empty();
    // What cannot be read of the system's store signs nobody.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(given) = &options.ca {
        let pem = given.read()?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let unusable = |error: String| WireError::Configuration(format!("{}: {error}", given.name()));
            store
                .add(certificate.map_err(|error| unusable(error.to_string()))?)
                .map_err(|error| unusable(error.to_string()))?;
            found = true;
        }
        if !found {
            return Err(WireError::Configuration(format!("{} holds no certificate", given.name())));
        }
    }
    Ok(store)
}

fn told(error: &rustls::Error) -> WireError {
    WireError::Tls(error.to_string())
}

/// Takes every certificate, but only from one who holds its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes every certificate that is signed by one who is trusted, whatever host it names.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match self.0.verify_server_cert(certificate, chain, host, ocsp, now) {
            // The name is looked at last: everything else was right.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
