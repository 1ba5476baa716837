//! [`LocalAuthority`]: an authority of this machine, for a network without a public name. It is made at
//! the first start.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use axum::http::Uri;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Certificate, TlsError, write_private};
use crate::addresses::{self, PublicAddress};
use crate::config::Config;

/// An authority only this machine uses.
pub(super) struct LocalAuthority {
    folder: PathBuf,
    /// Names and addresses under which browsers open this server, beside those the machine knows.
    named: BTreeSet<String>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalAuthority")
    }
}

/// What is noted of the server's certificate, beside it.
#[derive(Serialize, Deserialize)]
struct Noted {
    names: BTreeSet<String>,
    /// Seconds since 1970.
    not_after: u64,
}

impl LocalAuthority {
    /// Uses the authority in `folder`, and makes it at the first start.
    pub(super) fn open(folder: &Path, config: &Config, now: u64) -> Result<Self, TlsError> {
        let file_error = |file: &Path| {
            let file = file.to_owned();
            move |error| TlsError::File(file, error)
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(file_error(folder))?;
        let [key_file, pem_file] = ["authority.key", AUTHORITY_FILE].map(|name| folder.join(name));
        if !key_file.exists() || !pem_file.exists() {
            let key = KeyPair::generate()?;
            let pem = authority_params(now).self_signed(&key)?.pem();
            write_private(&pem_file, pem.as_bytes()).map_err(file_error(&pem_file))?;
            write_private(&key_file, key.serialize_pem().as_bytes())
                .map_err(file_error(&key_file))?;
        }
        let key = fs::read_to_string(&key_file).map_err(file_error(&key_file))?;
        let key = KeyPair::from_pem(&key).map_err(|_| TlsError::Pem(key_file))?;
        let pem = fs::read_to_string(&pem_file).map_err(file_error(&pem_file))?;
        let issuer = Issuer::new(authority_params(now), key);
        Ok(Self { folder: folder.to_owned(), named: configured_names(config), pem, issuer })
    }

    /// The authority's own certificate (PEM).
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The kept certificate if it still serves, or a new one.
    pub(super) fn certificate(&self, now: u64) -> Result<Certificate, TlsError> {
        self.certificate_for(&self.names(), now)
    }

    /// A new certificate, when this machine has new addresses or the one there is nears its end.
    pub(super) fn renewed(&self, now: u64) -> Result<Option<Certificate>, TlsError> {
        let names = self.names();
        let is_due = self.current(&names, now).is_none();
        is_due.then(|| self.certificate_for(&names, now)).transpose()
    }

    fn names(&self) -> BTreeSet<String> {
        own_names().union(&self.named).cloned().collect()
    }

    fn certificate_for(&self, names: &BTreeSet<String>, now: u64) -> Result<Certificate, TlsError> {
        if let Some(current) = self.current(names, now) {
            return Ok(current);
        }
        let [certificate, key, note] = self.files();
        let not_after = now + CERTIFICATE_SECONDS;
        let pair = KeyPair::generate()?;
        let made = server_params(names, now, not_after)?.signed_by(&pair, &self.issuer)?;
        let noted = serde_json::to_vec(&Noted { names: names.clone(), not_after });
        let noted = noted.expect("a set of texts and a number");
        let chain = made.pem() + &self.pem;
        // The note goes first: with it alone, or with an old certificate, the next start makes
        // another one, since key and certificate would not belong together.
        for (file, bytes) in
            [(&note, noted), (&key, pair.serialize_pem().into()), (&certificate, chain.into())]
        {
            write_private(file, &bytes).map_err(|error| TlsError::File(file.clone(), error))?;
        }
        Certificate::load(&certificate, &key)
    }

    /// The kept certificate, unless it is missing, nears its end, or lacks one of `names`.
    fn current(&self, names: &BTreeSet<String>, now: u64) -> Option<Certificate> {
        let [certificate, key, note] = self.files();
        let noted: Noted = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
        let is_good = names.is_subset(&noted.names) && now + RENEW_SECONDS < noted.not_after;
        is_good.then(|| Certificate::load(&certificate, &key).ok()).flatten()
    }

    fn files(&self) -> [PathBuf; 3] {
        ["server.crt", "server.key", "server.json"].map(|name| self.folder.join(name))
    }
}

/// Every name and address under which a browser may open this server.
fn own_names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        addresses::of_interfaces().iter().map(ToString::to_string).collect();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let host = gethostname::gethostname().to_string_lossy().to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if !host.is_empty() && host.len() < 200 && host.bytes().all(is_name) {
        let first = host.split('.').next().unwrap_or(&host);
        names.extend([format!("{first}.local"), host.clone()]);
    }
    names
}

