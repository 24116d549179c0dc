//! The certificate of the server: from the configured files, or one that the server signs itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::output::shell_word;
use super::{CliError, sockets};
use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::http::Tls;
use crate::store::data_dir::{DataDir, files};

const DAY: Duration = Duration::from_hours(24);

/// The life of a certificate that the server signs itself. Some systems trust none that lives longer than 825 days.
const LIFE: Duration = DAY.saturating_mul(365);

/// The life that a certificate must have left at the start; otherwise a new one replaces it.
const MIN_LEFT: Duration = DAY.saturating_mul(30);

/// The certificate and its key; none for plain HTTP.
pub(super) fn load(config: &Config, home: &DataDir) -> Result<Option<Tls>, CliError> {
    match from_files(config)? {
        None if config.tls_self_signed => self_signed(config, home).map(Some),
        found => Ok(found.inspect(Tls::warn)),
    }
}

/// The certificate and its key from the configured files.
///
/// Refused if there is only one of them, and if they cannot be used.
pub(super) fn from_files(config: &Config) -> Result<Option<Tls>, CliError> {
    let (certificate, key) = match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            let words = "tls_certificate and tls_key must be set together; set both, or none of them";
            return Err(CliError::Usage(words.to_owned()));
        }
    };
    let loaded = Tls::load(certificate, key);
    loaded.map(Some).map_err(|error| CliError::Failed(format!("{error}; correct tls_certificate or tls_key")))
}

/// What the server prints about a certificate that it has signed itself.
pub(super) fn announced(config: &Config, home: &DataDir) -> String {
    if !config.tls_self_signed {
        return String::new();
    }
    let path = home.self_signed().0;
    let path = shell_word(&std::path::absolute(&path).unwrap_or(path).to_string_lossy()).into_owned();
    format!(
        "its certificate is signed by itself; the commands that ask it must trust it:
    export CURL_CA_BUNDLE={path} \\
        REQUESTS_CA_BUNDLE={path} \\
        SSL_CERT_FILE={path}
"
    )
}

/// The certificate of the server's own. It is kept as long as it names the same hosts.
fn self_signed(config: &Config, home: &DataDir) -> Result<Tls, CliError> {
    let (certificate, key) = home.self_signed();
    let names = names(config);
    if is_current(&certificate, &names)
        && let Ok(tls) = Tls::load(&certificate, &key)
    {
        return Ok(tls);
    }
    let failed = |error: &dyn std::fmt::Display| {
        CliError::Failed(format!("cannot create the certificate {}: {error}", certificate.display()))
    };
    let (text, secret) = create(&names).map_err(|error| failed(&error))?;
    write(&key, &secret).and_then(|()| write(&certificate, &text)).map_err(|error| failed(&error))?;
    log::info!("created a self-signed certificate for {} in {}", list(&names), certificate.display());
    Tls::load(&certificate, &key).map_err(|error| failed(&error))
}

/// The hosts of the certificate: this machine's names, and the configured ones.
fn names(config: &Config) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.insert(sockets::machine());
    let addresses = config.addresses().into_iter().map(|address| address.ip());
    names.extend(addresses.filter(|address| !address.is_unspecified()).map(|address| address.to_string()));
    let public = config.public_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, host)| host);
    names.extend(config.trusted_hosts.iter().map(String::as_str).chain(public).map(host));
    // Names with an underscore, which trusted_hosts may have, are none of DNS.
    names.retain(|name| name.parse::<IpAddr>().is_ok() || !name.is_empty() && !name.contains('_'));
    names
}

/// A host without its port.
fn host(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    host.trim_matches(['[', ']']).to_lowercase()
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The first line of the file: until when the certificate is valid, and for which hosts.
fn heading(until: &str, names: &BTreeSet<String>) -> String {
    format!("# valid until {until} for {}", list(names))
}

fn is_current(path: &Path, names: &BTreeSet<String>) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let until = line.strip_prefix("# valid until ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let is_long = Timestamp::parse(until).is_ok_and(|end| end > Timestamp::now().after(MIN_LEFT));
    is_long && line == heading(until, names)
}

/// A new certificate and its key, in PEM.
fn create(names: &BTreeSet<String>) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "atelier, signed by itself");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let until = Timestamp::now().after(LIFE);
    // Clocks of clients may be late.
    let (year, month, day) = date(Timestamp::now().before(DAY));
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = date(until);
    params.not_after = date_time_ymd(year, month, day);
    let certificate = params.self_signed(&key)?;
    let written: String = until.to_string().chars().take(10).collect();
    Ok((format!("{}\n{}", heading(&written, names), certificate.pem()), key.serialize_pem()))
}

/// Year, month and day.
fn date(time: Timestamp) -> (i32, u8, u8) {
    let text = time.to_string();
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok()).unwrap_or(1);
    let (year, month, day) = (next(), next(), next());
    let [month, day] = [month, day].map(|part| u8::try_from(part).unwrap_or(1));
    (year.into(), month, day)
}

/// Replaces a file as a whole.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = files::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_kept_until_its_names_change() {
        let place = tempfile::tempdir().unwrap();
        let home = DataDir::at(place.path());
        let mut config = Config { tls_self_signed: true, ..Config::default() };
        let read = || fs::read_to_string(home.self_signed().0).unwrap();
        load(&config, &home).unwrap().unwrap();
        let first = read();
        load(&config, &home).unwrap().unwrap();
        assert_eq!(read(), first);
        config.trusted_hosts = vec!["ml.lan:8787".to_owned(), "[fd00::5]:8787".to_owned(), "a_b".to_owned()];
        config.public_url = Some("https://Atelier.example".to_owned());
        load(&config, &home).unwrap().unwrap();
        let second = read();
        assert_ne!(second, first);
        for name in ["ml.lan", "fd00::5", "atelier.example", "localhost", "127.0.0.1", "::1"] {
            assert!(second.lines().next().unwrap().split(' ').any(|found| found == name), "{name}: {second}");
        }
        // A pair that does not fit, as after a crash between the two files.
        fs::write(home.self_signed().1, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        load(&config, &home).unwrap().unwrap();
        assert_ne!(read(), second);
        // Nearly over.
        let third = read();
        let end = Timestamp::now().after(MIN_LEFT).to_string();
        let old = heading(end.get(..10).unwrap(), &names(&config));
        fs::write(home.self_signed().0, format!("{old}\n{}", third.split_once('\n').unwrap().1)).unwrap();
        load(&config, &home).unwrap().unwrap();
        assert!(!read().starts_with(&old));
    }
}
