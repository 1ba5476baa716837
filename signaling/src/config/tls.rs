//! How https is done: the key `tls`, and the keys that go with each of its values.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;

use axum::http::Uri;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::warning::Warning;
use super::{ConfigError, Settings};
use crate::addresses::is_host_name;
use crate::proxy::Network;

/// Where the certificate comes from, or who ends https in place of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// An authority of this machine, made at the first start.
    LocalAuthority,
    /// Files that somebody else keeps fresh.
    Files,
    /// An authority on the network, asked by this server.
    Acme,
    /// A proxy ends https; this server speaks plain http with it.
    BehindProxy,
}

/// How https is done, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By an authority of this machine.
    LocalAuthority,
    /// By the files of a public name.
    Files {
        /// Chain of certificates (PEM).
        certificate: PathBuf,
        /// Private key (PEM).
        key: PathBuf,
    },
    /// By an authority that speaks ACME (RFC 8555).
    Acme(AcmeSettings),
    /// By a proxy.
    BehindProxy(ProxySettings),
}

/// Whom to ask for a certificate, and for which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The name in the certificate.
    pub name: String,
    /// URL of the authority's directory.
    pub directory: String,
    /// Where the authority may write to, `mailto:` in front.
    pub contact: Option<String>,
    /// Certificates (PEM) to check the directory's own https by, beside those of the system.
    pub ca: Option<PathBuf>,
}

/// How a proxy in front is spoken with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// Where plain http is listened on; `None` means the loopback addresses.
    pub listen: Option<IpAddr>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted: Vec<Network>,
}

impl Settings {
    /// Sees that the keys around `tls` go together.
    pub(super) fn check_tls(&self, share_origin: Option<&str>) -> Result<Tls, ConfigError> {
        let files = match (said(&self.tls_certificate), said(&self.tls_key)) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(ConfigError::HalfCertificate),
        };
        let by_default = if files.is_some() { TlsMode::Files } else { TlsMode::LocalAuthority };
        let mode = self.tls.unwrap_or(by_default);
        let belongs = |key: &'static str, is_there: bool, to: TlsMode, name: &'static str| {
            let is_astray = is_there && mode != to;
            if is_astray { Err(ConfigError::TlsAstray { key, mode: name }) } else { Ok(()) }
        };
        belongs("tls_certificate", files.is_some(), TlsMode::Files, "files")?;
        for (key, is_there) in [
            ("acme_directory", said(&self.acme_directory).is_some()),
            ("acme_contact", said(&self.acme_contact).is_some()),
            ("acme_ca", said(&self.acme_ca).is_some()),
        ] {
            belongs(key, is_there, TlsMode::Acme, "acme")?;
        }
        for (key, is_there) in [
            ("trusted_proxies", self.trusted_proxies.is_some()),
            ("proxy_listen_address", self.proxy_listen_address.is_some()),
        ] {
            belongs(key, is_there, TlsMode::BehindProxy, "behind-proxy")?;
        }
        match mode {
            TlsMode::LocalAuthority => Ok(Tls::LocalAuthority),
            TlsMode::Files => {
                let (certificate, key) = files.ok_or(ConfigError::NoCertificate)?;
                Ok(Tls::Files { certificate, key })
            }
            TlsMode::Acme => self.check_acme(share_origin).map(Tls::Acme),
            TlsMode::BehindProxy => Ok(Tls::BehindProxy(ProxySettings {
                listen: self.proxy_listen_address,
                trusted: self.trusted_proxies.clone().unwrap_or_else(Network::loopback),
            })),
        }
    }

    fn check_acme(&self, share_origin: Option<&str>) -> Result<AcmeSettings, ConfigError> {
        let origin = share_origin.and_then(|origin| origin.parse::<Uri>().ok());
        let name = origin.as_ref().and_then(Uri::host).filter(|name| is_host_name(name));
        let name = name.ok_or(ConfigError::AcmeName)?.to_owned();
        let directory = said(&self.acme_directory).map_or(LETS_ENCRYPT, String::as_str).to_owned();
        let is_https = directory
            .parse::<Uri>()
            .is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
        if !is_https {
            return Err(ConfigError::AcmeDirectory);
        }
        let contact = said(&self.acme_contact).map(|contact| {
            let contact = contact.trim();
            let address = contact.strip_prefix("mailto:").unwrap_or(contact);
            let is_address = address.contains('@') && !address.contains(char::is_whitespace);
            is_address.then(|| format!("mailto:{address}")).ok_or(ConfigError::AcmeContact)
        });
        let contact = contact.transpose()?;
        Ok(AcmeSettings { name, directory, contact, ca: said(&self.acme_ca).cloned() })
    }

    /// What may be as it is meant, and more likely is not.
    pub(super) fn warn_of_tls(&self, tls: &Tls) -> Vec<Warning> {
        let Tls::BehindProxy(proxy) = tls else { return vec![] };
        let is_unnamed = said(&self.share_origin).is_none();
        let listens_further = proxy.listen.is_some_and(|address| !address.is_loopback());
        let is_not_trusted = listens_further && self.trusted_proxies.is_none();
        let unnamed = is_unnamed.then_some(Warning::ProxyUnnamed);
        unnamed.into_iter().chain(is_not_trusted.then_some(Warning::ProxyNotTrusted)).collect()
    }
}