/// What the configuration says about where browsers open this server.
fn configured_names(config: &Config) -> BTreeSet<String> {
    let origin = config.share_origin.as_deref().and_then(|origin| origin.parse::<Uri>().ok());
    let host = origin.as_ref().and_then(Uri::host);
    let host = host.map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned());
    let public = config.public_addresses.iter().filter_map(|entry| match &entry.address {
        PublicAddress::Auto => None,
        PublicAddress::At(address) => Some(address.ip().to_string()),
        PublicAddress::Named(name, _) => Some(name.clone()),
    });
    host.into_iter().chain(public).collect()
}

fn authority_params(now: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Préau on this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now.saturating_sub(CLOCK_SKEW_SECONDS));
    params.not_after = date(now + AUTHORITY_SECONDS);
    params
}

fn server_params(
    names: &BTreeSet<String>,
    now: u64,
    not_after: u64,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, "Préau");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(now.saturating_sub(CLOCK_SKEW_SECONDS));
    params.not_after = date(not_after);
    Ok(params)
}

fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Its certificate, which devices are given to trust.
pub(super) const AUTHORITY_FILE: &str = "authority.crt";
/// Ten years: devices that trust the authority need not be visited again sooner.
const AUTHORITY_SECONDS: u64 = 3650 * 24 * 3600;
/// One year; some systems refuse private certificates of more than 825 days.
const CERTIFICATE_SECONDS: u64 = 365 * 24 * 3600;
/// A month before its end a certificate is replaced: a server that runs on never shows a dead one.
const RENEW_SECONDS: u64 = 30 * 24 * 3600;
/// A day, for devices whose clock is late.
const CLOCK_SKEW_SECONDS: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Settings;

    const NOW: u64 = 1_800_000_000;

    fn names(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn open(folder: &Path, lines: &str) -> LocalAuthority {
        let text = format!("trial = true\n{lines}");
        let config = Settings::parse(&text, Path::new("preau.toml")).unwrap().check().unwrap();
        LocalAuthority::open(folder, &config, NOW).unwrap()
    }

    #[test]
    fn the_authority_and_its_certificate_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tls");
        let [first, again] = [open(&folder, ""), open(&folder, "")];
        assert_eq!(first.pem(), again.pem());
        let shown =
            |authority: &LocalAuthority| authority.certificate(NOW + 60).unwrap().key.cert.clone();
        assert_eq!(shown(&first), shown(&again));
        assert!(again.renewed(NOW + 60).unwrap().is_none());
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn a_certificate_is_renewed_for_a_new_name_and_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let authority = open(folder.path(), "");
        authority.certificate_for(&names(&["localhost", "192.0.2.1"]), NOW).unwrap();
        let is_current = |texts: &[&str], now| authority.current(&names(texts), now).is_some();
        assert!(is_current(&["localhost", "192.0.2.1"], NOW));
        assert!(is_current(&["localhost"], NOW), "an address less needs no new certificate");
        assert!(!is_current(&["localhost", "192.0.2.2"], NOW));
        assert!(!is_current(&["localhost"], NOW + CERTIFICATE_SECONDS - RENEW_SECONDS));
    }

    #[test]
    fn what_the_configuration_names_stands_in_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let authority = open(
            folder.path(),
            "share_origin = \"https://visio.example:8443\"\n\
             public_addresses = [\"auto\", \"192.0.2.7:443\", \"2001:db8::7\", \"media.example\"]",
        );
        let expected = ["visio.example", "192.0.2.7", "2001:db8::7", "media.example", "localhost"];
        assert!(names(&expected).is_subset(&authority.names()), "{:?}", authority.names());
        let share = open(folder.path(), "share_origin = \"https://[2001:db8::8]\"");
        assert!(share.names().contains("2001:db8::8"));
    }

    #[test]
    fn the_own_names_hold_this_machine() {
        let names = own_names();
        assert!(names.contains("localhost") && names.contains("127.0.0.1"));
    }
}
