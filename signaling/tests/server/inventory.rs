//! What the product is built from: nothing that listens, guesses or counts.

/// Names, or parts of names between dashes, of packages that transcribe, that are or call a language
/// model, or that report what people do.
const UNWANTED: [&str; 44] = [
    "whisper",
    "vosk",
    "deepspeech",
    "kaldi",
    "transcribe",
    "transcription",
    "speech",
    "stt",
    "openai",
    "anthropic",
    "mistral",
    "ollama",
    "langchain",
    "llm",
    "llama",
    "gpt",
    "transformers",
    "torch",
    "tch",
    "candle",
    "onnxruntime",
    "ort",
    "tensorflow",
    "tfjs",
    "huggingface",
    "sentry",
    "bugsnag",
    "rollbar",
    "datadog",
    "newrelic",
    "honeycomb",
    "opentelemetry",
    "telemetry",
    "analytics",
    "matomo",
    "piwik",
    "plausible",
    "posthog",
    "mixpanel",
    "amplitude",
    "segment",
    "hotjar",
    "gtag",
    "firebase",
];

fn unwanted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let is_unwanted =
        |name: &&&str| name.split(['-', '_', '/', '@', '.']).any(|part| UNWANTED.contains(&part));
    names.iter().filter(is_unwanted).copied().collect()
}

fn crates() -> Vec<&'static str> {
    let lock = include_str!("../../../Cargo.lock");
    lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect()
}

/// The packages of a lock file of npm, those of its tools too.
fn npm(lock: &str) -> Vec<String> {
    let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
    let places = lock["packages"].as_object().unwrap().keys();
    places
        .filter_map(|place| place.rsplit_once("node_modules/"))
        .map(|it| it.1.to_owned())
        .collect()
}

#[test]
fn r27_no_dependency_transcribes_guesses_or_counts_people() {
    assert!(crates().len() > 100, "the lock file was not read");
    assert_eq!(unwanted(&crates()), [""; 0]);
    for lock in [
        include_str!("../../../web-client/package-lock.json"),
        include_str!("../../../tests/browser/package-lock.json"),
    ] {
        let names = npm(lock);
        assert!(names.len() > 10, "the lock file was not read");
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(unwanted(&names), [""; 0]);
    }
    let bad = ["whisper-rs", "@sentry/browser", "async-openai", "matomo_tracker", "serde"];
    assert_eq!(unwanted(&bad), bad[..4], "the gate shuts");
}
