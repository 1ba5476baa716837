//! Bytes that reach the server beside its WebSocket: what administrators hand it, what browsers show
//! it, and what comes in on its ports.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use serde_json::{Value, json};
use sfu_core::turn::MAX_FRAME_BYTES;
use signaling::outside::{self, KEY_BYTES};
use signaling::{ConfigError, Network, Settings};

/// A file of the configuration: read and checked, or refused with a line that it has.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let settings = match Settings::parse(text, Path::new("preau.toml")) {
        Ok(settings) => settings,
        Err(ConfigError::Invalid { line, problem, .. }) => {
            assert!((1..=text.split('\n').count()).contains(&line), "line {line}");
            return assert!(!problem.is_empty());
        }
        Err(error) => panic!("{error}"),
    };
    match settings.or(Settings::default()).check() {
        Ok(config) => assert!(config.max_voices > 0 && config.max_live_rooms > 0),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A token as it comes, or one whose header and claims (a line each) are signed with the server's own
/// key: only what says whom it is for, and until when, opens anything, and nothing opens two things.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let opens = outside::opens(&KEY, text);
    assert_eq!((opens.session, opens.rooms, opens.doctor), (false, false, false), "{text}");
    let Some((header, claims)) = text.split_once('\n') else { return };
    let [head, body] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{head}.{body}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), signed.as_bytes());
    let opens = outside::opens(&KEY, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)));
    let count = [opens.session, opens.rooms, opens.doctor].into_iter().filter(|open| *open).count();
    assert!(count <= 1);
    if count == 1 {
        let [header, claims] = [header, claims]
            .map(|part| serde_json::from_str::<Value>(part).expect("what opens something is JSON"));
        assert_eq!(header["alg"], "HS256");
        let audience = if opens.session { "preau-session" } else { "preau-" };
        assert!(claims["aud"].as_str().is_some_and(|aud| aud.starts_with(audience)));
        assert!(claims["exp"].as_u64().is_some_and(|exp| exp > 1_000_000_000));
    }
}

/// A backup to restore, as it comes, or a tar that the target puts together: entries of a kind, a
/// length and bytes, and a list of them that is right. All of it is restored or nothing.
pub fn backup(data: &[u8]) {
    let Some((&form, rest)) = data.split_first() else { return };
    let archive = if form == 0 { rest.to_vec() } else { archive(rest) };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let result = outside::restore(&archive, folder.path());
    let mut left = std::fs::read_dir(folder.path()).expect("it is there");
    assert_eq!(left.next().is_some(), result.is_ok(), "{result:?}");
}

/// A tar with a list at its end.
fn archive(mut rest: &[u8]) -> Vec<u8> {
    let (mut tar, mut files) = (Vec::new(), vec![]);
    let mut schema = 0;
    while let Some((&[kind, length], tail)) = rest.split_first_chunk::<2>() {
        let (bytes, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let (path, content) = match kind % 8 {
            0 => ("preau.sqlite".to_owned(), bytes),
            1 => ("signing.key".to_owned(), bytes),
            2 => (format!("tls/{}.pem", kind / 8), bytes),
            3 => (format!("recordings/{}/manifest.age", kind / 8), bytes),
            4 => {
                schema = i64::from(kind / 8);
                continue;
            }
            // The path is in the bytes, up to a line's end.
            _ => {
                let (path, content) = bytes
                    .split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
                (String::from_utf8_lossy(path).into_owned(), content)
            }
        };
        entry(&mut tar, path.as_bytes(), if kind & 0x80 == 0 { b'0' } else { kind }, content);
        let sha256 = digest::digest(&digest::SHA256, content);
        let sha256: String = sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let bytes = content.len();
        files.push(json!({ "path": path, "bytes": bytes, "sha256": sha256, "modified": 5 }));
    }
    let list = json!({
        "format": 1, "made_by": "", "made_at": 5, "schema": schema, "recordings": true, "files": files
    });
    entry(&mut tar, b"manifest.json", b'0', list.to_string().as_bytes());
    tar.resize(tar.len() + 1_024, 0);
    tar
}

/// One entry of a tar (POSIX.1-1988, `ustar`).
fn entry(tar: &mut Vec<u8>, path: &[u8], kind: u8, content: &[u8]) {
    let mut head = [0; 512];
    let length = path.len().min(100);
    head[..length].copy_from_slice(&path[..length]);
    head[100..108].copy_from_slice(b"0000600\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    head[136..148].copy_from_slice(b"00000000000\0");
    head[156] = kind;
    head[257..265].copy_from_slice(b"ustar\x0000");
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&head);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// The fields a proxy adds, one a line: they count from trusted ones alone, and never make somebody
/// of nobody.
pub fn forwarded(data: &[u8]) {
    let fields: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let trusted: [Network; 2] =
        ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().expect("it is one"));
    let outsider = "203.0.113.9".parse().expect("an address");
    assert!(outside::source(outsider, &trusted, &fields).is_none_or(|source| source == outsider));
    let proxy = "10.1.2.3".parse().expect("an address");
    if let Some(source) = outside::source(proxy, &trusted, &fields) {
        assert_eq!(source, source.to_canonical());
    }
    for text in fields.iter().filter_map(|field| std::str::from_utf8(field).ok()) {
        if let Ok(network) = text.parse::<Network>() {
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}

/// Datagrams in a stream (RFC 4571), the first of which has to be a check: what is taken for a frame
/// stays within the bound.
pub fn stream(data: &[u8]) {
    let mut rest = data;
    while let Some(length) = outside::frame_length(rest) {
        assert!((2..=MAX_FRAME_BYTES).contains(&length));
        let Some((frame, tail)) = rest.split_at_checked(length) else { return };
        let _ = sfu_core::is_connectivity_check(&frame[2..]);
        rest = tail;
    }
}

const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];
