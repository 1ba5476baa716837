//! `preau privacy-check`: for a data-protection officer who wants to see rather than believe.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, print};
use crate::privacy_check::check;
use crate::request::RequestError;

/// Which server is looked at.
#[derive(Debug, Args)]
pub struct PrivacyCheck {
    /// Address of the server, such as `https://visio.example.org`
    #[arg(value_name = "URL")]
    url: String,
    /// Certificate of a local authority to trust beside the system's (PEM; the server's
    /// /authority.crt)
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
}

pub(super) async fn run(wish: PrivacyCheck) -> Result<(), CommandError> {
    let origin = wish.url.trim_end_matches('/');
    let is_told = wish.authority.is_some();
    let findings = match check(origin, &wish.authority.unwrap_or_default()).await {
        Err(RequestError::Unreachable(_, cause)) if cause.contains(NOT_TRUSTED) && !is_told => {
            return Err(CommandError::LocalAuthority(origin.to_owned(), cause));
        }
        findings => findings?,
    };
    let mut broken = 0;
    let mut table = String::new();
    for finding in &findings {
        let is_kept = finding.faults.is_empty();
        broken += usize::from(!is_kept);
        let mark = if is_kept { "ok" } else { "BROKEN" };
        table += &format!("{mark:<7} {:<8} {}\n", finding.numbers, finding.promise);
        for fault in finding.faults.iter().take(MAX_FAULTS) {
            table += &format!("                 {fault}\n");
        }
        if finding.faults.len() > MAX_FAULTS {
            table += &format!("                 and {} more\n", finding.faults.len() - MAX_FAULTS);
        }
    }
    table += &format!("{} kept, {broken} broken\n", findings.len() - broken);
    print(&table)?;
    if broken == 0 { Ok(()) } else { Err(CommandError::Broken(broken)) }
}

/// How the TLS library names a certificate by an authority that this machine does not trust.
const NOT_TRUSTED: &str = "UnknownIssuer";

/// Faults shown of one promise; the rest are counted.
const MAX_FAULTS: usize = 5;
