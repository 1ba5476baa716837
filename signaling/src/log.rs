//! Log set-up. Only this program's own lines are written: what libraries log may hold addresses
//! or message contents, so their targets are off at every level.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogFormat, LogLevel};

/// Starts logging to the standard error stream, once per process.
pub(crate) fn start(format: LogFormat, level: LogLevel) {
    // A second start changes nothing.
    let _ = subscriber(format, level, std::io::stderr).try_init();
}

/// What `start` installs, with another place to write to.
pub fn subscriber<W>(
    format: LogFormat,
    level: LogLevel,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(own_targets(level)))
}

fn own_targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    Targets::new().with_default(LevelFilter::OFF).with_targets(OWN.map(|target| (target, level)))
}

/// The crates of this workspace that run in the server.
const OWN: [&str; 6] = ["preau", "signaling", "room", "protocol", "sfu", "sfu_core"];
