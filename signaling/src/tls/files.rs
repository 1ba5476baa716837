//! [`Files`]: a certificate that somebody else keeps fresh, taken up again when its files change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Certificate, TlsError};
use crate::limits::lock;

/// The two files, and how they looked when they were last read.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    looks: Mutex<Looks>,
}

#[derive(Debug)]
struct Looks {
    /// When they were read, for good or ill.
    read: Stamp,
    /// At the last look.
    last: Stamp,
}

/// How both files look from outside; `None` for one that is not there. Behind a symbolic link it is
/// the file that counts.
type Stamp = [Option<Look>; 2];

/// Device, inode, length, and when content and inode changed.
type Look = (u64, u64, u64, [i64; 4]);

impl Files {
    /// Loads both files.
    pub(super) fn open(certificate: &Path, key: &Path) -> Result<(Self, Certificate), TlsError> {
        // Before they are read: what is changed meanwhile looks different afterwards.
        let read = stamp(certificate, key);
        let loaded = Certificate::load(certificate, key)?;
        let looks = Mutex::new(Looks { read, last: read });
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok((Self { certificate, key, looks }, loaded))
    }

    /// What the files hold, when they have changed and stand still since the last look: whoever
    /// writes two files, or a long one, is not disturbed in the middle. Each change is read once.
    pub(super) fn changed(&self) -> Result<Option<Certificate>, TlsError> {
        let seen = stamp(&self.certificate, &self.key);
        {
            let mut looks = lock(&self.looks);
            let stands_still = std::mem::replace(&mut looks.last, seen) == seen;
            if !stands_still || looks.read == seen {
                return Ok(None);
            }
            looks.read = seen;
        }
        Certificate::load(&self.certificate, &self.key).map(Some)
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|file| {
        let seen = fs::metadata(file).ok()?;
        let times = [seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()];
        Some((seen.dev(), seen.ino(), seen.len(), times))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A self-signed certificate and its key.
    fn pair(name: &str) -> [String; 2] {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        [made.cert.pem(), made.signing_key.serialize_pem()]
    }

    struct Folder {
        _folder: tempfile::TempDir,
        files: [PathBuf; 2],
    }

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = ["a.pem", "b.pem"].map(|name| folder.path().join(name));
            Self { _folder: folder, files }
        }

        fn write(&self, index: usize, text: &str) {
            super::super::write_private(&self.files[index], text.as_bytes()).unwrap();
        }

        fn open(&self) -> Result<(Files, Certificate), TlsError> {
            Files::open(&self.files[0], &self.files[1])
        }
    }

    #[test]
    fn files_that_hold_no_certificate_are_named() {
        let folder = Folder::new();
        let error = folder.open().unwrap_err();
        assert!(error.to_string().contains("a.pem"), "{error}");
        folder.write(0, "nonsense");
        folder.write(1, "nonsense");
        let error = folder.open().unwrap_err();
        assert!(matches!(error, TlsError::Pem(_)), "{error}");
    }

    #[test]
    fn a_change_is_taken_up_once_it_stands_still_and_read_once() {
        let folder = Folder::new();
        let [one, other] = ["one.example", "other.example"].map(pair);
        folder.write(0, &one[0]);
        folder.write(1, &one[1]);
        let (files, first) = folder.open().unwrap();
        assert!(files.changed().unwrap().is_none());
        folder.write(0, &other[0]);
        assert!(files.changed().unwrap().is_none(), "it may not be complete");
        folder.write(1, &other[1]);
        assert!(files.changed().unwrap().is_none(), "nor is it now");
        let second = files.changed().unwrap().expect("it stands still");
        assert_ne!(first.key.cert, second.key.cert);
        assert!(files.changed().unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_said_once_and_the_next_change_counts_again() {
        let folder = Folder::new();
        let [one, other] = ["one.example", "other.example"].map(pair);
        folder.write(0, &one[0]);
        folder.write(1, &one[1]);
        let (files, _) = folder.open().unwrap();
        let after_change = |index: usize, text: &str| {
            folder.write(index, text);
            assert!(files.changed().unwrap().is_none(), "it may not be complete");
            let outcome = files.changed();
            assert!(files.changed().unwrap().is_none(), "read once");
            outcome
        };
        let error = after_change(0, &other[0]).unwrap_err();
        assert!(matches!(error, TlsError::Unusable(_)), "the key is of the other: {error}");
        let half = &other[1][..other[1].len() / 2];
        assert!(matches!(after_change(1, half), Err(TlsError::Pem(_))));
        std::fs::remove_file(&folder.files[1]).unwrap();
        assert!(files.changed().unwrap().is_none());
        assert!(matches!(files.changed(), Err(TlsError::File(..))));
        assert!(after_change(1, &other[1]).unwrap().is_some());
    }
}