impl Tls {
    /// The value of the key.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::LocalAuthority => "local-authority",
            Self::Files { .. } => "files",
            Self::Acme(_) => "acme",
            Self::BehindProxy(_) => "behind-proxy",
        }
    }
}

/// What stands there; an empty environment variable says nothing.
fn said<T: AsRef<OsStr>>(value: &Option<T>) -> Option<&T> {
    value.as_ref().filter(|value| !value.as_ref().is_empty())
}

/// The directory that is asked where none is named: free, and trusted by every browser.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(lines: &str) -> Result<super::super::Config, ConfigError> {
        let text = format!("trial = true\n{lines}");
        Settings::parse(&text, Path::new("preau.toml")).and_then(Settings::check)
    }

    fn tls(lines: &str) -> Tls {
        check(lines).unwrap().tls
    }

    #[test]
    fn without_a_word_it_is_the_local_authority_or_the_files_that_are_named() {
        assert_eq!(tls(""), Tls::LocalAuthority);
        assert_eq!(tls("tls = \"local-authority\""), Tls::LocalAuthority);
        let files = "tls_certificate = \"a.pem\"\ntls_key = \"b.pem\"";
        let expected = Tls::Files { certificate: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(tls(files), expected);
        assert_eq!(tls(&format!("{files}\ntls = \"files\"")), expected);
    }

    #[test]
    fn acme_needs_a_name_and_knows_whom_to_ask() {
        let Tls::Acme(acme) = tls("tls = \"acme\"\nshare_origin = \"https://Visio.example/\"")
        else {
            panic!("acme was asked for");
        };
        assert_eq!((acme.name.as_str(), acme.contact), ("visio.example", None));
        assert_eq!(acme.directory, LETS_ENCRYPT);
        let lines = "tls = \"acme\"\nshare_origin = \"https://visio.example\"\n\
                     acme_contact = \"dsi@visio.example\"\nacme_directory = \"https://ca.example/d\"";
        let Tls::Acme(acme) = tls(lines) else { panic!("acme was asked for") };
        assert_eq!(acme.contact.as_deref(), Some("mailto:dsi@visio.example"));
        assert_eq!(acme.directory, "https://ca.example/d");
        let refused = |lines: &str| check(&format!("tls = \"acme\"\n{lines}")).unwrap_err();
        for origin in
            ["", "share_origin = \"https://192.0.2.7\"", "share_origin = \"https://[::1]\""]
        {
            assert!(matches!(refused(origin), ConfigError::AcmeName), "{origin}");
        }
        let origin = "share_origin = \"https://visio.example\"\n";
        let directory = refused(&format!("{origin}acme_directory = \"http://ca.example\""));
        assert!(matches!(directory, ConfigError::AcmeDirectory));
        let contact = refused(&format!("{origin}acme_contact = \"nobody\""));
        assert!(matches!(contact, ConfigError::AcmeContact));
    }

    #[test]
    fn keys_of_another_mode_are_refused_with_the_one_they_belong_to() {
        for (lines, words) in [
            ("tls = \"files\"", "tls = \"files\" needs tls_certificate and tls_key"),
            (
                "tls = \"acme\"\ntls_certificate = \"a\"\ntls_key = \"b\"",
                "tls_certificate belongs to tls = \"files\"",
            ),
            ("acme_ca = \"a\"", "acme_ca belongs to tls = \"acme\""),
            ("trusted_proxies = []", "trusted_proxies belongs to tls = \"behind-proxy\""),
        ] {
            assert_eq!(check(lines).unwrap_err().to_string(), words);
        }
        let error = check("tls = \"none\"").unwrap_err().to_string();
        assert!(error.starts_with("preau.toml:2: unknown variant `none`"), "{error}");
    }

    #[test]
    fn a_proxy_is_on_this_machine_unless_another_is_named() {
        let Tls::BehindProxy(proxy) = tls("tls = \"behind-proxy\"") else { panic!("a proxy") };
        assert_eq!(proxy, ProxySettings { listen: None, trusted: Network::loopback() });
        let origin = "share_origin = \"https://visio.example\"\n";
        let further = "proxy_listen_address = \"10.0.0.2\"\n";
        let trusted = "trusted_proxies = [\"10.0.0.1\"]\n";
        let warned = |lines: &[&str]| {
            check(&format!("tls = \"behind-proxy\"\n{}", lines.concat())).unwrap().warnings
        };
        assert_eq!(warned(&[]), [Warning::ProxyUnnamed]);
        assert!(warned(&[origin]).is_empty());
        assert_eq!(warned(&[origin, further]), [Warning::ProxyNotTrusted]);
        assert_eq!(warned(&[further]), [Warning::ProxyUnnamed, Warning::ProxyNotTrusted]);
        assert!(warned(&[origin, further, trusted]).is_empty());
    }
}
