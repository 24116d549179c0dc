//! The certificate of the server, read from files, and again when the files change.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;

/// The protocol name of HTTP/2 over TLS (RFC 9113, section 3.2).
pub(super) const HTTP2: &[u8] = b"h2";

/// The interval between two looks whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The permission bits of users who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// TLS with a certificate from files.
#[derive(Clone)]
pub struct Tls {
    files: Files,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

/// The paths of a certificate with its chain, and of its key, in PEM.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What of a file changes when the file does.
type Stamp = Option<(u64, i64, i64, u64)>;

impl Files {
    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let certificate = self.certificate.display();
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("cannot read the certificate in {certificate}: {error}"))?;
        if chain.is_empty() {
            return Err(format!("{certificate} has no certificate in PEM"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| format!("cannot read the private key in {}: {error}", self.key.display()))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            format!("{certificate} and {} are no pair of certificate and key: {error}", self.key.display())
        })
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
        })
    }
}

impl Tls {
    /// Reads the certificate. Refused if the files do not contain a certificate and its key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, String> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(Arc::new(files.load(&provider)?))));
        // TLS 1.2 and 1.3.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, current, config: Arc::new(config) })
    }

    /// Warns of a key that others may read.
    pub fn warn(&self) {
        if fs::metadata(&self.files.key).is_ok_and(|found| found.mode() & OTHERS != 0) {
            let key = self.files.key.display();
            log::warn!("every user of this machine may read or replace the private key in {key}: run chmod o= {key}");
        }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Reads the files again. Connections that are open keep the certificate that they began with.
    fn reload(&self) {
        match self.files.load(self.config.crypto_provider()) {
            Ok(loaded) if loaded.cert == self.current.get().cert => {
                log::info!("the TLS certificate in {} is the same as before", self.files.certificate.display());
            }
            Ok(loaded) => {
                self.warn();
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                log::info!("new connections use the new TLS certificate in {}", self.files.certificate.display());
            }
            Err(error) => log::error!("the TLS certificate before stays in use: {error}"),
        }
    }

    /// Reloads the certificate on SIGHUP (`hangup`) and after its files have changed.
    ///
    /// Both files must have been the same for one look: a program that renews them may write one after the other.
    pub(super) async fn watch(self, hangup: Arc<Notify>) {
        let mut loaded = self.files.stamps();
        let mut seen = loaded;
        loop {
            tokio::select! {
                () = hangup.notified() => {
                    log::info!("reading the TLS certificate again on SIGHUP");
                    loaded = self.files.stamps();
                    self.reload();
                }
                () = actix_web::rt::time::sleep(LOOK_EVERY) => {
                    let now = self.files.stamps();
                    if now != loaded && now == seen {
                        loaded = now;
                        self.reload();
                    }
                    seen = now;
                }
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}
