//! `preau documents`: what an establishment needs in writing, from its own configuration.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::Language;
use time::OffsetDateTime;

use super::{CommandError, Reading, print};
use crate::clock::Clock;
use crate::papers::{Facts, LANGUAGES, code, documents};
use crate::{addresses, server};

/// Which documents are made, from what, where.
#[derive(Debug, Args)]
pub struct Documents {
    /// Folder to write them into; documents that are there already are replaced
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Language; both when not given
    #[arg(long, value_name = "LANGUAGE", value_parser = super::language)]
    lang: Option<Language>,
    #[command(flatten)]
    configured: Reading,
}

pub(super) fn write(wish: Documents) -> Result<(), CommandError> {
    let config = wish.configured.config()?;
    // The addresses of the machine this runs on are those of the service only on the server itself.
    let origin = server::share_origin(&config, &addresses::of_interfaces(), config.https_port);
    let facts = Facts::of(&config, origin);
    let now = OffsetDateTime::from_unix_timestamp(Clock::system().unix_seconds().cast_signed());
    let date = now.unwrap_or(OffsetDateTime::UNIX_EPOCH).date().to_string();
    let languages = wish.lang.map_or(LANGUAGES.to_vec(), |language| vec![language]);
    for language in languages {
        let folder = wish.out.join(code(language));
        std::fs::create_dir_all(&folder).map_err(not_written(&folder))?;
        for (name, text) in documents(&facts, language, &date)? {
            let file = folder.join(name);
            std::fs::write(&file, text).map_err(not_written(&file))?;
            print(&format!("{}\n", file.display()))?;
        }
    }
    Ok(())
}

fn not_written(path: &Path) -> impl Fn(std::io::Error) -> CommandError {
    let path = path.to_owned();
    move |cause| CommandError::Unwritable(path.clone(), cause)
}
