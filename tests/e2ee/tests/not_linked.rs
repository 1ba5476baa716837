//! The server holds no code that could open what it forwards.

use std::process::Command;

#[test]
fn the_server_links_neither_mls_nor_sframe() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "signaling", "--edges", "normal,build"])
        .args(["--target", "all", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("text");
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for linked in ["sfu-core", "protocol", "axum"] {
        assert!(crates.contains(&linked), "{linked} is not in the list: it is read wrongly");
    }
    for never in ["openmls", "sframe", "mls-rs", "e2ee-member", "loadtest", "tests"] {
        assert!(!crates.contains(&never), "the server links {never}");
    }
}
