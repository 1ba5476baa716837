//! Incident reports. A moderator's browser seals each to the data-protection officer's public key
//! (age-encryption.org/v1); the server keeps it for a while and cannot open it.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{ErrorCode, Redacted};

use crate::limits::lock;
use crate::{secret, server, tls};

/// The reports of a server. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Incidents(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// The public key of whoever may open them; without one none are taken.
    recipient: Option<String>,
    retention: Duration,
    /// Held while one is counted and written.
    writing: Mutex<()>,
}

/// One report as it lies there.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) file: PathBuf,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) kept_at: u64,
    pub(crate) bytes: u64,
}

impl Incidents {
    pub(crate) fn new(data_dir: &Path, recipient: Option<String>, days: u16) -> Self {
        let retention = Duration::from_secs(u64::from(days) * 24 * 3600);
        let folder = folder(data_dir);
        Self(Arc::new(Inner { folder, recipient, retention, writing: Mutex::default() }))
    }

    /// Keeps a report under a name of our own. Nothing is ever overwritten to make place for it:
    /// whoever floods must not make an older report disappear.
    pub(crate) fn keep(&self, sealed: &Redacted<String>) -> Result<(), ErrorCode> {
        if self.0.recipient.is_none() {
            return Err(ErrorCode::IncidentsOff);
        }
        let bytes = STANDARD.decode(sealed.expose()).map_err(|_| ErrorCode::Malformed)?;
        if !bytes.starts_with(AGE_HEADER) {
            return Err(ErrorCode::Malformed);
        }
        let _alone = lock(&self.0.writing);
        server::prepare_folder(&self.0.folder).map_err(|error| fault(&error))?;
        let kept = reports(&self.0.folder).map_err(|error| fault(&error))?;
        if kept.len() >= MAX_REPORTS {
            tracing::error!("incident reports are full: hand them over, then delete them");
            return Err(ErrorCode::IncidentsFull);
        }
        let name = u128::from_be_bytes(secret::random());
        let file = self.0.folder.join(format!("{name:032x}.{EXTENSION}"));
        tls::write_private(&file, &bytes).map_err(|error| fault(&error))?;
        tracing::info!("an incident report was kept");
        Ok(())
    }

    /// Deletes those that have been kept for their time at `now` (seconds since 1970).
    pub(crate) fn delete_old(&self, now: u64) {
        let _alone = lock(&self.0.writing);
        let limit = now.saturating_sub(self.0.retention.as_secs());
        let delete = || -> io::Result<()> {
            for report in reports(&self.0.folder)? {
                if report.kept_at <= limit {
                    fs::remove_file(report.file)?;
                    tracing::info!("an incident report has reached its end");
                }
            }
            Ok(())
        };
        if let Err(error) = delete() {
            fault(&error);
        }
    }
}

/// Where the reports of a server lie.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("incidents")
}

/// Every report in a folder, oldest first; none where there is no folder.
pub(crate) fn reports(folder: &Path) -> io::Result<Vec<Report>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let mut reports = Vec::new();
    for entry in entries {
        reports.extend(report(&entry?)?);
    }
    reports.sort_by(|one, other| (one.kept_at, &one.file).cmp(&(other.kept_at, &other.file)));
    Ok(reports)
}

fn report(entry: &DirEntry) -> io::Result<Option<Report>> {
    let file = entry.path();
    if file.extension().is_none_or(|extension| extension != EXTENSION) {
        return Ok(None);
    }
    let metadata = entry.metadata()?;
    let age = metadata.modified()?.duration_since(UNIX_EPOCH);
    let kept_at = age.map_or(0, |age| age.as_secs());
    Ok(Some(Report { file, kept_at, bytes: metadata.len() }))
}

fn fault(error: &dyn std::error::Error) -> ErrorCode {
    tracing::error!(cause = %error, "incident reports cannot be kept or deleted");
    ErrorCode::Internal
}

