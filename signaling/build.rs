//! Embeds the web client: hashes and compresses every file of `web-client/dist`, writes the table
//! that `src/assets.rs` includes, and hashes the whole as one, so that two builds can be compared.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let is_release = std::env::var("PROFILE")? == "release";
    let dist = here.join("../web-client/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut table = String::from("const EMBEDDED: &[Asset] = &[\n");
    let mut sums = BTreeMap::new();
    if dist.join("index.html").exists() {
        for file in files(&dist)? {
            let path = format!("/{}", file.strip_prefix(&dist)?.to_string_lossy());
            let entry = entry(&file, &path, &out, is_release)?;
            table.push_str(&entry);
            sums.insert(path, sha256(&fs::read(&file)?));
        }
    } else if is_release {
        println!("cargo::error=the web client is not built: run \"make web-client\" first");
    } else {
        // Checks and unit tests need no page; a server started from such a build says so.
        println!("cargo::warning=no web client in this build: run \"make web-client\" first");
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)?;
    println!("cargo::rustc-env=PREAU_PAGES_SHA256={}", hash_of_all(&sums));
    Ok(())
}

/// What the command `sha256sum` makes of the list it makes of all files, in the order of their names;
/// empty without any file. scripts/pages-list writes the same list.
fn hash_of_all(sums: &BTreeMap<String, String>) -> String {
    let mut list = String::new();
    for (path, sum) in sums {
        list.push_str(&format!("{sum}  {}\n", path.trim_start_matches('/')));
    }
    if list.is_empty() { list } else { sha256(list.as_bytes()) }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below `folder`, in a fixed order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn entry(file: &Path, path: &str, out: &Path, is_release: bool) -> Result<String, Box<dyn Error>> {
    let plain = fs::read(file)?;
    let hash = ring::digest::digest(&ring::digest::SHA256, &plain);
    let hash = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]);
    let (content_type, is_text) = content_type(path)?;
    let compressed = |name: &str, bytes: Vec<u8>| -> Result<String, Box<dyn Error>> {
        if !is_text || bytes.len() >= plain.len() {
            return Ok("&[]".to_owned());
        }
        let file = out.join(format!("{hash}.{name}"));
        fs::write(&file, bytes)?;
        Ok(format!("include_bytes!({file:?})"))
    };
    let brotli = compressed("br", brotli(&plain, is_release)?)?;
    let gzip = compressed("gz", gzip(&plain)?)?;
    let file = file.canonicalize()?;
    let mut entry = String::new();
    writeln!(
        entry,
        "Asset {{ path: {path:?}, content_type: {content_type:?}, etag: \"\\\"{hash}\\\"\", \
         plain: include_bytes!({file:?}), brotli: {brotli}, gzip: {gzip} }},"
    )?;
    Ok(entry)
}

fn brotli(plain: &[u8], is_release: bool) -> Result<Vec<u8>, Box<dyn Error>> {
    // The best level takes seconds for each file, which only a release is worth.
    let level = if is_release { 11 } else { 4 };
    let mut compressed = Vec::new();
    brotli::CompressorWriter::new(&mut compressed, 4096, level, 22).write_all(plain)?;
    Ok(compressed)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}

/// Media type of a file name, and whether it is worth compressing.
fn content_type(path: &str) -> Result<(&'static str, bool), String> {
    let extension = path.rsplit('.').next().unwrap_or_default();
    Ok(match extension {
        "html" => ("text/html; charset=utf-8", true),
        "js" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "svg" => ("image/svg+xml", true),
        "json" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "txt" => ("text/plain; charset=utf-8", true),
        "wasm" => ("application/wasm", true),
        // A small neural network, of numbers that hardly compress.
        "tflite" => ("application/octet-stream", false),
        "png" => ("image/png", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        _ => return Err(format!("no media type known for {path}: add it to signaling/build.rs")),
    })
}
