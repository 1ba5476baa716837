//! What a configuration may hold, and what the example says.

use super::*;

const EXAMPLE: &str = include_str!("../../../deploy/config.example.toml");

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(text, Path::new("preau.toml"))
}

#[test]
fn the_example_documents_every_key_and_says_the_true_defaults() {
    let is_key = |line: &&str| {
        line.trim_start_matches('#').starts_with('[')
            || line.contains(" = ") && !line.starts_with("# ")
    };
    let uncommented: String = EXAMPLE
        .lines()
        .filter(is_key)
        .flat_map(|line| [line.trim_start_matches('#'), "\n"])
        .collect();
    // What only the establishment can say stands empty there, and stops the start.
    let filled = |text: &str| {
        let origin = "share_origin = \"https://visio.example.org\"";
        text.replacen("share_origin = \"\"", origin, 1).replace(" = \"\"", " = \"FR\"")
    };
    let error = parse(EXAMPLE).unwrap_err().to_string();
    assert!(error.contains("controller.") && error.contains(": this field is empty"), "{error}");
    let documented = parse(&filled(&uncommented)).unwrap();
    let keys = serde_json::to_value(&documented).unwrap();
    let keys = keys.as_object().unwrap();
    let missing: Vec<_> = keys.iter().filter(|(_, value)| value.is_null()).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
    let example = parse(&filled(EXAMPLE)).unwrap().check().unwrap();
    assert!(!example.is_trial, "the example, once filled in, starts a server");
    assert_eq!(example.tls.word(), "local-authority");
    assert!(example.warnings.is_empty(), "{:?}", example.warnings);
    let common = EXAMPLE.split("\n## ").next().unwrap().lines();
    let common = common.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert!((2..=15).contains(&common), "the common case has {common} lines");

    let said = in_mode(&documented, TlsMode::Files).check().unwrap();
    for mode in TlsMode::value_variants() {
        let checked = in_mode(&documented, *mode).check().unwrap();
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    }
    let real = Settings::default().check().unwrap();
    assert_eq!(said.data_dir, PathBuf::from("/var/lib/preau"));
    assert_eq!(said.listen_address, real.listen_address);
    assert_eq!(said.https_port, real.https_port);
    assert_eq!(said.media_port, real.media_port);
    assert_eq!(said.media_workers, real.media_workers);
    assert_eq!(said.metrics_port, real.metrics_port);
    assert_eq!(said.host_pass_required, real.host_pass_required);
    assert_eq!(said.room_days, real.room_days);
    assert_eq!(said.max_participants, real.max_participants);
    assert_eq!(said.max_voices, real.max_voices);
    assert_eq!(said.camera_codec, real.camera_codec);
    assert_eq!(said.incident_days, real.incident_days);
    assert_eq!(real.incident_recipient, None);
    assert_eq!(said.journal_days, real.journal_days);
    assert_eq!(said.max_live_rooms, real.max_live_rooms);
    assert_eq!(said.drain_max, real.drain_max);
    assert_eq!(said.log_level, real.log_level);
    assert_eq!(said.log_format, real.log_format);
    assert_eq!(real.http_port, None, "plain http only when asked for");
}

/// The settings with the keys of one way of https alone: those of others are refused beside it.
fn in_mode(all: &Settings, mode: TlsMode) -> Settings {
    let mut settings = Settings { tls: Some(mode), ..all.clone() };
    if mode != TlsMode::Files {
        (settings.tls_certificate, settings.tls_key) = (None, None);
    }
    if mode != TlsMode::Acme {
        settings.acme_directory = None;
        (settings.acme_contact, settings.acme_ca) = (None, None);
    }
    if mode != TlsMode::BehindProxy {
        (settings.trusted_proxies, settings.proxy_listen_address) = (None, None);
    }
    settings
}

#[test]
fn workers_are_bounded() {
    let workers = |count| parse(&format!("trial = true\nmedia_workers = {count}")).unwrap().check();
    assert_eq!(workers(16).unwrap().media_workers, 16);
    assert_eq!(workers(17).unwrap_err().to_string(), "media_workers is at most 16");
}

#[test]
fn a_restart_is_put_off_for_a_day_at_most() {
    let drain_max = |minutes| parse(&format!("trial = true\ndrain_max = {minutes}")).unwrap();
    assert_eq!(drain_max(1440).check().unwrap().drain_max, Duration::from_secs(86_400));
    let error = drain_max(1441).check().unwrap_err().to_string();
    assert_eq!(error, "drain_max is at most 1440 minutes");
}

#[test]
fn unknown_keys_and_bad_values_are_refused_with_their_line() {
    let cases = [
        ("https_port = 1\nhtps_port = 2\n", "preau.toml:2: unknown field `htps_port`"),
        ("\n\n\nhttps_port = 70000\n", "preau.toml:4: "),
        ("room_days = 0", "preau.toml:1: "),
        ("public_addresses = 7", "preau.toml:1: "),
        ("trusted_proxies = [\"here\"]", "preau.toml:1: "),
        ("log_level = \"loud\"", "preau.toml:1: unknown variant `loud`"),
        ("https_port", "preau.toml:1: "),
    ];
    for (text, start) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error:?} for {text:?}");
    }
}

#[test]
fn what_stands_first_wins() {
    let flags = Settings { https_port: Some(1), ..Settings::default() };
    let file = parse("https_port = 2\nroom_days = 3\ntrial = true").unwrap();
    let config = flags.or(file).check().unwrap();
    assert_eq!((config.https_port, config.media_port, config.room_days), (1, 1, 3));
}

#[test]
fn a_recipient_with_a_typing_error_stops_the_start() {
    let check = |text: &str| {
        parse(&format!("trial = true\nincident_recipient = {text:?}")).unwrap().check()
    };
    let good = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    assert_eq!(check(good).unwrap().incident_recipient.as_deref(), Some(good));
    assert_eq!(check("").unwrap().incident_recipient, None, "as an empty variable gives it");
    let swapped = good.replace("ql3z", "q3lz");
    let bad = [&swapped, &good.to_uppercase(), &good[..61], &format!("{good}q"), "age1", "a"];
    // Of the same alphabet, with a good checksum, and no key of age.
    let others = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "A12UEL5L", "a12uel5l"];
    for text in bad.into_iter().chain(others) {
        assert!(matches!(check(text), Err(ConfigError::IncidentRecipient)), "{text}");
    }
}

#[test]
fn half_a_certificate_and_strange_origins_are_refused() {
    let half = parse("trial = true\ntls_key = \"key.pem\"").unwrap().check();
    assert!(matches!(half, Err(ConfigError::HalfCertificate)));
    let origin = |text: &str| {
        let lines = format!("trial = true\nshare_origin = {text:?}");
        parse(&lines).unwrap().check().map(|config| config.share_origin)
    };
    assert_eq!(
        origin("https://Visio.example:8443/").unwrap(),
        Some("https://visio.example:8443".into())
    );
    assert_eq!(origin("").unwrap(), None, "as an empty environment variable gives it");
    for text in
        ["visio.example", "ftp://a", "https://a/b", "https://u@a", "https://a?b", "https://a//"]
    {
        assert!(origin(text).is_err(), "{text}");
    }
}