/// With what every age file begins, of whatever version of the programs.
const AGE_HEADER: &[u8] = b"age-encryption.org/v1\n";

const EXTENSION: &str = "age";

/// Most reports kept at once, each of 36 KiB at most. More lets a flood of them take more of the disk;
/// fewer makes it shut true ones out sooner.
const MAX_REPORTS: usize = 500;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    fn sealed(rest: &str) -> Redacted<String> {
        Redacted::new(STANDARD.encode([AGE_HEADER, rest.as_bytes()].concat()))
    }

    fn incidents(folder: &Path) -> Incidents {
        Incidents::new(folder, Some("age1".to_owned()), 10)
    }

    #[test]
    fn a_report_is_kept_as_it_came_for_the_owner_of_the_folder_alone() {
        let data = tempfile::tempdir().unwrap();
        let incidents = incidents(data.path());
        assert!(reports(&folder(data.path())).unwrap().is_empty());
        for text in ["one", "two"] {
            assert_eq!(incidents.keep(&sealed(text)), Ok(()));
        }
        let kept = reports(&folder(data.path())).unwrap();
        let mut contents: Vec<_> = kept.iter().map(|it| fs::read(&it.file).unwrap()).collect();
        contents.sort();
        assert_eq!(contents, ["one", "two"].map(|text| [AGE_HEADER, text.as_bytes()].concat()));
        for path in [&folder(data.path()), &kept[0].file] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
        assert_eq!(kept[0].file.file_name().unwrap().len(), 36);
        assert_eq!(fs::read_dir(folder(data.path())).unwrap().count(), 2, "and nothing else");
    }

    #[test]
    fn what_is_no_age_file_is_refused_and_so_is_everything_without_a_recipient() {
        let data = tempfile::tempdir().unwrap();
        let plain = STANDARD.encode("Camille a dit…");
        let cut = STANDARD.encode(&AGE_HEADER[..10]);
        for text in ["", "?", &plain, &cut, "YWdl\n", &format!("{}=", STANDARD.encode("age"))] {
            let refused = incidents(data.path()).keep(&Redacted::new(text.to_owned()));
            assert_eq!(refused, Err(ErrorCode::Malformed), "{text}");
        }
        let off = Incidents::new(data.path(), None, 10);
        assert_eq!(off.keep(&sealed("")), Err(ErrorCode::IncidentsOff));
        assert!(!folder(data.path()).exists());
    }

    #[test]
    fn when_there_are_too_many_the_new_one_is_refused_and_none_is_lost() {
        let data = tempfile::tempdir().unwrap();
        let incidents = incidents(data.path());
        incidents.keep(&sealed("first")).unwrap();
        for n in 1..MAX_REPORTS {
            fs::write(folder(data.path()).join(format!("{n}.age")), "").unwrap();
        }
        assert_eq!(incidents.keep(&sealed("late")), Err(ErrorCode::IncidentsFull));
        assert_eq!(reports(&folder(data.path())).unwrap().len(), MAX_REPORTS);
    }

    #[test]
    fn a_report_is_deleted_after_its_days() {
        let data = tempfile::tempdir().unwrap();
        let incidents = incidents(data.path());
        incidents.delete_old(0);
        incidents.keep(&sealed("")).unwrap();
        let [kept] = &reports(&folder(data.path())).unwrap()[..] else { panic!() };
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        fs::File::options().write(true).open(&kept.file).unwrap().set_modified(long_ago).unwrap();
        fs::write(folder(data.path()).join("note.txt"), "not ours").unwrap();
        for (now, count) in [(1_000_000 + 10 * 86_400 - 1, 1), (1_000_000 + 10 * 86_400, 0)] {
            incidents.delete_old(now);
            assert_eq!(reports(&folder(data.path())).unwrap().len(), count);
        }
        assert!(folder(data.path()).join("note.txt").exists());
    }
}
