//! The golden examples: one file per message, read by tests here and in the web client, and
//! documentation for whoever writes another client.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use protocol::{ClientMessage, CreateRoom, CreatedRoom, ServerInfo, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[test]
fn every_example_parses_and_serialises_back_to_itself() {
    let check = |name: &str, example: &Value| match name.split_once('-') {
        Some(("client", kind)) => round_trip::<ClientMessage>(name, example, Some(kind)),
        Some(("server", kind)) => round_trip::<ServerMessage>(name, example, Some(kind)),
        Some(("http", "create_room")) => round_trip::<CreateRoom>(name, example, None),
        Some(("http", "created_room")) => round_trip::<CreatedRoom>(name, example, None),
        Some(("http", "server_info")) => round_trip::<ServerInfo>(name, example, None),
        _ => panic!("{name}.json belongs to no message"),
    };
    for (name, example) in examples() {
        check(&name, &example);
    }
}

#[test]
fn every_message_has_an_example() {
    let names: BTreeSet<String> = examples().into_keys().collect();
    let mut wanted = variants::<ClientMessage>("client-");
    wanted.extend(variants::<ServerMessage>("server-"));
    wanted
        .extend(["create_room", "created_room", "server_info"].map(|kind| format!("http-{kind}")));
    assert!(wanted.len() > 15, "only {wanted:?} were found");
    assert_eq!(names, wanted);
}

#[test]
fn an_unknown_field_is_refused_at_every_depth() {
    for (name, example) in examples() {
        let mut places = Vec::new();
        object_paths(&example, String::new(), &mut places);
        assert!(!places.is_empty(), "{name} holds no object");
        for place in places {
            let mut spoilt = example.clone();
            let object = spoilt.pointer_mut(&place).and_then(Value::as_object_mut);
            object.expect("the path leads to an object").insert("unasked".into(), Value::Null);
            assert!(!accepts(&name, spoilt), "{name} accepts an unknown field at {place:?}");
        }
    }
}

#[test]
fn a_missing_field_is_refused_unless_it_may_be_null() {
    for (name, example) in examples() {
        for key in example.as_object().expect("an object").keys() {
            let mut cut = example.clone();
            cut.as_object_mut().expect("an object").remove(key);
            let mut null = example.clone();
            null[key] = Value::Null;
            assert_eq!(accepts(&name, cut), accepts(&name, null), "{name} without {key}");
        }
    }
}

#[test]
fn unknown_types_and_other_shapes_are_refused() {
    for text in [
        r#"{"type":"unmute"}"#,
        r#"{"type":"Ping"}"#,
        r#"{"type":null}"#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"rename","requestId":-1,"displayName":"x"}"#,
        r#"{"type":"rename","requestId":4294967296,"displayName":"x"}"#,
        r#"{"type":"rename","requestId":1.5,"displayName":"x"}"#,
        r#"{"type":"rename","requestId":1,"displayName":"\ud800"}"#,
        r#"{"type":"set_publishing","requestId":1,"source":"keyboard","active":true}"#,
        r#"{"type":"set_publishing","requestId":1,"source":"camera","active":1}"#,
        r#"{"ping":{}}"#,
        r#"[{"type":"ping"}]"#,
        r#""ping""#,
        "{}",
        "null",
        "",
        r#"{"type":"ping"} {"type":"ping"}"#,
    ] {
        assert!(serde_json::from_str::<ClientMessage>(text).is_err(), "{text} is accepted");
        assert!(serde_json::from_str::<ServerMessage>(text).is_err(), "{text} is accepted");
    }
    let deep = format!(r#"{{"type":"offer","publish":{}"#, "[".repeat(50_000));
    assert!(serde_json::from_str::<ClientMessage>(&deep).is_err());
}

#[test]
fn r11_no_message_from_the_server_turns_a_device_on() {
    // The list is closed on purpose: whoever adds a message must read this sentence.
    let known = [
        "announced",
        "answer",
        "answers_changed",
        "chatted",
        "done",
        "error",
        "goodbye",
        "granted_changed",
        "groups_changed",
        "hands_changed",
        "help_called",
        // A wish: the person's own click decides.
        "invited",
        "joined",
        "known",
        "layers_wanted",
        "link_rotated",
        "mls_admission",
        "mls_admission_asked",
        "mls_all_ready",
        "mls_ballots",
        "mls_ballots_counted",
        "mls_committed",
        "mls_lost",
        "mls_poll_closed",
        "mls_poll_opened",
        "mls_said",
        "mls_wanted",
        "mls_welcome",
        "offer_wanted",
        "opinions_changed",
        "participant_away",
        "participant_joined",
        "participant_left",
        "participant_renamed",
        "poll_changed",
        "poll_closed",
        "pong",
        "quality_changed",
        "reacted",
        "recording_answered",
        // That a recording runs opens nothing: only what is on is recorded, after a yes.
        "recording_changed",
        "restart_announced",
        "role_changed",
        "rules_changed",
        "slots_paused",
        "slots_unplayable",
        // Off, never on.
        "source_stopped",
        "speakers",
        "spotlight_changed",
        "timer_changed",
        "track_changed",
        "waiting",
        "waiting_changed",
    ];
    assert_eq!(variants::<ServerMessage>(""), known.map(String::from).into());
}

/// Every example by its file name without extension.
fn examples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("the examples stand beside the crate");
    files
        .map(|file| {
            let path = file.expect("the folder can be listed").path();
            let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("an example can be read");
            (name, serde_json::from_str(&text).expect("an example is JSON"))
        })
        .collect()
}

fn round_trip<T: DeserializeOwned + Serialize>(name: &str, example: &Value, kind: Option<&str>) {
    let message: T = serde_json::from_value(example.clone())
        .unwrap_or_else(|error| panic!("{name}.json does not parse: {error}"));
    let again = serde_json::to_value(&message).expect("a message can be written");
    assert_eq!(&again, example, "{name}.json comes back changed");
    if let Some(kind) = kind {
        assert_eq!(example["type"], kind, "{name}.json stands under the wrong name");
    }
}

fn accepts(name: &str, value: Value) -> bool {
    match name.split_once('-') {
        Some(("client", _)) => serde_json::from_value::<ClientMessage>(value).is_ok(),
        Some(("server", _)) => serde_json::from_value::<ServerMessage>(value).is_ok(),
        Some((_, "create_room")) => serde_json::from_value::<CreateRoom>(value).is_ok(),
        Some((_, "created_room")) => serde_json::from_value::<CreatedRoom>(value).is_ok(),
        _ => serde_json::from_value::<ServerInfo>(value).is_ok(),
    }
}

/// The types a message enum knows, as its own refusal of an unknown one lists them.
fn variants<T: DeserializeOwned>(prefix: &str) -> BTreeSet<String> {
    let refusal = serde_json::from_str::<T>(r#"{"type":"?"}"#).err().expect("`?` is no type");
    let refusal = refusal.to_string();
    let (_, list) = refusal.split_once("expected one of ").expect("the refusal lists the types");
    list.split('`').skip(1).step_by(2).map(|kind| format!("{prefix}{kind}")).collect()
}

/// JSON pointers (RFC 6901) of every object inside `value`.
fn object_paths(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                object_paths(field, format!("{at}/{key}"), found);
            }
            found.push(at);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                object_paths(item, format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
