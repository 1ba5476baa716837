//! The web client's types are written from this crate and committed; this test fails when they
//! drift, and writes them when asked to.
#![cfg(feature = "ts")]

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use protocol::{
    ClientMessage, CreateRoom, CreatedRoom, DoctorReport, ErrorCode, ServerInfo, ServerMessage,
};
use ts_rs::{Config, TS, TypeVisitor};

/// Where the types are written, from this crate's folder.
const PATH: &str = "../../web-client/src/protocol/generated.ts";

/// Regenerates the file; it stands in the file's header too.
const COMMAND: &str = "PREAU_WRITE_TYPES=1 cargo test -p protocol --features ts --test typescript";

#[test]
fn the_web_clients_types_are_those_of_this_crate() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH);
    let wanted = generated();
    if std::env::var_os("PREAU_WRITE_TYPES").is_some() {
        std::fs::write(&path, &wanted).expect("the web client's folder can be written");
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == wanted,
        "web-client/src/protocol/generated.ts is out of date; run\n  {COMMAND}"
    );
}

#[test]
fn wrappers_and_options_are_plain_in_typescript() {
    let text = generated();
    for line in [
        "proof: string,",
        "resume: string | null,",
        "export type RequestId = number;",
        "\"type\": \"leave\"",
        "expiresAt: number,",
        "shareOrigin: string | null,",
    ] {
        assert!(text.contains(line), "{line:?} is missing from\n{text}");
    }
    for word in ["Redacted", "bigint", "undefined", "Array<any>"] {
        assert!(!text.contains(word), "{word:?} stands in\n{text}");
    }
}

/// The whole file: constants, then every type in alphabetical order.
fn generated() -> String {
    let mut types = Types { config: Config::new(), seen: BTreeSet::new(), found: BTreeMap::new() };
    types.visit::<ClientMessage>();
    types.visit::<ServerMessage>();
    types.visit::<ErrorCode>();
    types.visit::<CreateRoom>();
    types.visit::<CreatedRoom>();
    types.visit::<ServerInfo>();
    types.visit::<DoctorReport>();

    let mut text = format!(
        "// Written from the Rust crate `protocol`. Do not edit; change the crate, then run\n\
         // {COMMAND}\n\n"
    );
    for (name, value) in [
        ("PROTOCOL_VERSION", u64::from(protocol::PROTOCOL_VERSION)),
        ("MAX_MESSAGE_BYTES", protocol::MAX_MESSAGE_BYTES as u64),
        ("MAX_DISPLAY_NAME_CHARS", protocol::MAX_DISPLAY_NAME_CHARS as u64),
        ("MAX_SLOTS", protocol::MAX_SLOTS as u64),
        ("MAX_TEXT_CHARS", protocol::MAX_TEXT_CHARS as u64),
        ("MAX_SEALED_CHARS", protocol::MAX_SEALED_CHARS as u64),
        ("MAX_POLL_TEXT_CHARS", protocol::MAX_POLL_TEXT_CHARS as u64),
        ("MAX_POLL_CHOICES", protocol::MAX_POLL_CHOICES as u64),
        ("MAX_GROUPS", protocol::MAX_GROUPS as u64),
        ("MAX_HANDLES", protocol::MAX_HANDLES as u64),
        ("MAX_TIMER_SECONDS", u64::from(protocol::MAX_TIMER_SECONDS)),
        ("MAX_TERM_CHARS", protocol::MAX_TERM_CHARS as u64),
        ("MAX_RECIPIENTS", protocol::MAX_RECIPIENTS as u64),
        ("MAX_RELEASE_BYTES", protocol::MAX_RELEASE_BYTES as u64),
        ("MAX_SEALED_NAME_BYTES", protocol::MAX_SEALED_NAME_BYTES as u64),
        ("MAX_KEY_PACKAGE_BYTES", protocol::MAX_KEY_PACKAGE_BYTES as u64),
        ("MAX_COMMIT_BYTES", protocol::MAX_COMMIT_BYTES as u64),
        ("MAX_WELCOME_BYTES", protocol::MAX_WELCOME_BYTES as u64),
        ("MAX_SAY_BYTES", protocol::MAX_SAY_BYTES as u64),
        ("MAX_ADMISSION_BYTES", protocol::MAX_ADMISSION_BYTES as u64),
        ("MAX_QUESTION_BYTES", protocol::MAX_QUESTION_BYTES as u64),
        ("MAX_BALLOT_BYTES", protocol::MAX_BALLOT_BYTES as u64),
        ("RECORDING_TEXT_VERSION", u64::from(protocol::RECORDING_TEXT_VERSION)),
    ] {
        writeln!(text, "export const {name} = {value};").expect("a string takes any text");
    }
    for declaration in types.found.values() {
        text.push('\n');
        text.push_str(declaration);
    }
    text.lines().map(str::trim_end).flat_map(|line| [line, "\n"]).collect()
}

/// Collects a type and all that its fields name.
struct Types {
    config: Config,
    seen: BTreeSet<TypeId>,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only declared types have a path; wrappers, identifiers and primitives are inlined.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = T::decl(&self.config);
            self.found.insert(T::ident(&self.config), format!("{docs}export {declaration}\n"));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
