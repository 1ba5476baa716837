use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::store::Store;

/// A data folder as a server leaves it, with one of everything.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(&folder.path().join(DATABASE)).unwrap());
    for (path, text) in [
        ("signing.key", &[7; 32][..]),
        ("recording-signing.key", &[8; 32]),
        ("tls/authority.key", b"a key"),
        ("tls/half.new", b"being written"),
        ("incidents/0123.age", b"age-encryption.org/v1 sealed"),
        ("recordings/AbC-_/journal/0.age", b"a line"),
        ("lock", b""),
        ("something else", b"of the administrator"),
    ] {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let report = fs::File::open(folder.path().join("incidents/0123.age")).unwrap();
    report.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("tls/elsewhere")).unwrap();
    folder
}

fn saved(with_recordings: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(kept().path(), with_recordings, 5, &mut bytes).unwrap();
    bytes
}

/// Restores into a new folder, which must stay empty when that fails.
fn tried(bytes: &[u8]) -> Result<(TempDir, Manifest), BackupError> {
    let folder = tempfile::tempdir().unwrap();
    match restore(bytes, folder.path()) {
        Ok(manifest) => Ok((folder, manifest)),
        Err(error) => {
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{error}");
            Err(error)
        }
    }
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|listed| listed.path.as_str()).collect()
}

#[test]
fn what_a_server_keeps_is_saved_and_nothing_else() {
    let (folder, manifest) = tried(&saved(false)).unwrap();
    let small = [
        "preau.sqlite",
        "signing.key",
        "recording-signing.key",
        "tls/authority.key",
        "incidents/0123.age",
    ];
    assert_eq!(paths(&manifest), small);
    assert_eq!((manifest.made_at, manifest.recordings), (5, false));
    for path in small {
        let metadata = fs::metadata(folder.path().join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{path}");
    }
    let folder_mode = fs::metadata(folder.path().join("incidents")).unwrap().permissions().mode();
    assert_eq!(folder_mode & 0o777, 0o700);
    assert_eq!(fs::read(folder.path().join("signing.key")).unwrap(), [7; 32]);
    let report = fs::metadata(folder.path().join("incidents/0123.age")).unwrap();
    let kept_since = report.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(kept_since, 1_000_000_000, "retention counts from the same day");
    Store::open(&folder.path().join(DATABASE)).unwrap();

    let (folder, manifest) = tried(&saved(true)).unwrap();
    assert_eq!(paths(&manifest).last(), Some(&"recordings/AbC-_/journal/0.age"));
    assert!(folder.path().join("recordings/AbC-_/journal/0.age").exists());
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = kept();
    let error = restore(&*saved(false), folder.path()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty(_)), "{error}");
    assert!(!folder.path().join("restoring").exists());
    let new_disk = tempfile::tempdir().unwrap();
    fs::create_dir(new_disk.path().join("lost+found")).unwrap();
    restore(&*saved(false), new_disk.path()).unwrap();
}

#[test]
fn a_sealed_backup_says_how_it_is_opened() {
    let error = tried(b"age-encryption.org/v1\n-> X25519 ...").unwrap_err();
    assert!(matches!(error, BackupError::Sealed) && error.to_string().contains("age --decrypt"));
}

/// Numbers below `len`, spread over it: the first, the last, and many between.
fn spread(len: usize) -> impl Iterator<Item = usize> {
    (0..64).map(move |step| step * (len - 1) / 63)
}

#[test]
fn a_truncated_backup_restores_nothing() {
    let bytes = saved(false);
    // What follows the manifest is padding.
    let whole = bytes.iter().rposition(|byte| *byte == b'}').unwrap();
    for len in spread(whole + 1) {
        assert!(tried(&bytes[..len]).is_err(), "{len} of {whole}");
    }
}

#[test]
fn what_was_changed_is_refused_or_is_what_was_saved_all_the_same() {
    let saved = saved(false);
    let (whole, _) = tried(&saved).unwrap();
    let content = |folder: &TempDir, path: &str| fs::read(folder.path().join(path)).unwrap();
    for at in spread(saved.len()) {
        let mut bytes = saved.clone();
        bytes[at] ^= 1 << (at % 8);
        // A time or the padding of a header says nothing that is believed.
        if let Ok((folder, manifest)) = tried(&bytes) {
            for path in paths(&manifest) {
                assert_eq!(content(&folder, path), content(&whole, path), "{at}: {path}");
            }
        }
    }
}

#[test]
fn what_is_no_backup_is_refused() {
    let noise: Vec<u8> =
        (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&b""[..], b"PK\x03\x04", &[0; 512], &[0; 20_480], &noise] {
        assert!(tried(bytes).is_err(), "{} bytes", bytes.len());
    }
}

/// A backup to which entries were added in front.
fn with(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.set_mode(0o600);
        if !kind.is_file() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let mut bytes = tar.into_inner().unwrap();
    // Without the two blocks that end an archive.
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(saved(false));
    bytes
}

#[test]
fn paths_that_no_server_writes_are_refused() {
    let long = format!("tls/{}", "a".repeat(65));
    let deep = "recordings/a/b/c/d/e/f";
    for path in [
        "../outside",
        "/etc/cron.d/evil",
        "tls/../../outside",
        "tls/..",
        "tls/./a",
        "tls//a",
        "tls",
        "tls/",
        "tls/.hidden",
        "tls/a b",
        "tls/a\n",
        "lock",
        "preau.sqlite-wal",
        "restoring/a",
        "preau.toml",
        "",
        &long,
        deep,
    ] {
        let error = tried(&with(&[(path, EntryType::Regular, b"x")])).unwrap_err();
        assert!(matches!(error, BackupError::Foreign(_)), "{path:?}: {error}");
    }
}

