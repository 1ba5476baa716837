//! `preau doctor`: says what is wrong before anybody complains.

use clap::Args;
use protocol::{DoctorLevel, DoctorReport, Language};

use super::{CommandError, Reading, print};
use crate::clock::Clock;
use crate::config::Config;
use crate::token::Tokens;
use crate::{doctor, server};

/// What is looked at, and how it is said.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print a link, good for half an hour, to the same as a page, which tries from the browser that
    /// opens it whether this server is reached
    #[arg(long, conflicts_with = "json")]
    page: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Language; that of LANG when not given
    #[arg(long, value_name = "LANGUAGE", value_parser = super::language)]
    lang: Option<Language>,
    #[command(flatten)]
    configured: Box<Reading>,
}

pub(super) async fn run(wish: Doctor) -> Result<(), CommandError> {
    let language = wish.lang.unwrap_or_else(|| {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok());
        of_system(names)
    });
    let config = wish.configured.config();
    if wish.page {
        return print_link(&config?);
    }
    let findings = doctor::told(&doctor::look(config.as_ref()).await, language);
    let worst = findings.iter().map(|finding| finding.level).max();
    if wish.json {
        let report = DoctorReport { findings };
        let text = serde_json::to_string_pretty(&report).expect("plain data");
        print(&format!("{text}\n"))?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let mark = match finding.level {
                DoctorLevel::Ok => "ok  ",
                DoctorLevel::Warn => "warn",
                DoctorLevel::Fail => "FAIL",
            };
            text += &format!("{mark}  {}\n", finding.text);
            text.extend(finding.cure.iter().map(|cure| format!("      → {cure}\n")));
        }
        print(&text)?;
    }
    match worst {
        Some(DoctorLevel::Fail) => Err(CommandError::Ill),
        Some(DoctorLevel::Warn) => Err(CommandError::Ailing),
        Some(DoctorLevel::Ok) | None => Ok(()),
    }
}

/// The secret of the link stands in its fragment, which browsers never send.
fn print_link(config: &Config) -> Result<(), CommandError> {
    server::find_folder(&config.data_dir)?;
    let tokens = Tokens::new(&server::signing_key(&config.data_dir)?, Clock::system());
    let origin = super::own_origin(config);
    print(&format!("{origin}/doctor#v1d.{}\n", tokens.doctor_pass().expose()))
}

/// The language of the first of these that is set (POSIX.1-2017, section 8.2); English for all others,
/// as are the other commands.
fn of_system(names: [Option<String>; 3]) -> Language {
    let name = names.into_iter().flatten().find(|name| !name.is_empty());
    match name.is_some_and(|name| name.to_ascii_lowercase().starts_with("fr")) {
        true => Language::Fr,
        false => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_system() {
        let of = |names: [&str; 3]| of_system(names.map(|name| Some(name.to_owned())));
        assert_eq!(of(["", "", "fr_FR.UTF-8"]), Language::Fr);
        assert_eq!(of(["C", "", "fr_FR.UTF-8"]), Language::En);
        assert_eq!(of(["", "fr", "en_GB"]), Language::Fr);
        assert_eq!(of_system([None, None, None]), Language::En);
    }
}