#[test]
fn links_devices_and_long_names_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::GNUSparse,
    ] {
        let error = tried(&with(&[("tls/a", kind, b"")])).unwrap_err();
        assert!(matches!(error, BackupError::Foreign(_)), "{kind:?}: {error}");
    }
}

#[test]
fn what_is_added_repeated_or_too_large_is_refused() {
    let added = tried(&with(&[("tls/a", EntryType::Regular, b"x")])).unwrap_err();
    assert!(matches!(added, BackupError::Altered(_)), "{added}");
    let twice: (&str, EntryType, &[u8]) = ("tls/a", EntryType::Regular, b"x");
    let error = tried(&with(&[twice, twice])).unwrap_err();
    assert!(matches!(error, BackupError::Foreign(_)), "{error}");
    let mut header = Header::new_ustar();
    header.set_path("signing.key").unwrap();
    header.set_entry_type(EntryType::Regular);
    for size in [MAX_SMALL_BYTES + 1, 1 << 62, u64::MAX] {
        header.set_size(size);
        header.set_cksum();
        let error = tried(header.as_bytes()).unwrap_err();
        // The largest is beyond what an archive can express at all.
        let is_refused = matches!(error, BackupError::TooLarge(_) | BackupError::Incomplete(_));
        assert!(is_refused, "{size}: {error}");
    }
    header.set_path("recordings/a/track").unwrap();
    header.set_size(MAX_RECORDED_BYTES);
    header.set_cksum();
    let error = tried(header.as_bytes()).unwrap_err();
    assert!(
        matches!(error, BackupError::DiskFull(_) | BackupError::Incomplete(_)),
        "no place is taken in advance: {error}"
    );
}

/// A backup whose manifest says something else.
fn told_otherwise(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let saved = saved(false);
    let mut archive = tar::Archive::new(&*saved);
    let mut tar = Builder::new(Vec::new());
    let mut change = Some(change);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        if entry.path().unwrap() == Path::new(MANIFEST) {
            let mut manifest = serde_json::from_slice(&content).unwrap();
            change.take().unwrap()(&mut manifest);
            content = serde_json::to_vec(&manifest).unwrap();
        }
        let mut header = entry.header().clone();
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, &*content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    tried(&told_otherwise(|_| {})).unwrap();
    let newer_format = tried(&told_otherwise(|it| it["format"] = 2.into())).unwrap_err();
    assert!(matches!(newer_format, BackupError::Newer), "{newer_format}");
    let newer_tables = tried(&told_otherwise(|it| it["schema"] = 99.into())).unwrap_err();
    assert!(matches!(newer_tables, BackupError::Newer), "{newer_tables}");
    let older = tried(&told_otherwise(|it| it["schema"] = 3.into())).unwrap_err();
    assert!(matches!(older, BackupError::Altered(_)), "{older}");
    let fewer = told_otherwise(|it| drop(it["files"].as_array_mut().unwrap().pop()));
    assert!(matches!(tried(&fewer).unwrap_err(), BackupError::Incomplete(_)));
    let other = told_otherwise(|it| it["files"][1]["sha256"] = "00".into());
    assert!(matches!(tried(&other).unwrap_err(), BackupError::Altered(_)));
    let unknown = told_otherwise(|it| it["more"] = 1.into());
    assert!(matches!(tried(&unknown).unwrap_err(), BackupError::Incomplete(_)));
}

#[test]
fn a_database_that_is_none_or_newer_is_refused() {
    let folder = kept();
    let mut bytes = Vec::new();
    let base = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    base.pragma_update(None, "user_version", 99).unwrap();
    let error = write(folder.path(), false, 5, &mut bytes).unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
    drop(base);
    fs::write(folder.path().join(DATABASE), "no database").unwrap();
    for aside in ["preau.sqlite-wal", "preau.sqlite-shm"] {
        let _ = fs::remove_file(folder.path().join(aside));
    }
    let error = write(folder.path(), false, 5, &mut bytes).unwrap_err();
    assert!(matches!(error, BackupError::Database(_)), "{error}");
}

#[test]
fn a_backup_without_recordings_names_none() {
    let folder = kept();
    let base = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    let id = [9; 16];
    base.execute_batch(
        "INSERT INTO recorded_room VALUES (zeroblob(32), zeroblob(32));
         INSERT INTO recording_access (recording, at) VALUES (zeroblob(16), 1);",
    )
    .unwrap();
    let sql = "INSERT INTO recording VALUES (?, zeroblob(32), '', 1, 2, 3, 1, 0, '', '', 0)";
    base.execute(sql, [id]).unwrap();
    let count = |with_recordings| {
        let mut bytes = Vec::new();
        write(folder.path(), with_recordings, 5, &mut bytes).unwrap();
        let (restored, _) = tried(&bytes).unwrap();
        let base = rusqlite::Connection::open(restored.path().join(DATABASE)).unwrap();
        let count = |table: &str| -> u32 {
            base.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        ["recording", "recorded_room", "recording_access"].map(count)
    };
    assert_eq!(count(true), [1, 1, 1]);
    assert_eq!(count(false), [0, 0, 0]);
    let mut bytes = Vec::new();
    write(folder.path(), false, 5, &mut bytes).unwrap();
    assert!(!bytes.windows(16).any(|window| window == id), "nor in what was freed");
}
