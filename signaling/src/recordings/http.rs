//! What pages ask about recordings: lists, sealed files, erasing, links of somebody's own. Credentials
//! stand in header fields, never in an address.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use protocol::{ErrorCode, ParticipantId, Proof, RecordingId, RoomSlug, Verifier};
use serde::{Deserialize, Serialize};

use super::archive::{TRACKS, grant_text, line_file, release_file, releases_folder};
use super::pieces;
use crate::app::{App, Connection};
use crate::http::{is_same_origin, problem};
use crate::secret;
use crate::store::RoomKey;
use crate::store::actions::{Deed, Doer};
use crate::store::recordings::{self as table, GrantId, Record, State as RecordState};

/// The routes under `/api/recordings`.
pub(crate) fn routes() -> Router<App> {
    let one = "/api/recordings/{id}";
    let under = |path: &str| format!("{one}/{path}");
    Router::new()
        .route("/api/recordings", get(list))
        .route(one, get(describe))
        .route(&under("manifest"), get(manifest))
        .route(&under("journal/{line}"), get(journal))
        .route(&under("tracks/{track}/{piece}"), get(piece))
        .route(&under("keys/{person}/{from}"), get(keys))
        .route(&under("erase"), post(erase))
        .route(&under("persons/{person}/erase"), post(erase_person))
        .route(&under("grants"), post(grant))
        .route(&under("grants/{grant}"), delete(revoke))
}

/// Who asks for one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Moderator,
    Grantee(GrantId),
}

impl Who {
    const fn grant(self) -> Option<GrantId> {
        match self {
            Self::Moderator => None,
            Self::Grantee(grant) => Some(grant),
        }
    }
}

/// Refusals, as whoever asks is told them.
#[derive(Debug)]
struct Refused(StatusCode, ErrorCode);

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        let statuses = [
            (ErrorCode::NotThere, StatusCode::NOT_FOUND),
            (ErrorCode::JoinRefused, StatusCode::FORBIDDEN),
            (ErrorCode::NotAllowed, StatusCode::FORBIDDEN),
            (ErrorCode::RateLimited, StatusCode::TOO_MANY_REQUESTS),
            (ErrorCode::Malformed, StatusCode::BAD_REQUEST),
        ];
        let found = statuses.iter().find(|(known, _)| *known == code);
        Self(found.map_or(StatusCode::SERVICE_UNAVAILABLE, |(_, status)| *status), code)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        problem(self.0, self.1)
    }
}

type Answer<T = Response> = Result<T, Refused>;

/// Somebody who asks, before it is known whether they may.
struct Asking<'a> {
    app: &'a App,
    headers: &'a HeaderMap,
}

impl<'a> Asking<'a> {
    /// Within the limits, and from our own pages.
    fn new(app: &'a App, connection: Connection, headers: &'a HeaderMap) -> Answer<Self> {
        if !is_same_origin(headers, app.face.share_origin.as_deref()) {
            return Err(ErrorCode::NotAllowed.into());
        }
        if !app.recording_rate.take(connection.address, app.clock.now()) {
            return Err(ErrorCode::RateLimited.into());
        }
        Ok(Self { app, headers })
    }

    fn field<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        let mut values = self.headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        value.to_str().ok()?.parse().ok()
    }

    /// The room whose moderator link is shown.
    async fn moderator(&self) -> Answer<RoomKey> {
        let refused = ErrorCode::JoinRefused;
        let room = self.field::<RoomSlug>("preau-room").ok_or(refused)?;
        let proof = self.field::<Proof>("preau-proof").ok_or(refused)?;
        let (key, shown) = (RoomKey::of(&room), secret::verifier(&proof));
        let known = self.app.registry.moderator_of(key).await?;
        // Recordings may be there for longer than their room.
        let known = match known {
            Some(known) => Some(known),
            None => self.app.recordings.ask(move |base| table::moderator(base, key)).await?,
        };
        let nobody = Verifier::from_bytes([0; 32]);
        let is_good = secret::is_same(&known.unwrap_or(nobody), &shown) && known.is_some();
        is_good.then_some(key).ok_or(refused.into())
    }

    /// A recording that whoever asks may read and is about to.
    async fn reader_of_content(&self, id: &str) -> Answer<Record> {
        let (record, who) = self.reader(id).await?;
        self.log(&record, who).await?;
        Ok(record)
    }

    /// Logs that somebody reads a recording.
    async fn log(&self, record: &Record, who: Who) -> Answer<()> {
        let (id, at) = (record.id, self.app.clock.unix_seconds());
        let log = move |base: &mut _| table::log_access(base, id, who.grant(), at);
        if self.app.recordings.ask(log).await? {
            let doer = if who == Who::Moderator { Doer::Moderator } else { Doer::Grantee };
            self.app.recordings.note(doer, Deed::OpenRecording, record.room);
        }
        Ok(())
    }

    /// A recording that whoever asks may read.
    async fn reader(&self, id: &str) -> Answer<(Record, Who)> {
        let Some(grant) = self.field::<Proof>("preau-grant") else {
            return Ok((self.owner(id).await?, Who::Moderator));
        };
        // What is no recording, another's, or gone: one answer.
        let refused = ErrorCode::JoinRefused;
        let id: RecordingId = id.parse().map_err(|_| refused)?;
        let shown = secret::verifier(&grant);
        let found =
            self.app.recordings.ask(move |base| table::find_grant(base, id, &shown)).await?;
        let grant = found.ok_or(refused)?;
        Ok((self.readable(id).await?, Who::Grantee(grant)))
    }

    /// A recording of the room whose moderator link is shown.
    async fn owner(&self, id: &str) -> Answer<Record> {
        let room = self.moderator().await?;
        let id: RecordingId = id.parse().map_err(|_| ErrorCode::NotThere)?;
        let record = self.readable(id).await?;
        // Of another room: as if it were not there.
        (record.room == room).then_some(record).ok_or(ErrorCode::NotThere.into())
    }

    async fn readable(&self, id: RecordingId) -> Answer<Record> {
        let record = self.app.recordings.find(id).await?;
        let record = record.filter(|record| record.state != RecordState::Deleting);
        Ok(record.ok_or(ErrorCode::NotThere)?)
    }
}

fn json(value: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(value)).into_response()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: RecordingId,
    started_at: u64,
    ended_at: Option<u64>,
    delete_at: u64,
    bytes: u64,
    state: &'static str,
    grants: Vec<ListedGrant>,
    accesses: Vec<ListedAccess>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedGrant {
    id: String,
    created_at: u64,
    revoked_at: Option<u64>,
}

#[derive(Serialize)]
struct ListedAccess {
    at: u64,
    by: String,
}

#[derive(Serialize)]
struct ListedReceipt {
    recording: RecordingId,
    what: String,
    at: u64,
    signature: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    recordings: Vec<Listed>,
    receipts: Vec<ListedReceipt>,
    signing_key: String,
}

async fn list(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Answer {
    let asking = Asking::new(&app, connection, &headers)?;
    let room = asking.moderator().await?;
    let keeper = app.recordings.clone();
    let read = move |base: &mut _| {
        let mut recordings = Vec::new();
        for record in table::of_room(base, room)? {
            let grant = |it: table::Grant| ListedGrant {
                id: grant_text(it.id),
                created_at: it.created_at,
                revoked_at: it.revoked_at,
            };
            let access = |(at, by): (u64, Option<GrantId>)| ListedAccess {
                at,
                by: by.map_or_else(|| "moderator".to_owned(), grant_text),
            };
            recordings.push(Listed {
                id: record.id,
                started_at: record.started_at,
                ended_at: record.ended_at,
                delete_at: keeper.on_the_wall(record.delete_at),
                bytes: record.bytes,
                state: record.state.name(),
                grants: table::grants(base, record.id)?.into_iter().map(grant).collect(),
                accesses: table::accesses(base, record.id)?.into_iter().map(access).collect(),
            });
        }
        let receipt = |it: table::Receipt| {
            let table::Receipt { recording, what, at, signature } = it;
            ListedReceipt { recording, what, at, signature }
        };
        let receipts = table::receipts(base, room)?.into_iter().map(receipt).collect();
        Ok((recordings, receipts))
    };
    let (recordings, receipts) = app.recordings.ask(read).await?;
    let signing_key = app.recordings.0.key.public();
    Ok(json(List { recordings, receipts, signing_key }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    id: RecordingId,
    started_at: u64,
    ended_at: Option<u64>,
    delete_at: u64,
    lines: u32,
    last_hash: String,
    signing_key: String,
    tracks: Vec<DescribedTrack>,
    /// Of encrypted rooms alone.
    releases: Vec<DescribedReleases>,
}

/// How many times somebody released their keys.
#[derive(Serialize)]
struct DescribedReleases {
    person: ParticipantId,
    count: u32,
}

#[derive(Serialize)]
struct DescribedTrack {
    number: u32,
    segments: Vec<u64>,
}

/// One access, as it is logged.
async fn describe(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let asking = Asking::new(&app, connection, &headers)?;
    let record = asking.reader_of_content(&id).await?;
    let id = record.id;
    let read = move |base: &mut _| Ok((table::tracks(base, id)?, table::releases(base, id)?));
    let (numbers, releases) = app.recordings.ask(read).await?;
    let release = |(person, count)| DescribedReleases { person, count };
    let releases = releases.into_iter().map(release).collect();
    let folder = app.recordings.folder_of(id);
    let tracks = tokio::task::spawn_blocking(move || {
        let tracks = numbers
            .into_iter()
            .map(|number| Ok(DescribedTrack { number, segments: pieces(&folder, number)? }));
        tracks.collect::<std::io::Result<Vec<_>>>()
    });
    let tracks = tracks.await.ok().and_then(Result::ok).ok_or(ErrorCode::Internal)?;
    Ok(json(Described {
        id,
        started_at: record.started_at,
        ended_at: record.ended_at,
        delete_at: app.recordings.on_the_wall(record.delete_at),
        lines: record.lines,
        last_hash: record.last_hash,
        signing_key: app.recordings.0.key.public(),
        tracks,
        releases,
    }))
}

async fn manifest(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let record = Asking::new(&app, connection, &headers)?.reader_of_content(&id).await?;
    sealed(app.recordings.folder_of(record.id).join("manifest.age")).await
}

async fn journal(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path((id, line)): Path<(String, String)>,
) -> Answer {
    let (record, _) = Asking::new(&app, connection, &headers)?.reader(&id).await?;
    let line = number(&line)?;
    sealed(line_file(&app.recordings.0.folder, record.id, line)).await
}

async fn piece(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path((id, track, piece)): Path<(String, String, String)>,
) -> Answer {
    let asking = Asking::new(&app, connection, &headers)?;
    let (record, who) = asking.reader(&id).await?;
    let (id, track, piece) = (record.id, number(&track)?, number(&piece)?);
    let tracks = app.recordings.ask(move |base| table::tracks(base, id)).await?;
    if !tracks.contains(&track) {
        return Err(ErrorCode::NotThere.into());
    }
    asking.log(&record, who).await?;
    let folder = app.recordings.folder_of(id).join(TRACKS).join(track.to_string());
    sealed(folder.join(format!("{piece:06}.age"))).await
}

/// Some of the sealed keys that somebody released, from one number on: each behind its length of four
/// bytes, which is 0 for one that is not there.
async fn keys(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path((id, person, from)): Path<(String, String, String)>,
) -> Answer {
    let asking = Asking::new(&app, connection, &headers)?;
    let (record, who) = asking.reader(&id).await?;
    let (id, from) = (record.id, number(&from)?);
    let person: ParticipantId = person.parse().map_err(|_| ErrorCode::NotThere)?;
    let releases = app.recordings.ask(move |base| table::releases(base, id)).await?;
    let count = releases.into_iter().find_map(|(one, count)| (one == person).then_some(count));
    let count = count.filter(|count| from < *count).ok_or(ErrorCode::NotThere)?;
    asking.log(&record, who).await?;
    let folder = releases_folder(&app.recordings.0.folder, id, person);
    let read = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        for number in from..count.min(from.saturating_add(RELEASES_AT_ONCE)) {
            let file = std::fs::read(release_file(&folder, number)).unwrap_or_default();
            let length = u32::try_from(file.len()).unwrap_or_default();
            all.extend(length.to_be_bytes());
            all.extend(file);
        }
        all
    });
    let fields = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")];
    Ok((fields, read.await.map_err(|_| ErrorCode::Internal)?).into_response())
}

/// A number as it stands in an address: digits alone, so that no name of a file can.
fn number(text: &str) -> Answer<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    Ok(number.ok_or(ErrorCode::NotThere)?)
}

/// Most releases in one answer; one of them has 8 KiB at most. More: larger answers; fewer: more of them.
const RELEASES_AT_ONCE: u32 = 256;

async fn sealed(file: std::path::PathBuf) -> Answer {
    let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    match read {
        Ok(Ok(bytes)) => {
            let fields = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")];
            Ok((fields, bytes).into_response())
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(ErrorCode::NotThere.into())
        }
        Ok(Err(_)) | Err(_) => Err(ErrorCode::Internal.into()),
    }
}

async fn erase(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let record = Asking::new(&app, connection, &headers)?.owner(&id).await?;
    if let Some(room) = app.recordings.erase(Doer::Moderator, record.id).await? {
        app.registry.end_recording(room, record.id).await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn erase_person(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path((id, person)): Path<(String, String)>,
) -> Answer {
    let record = Asking::new(&app, connection, &headers)?.owner(&id).await?;
    let person: ParticipantId = person.parse().map_err(|_| ErrorCode::NotThere)?;
    let running = app.recordings.erase_person(Doer::Moderator, record.id, person).await?;
    if let Some(room) = running {
        app.registry.erase_recorded(room, record.id, person).await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantWish {
    verifier: Verifier,
}

async fn grant(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    #[derive(Serialize)]
    struct Granted {
        grant: String,
    }
    let record = Asking::new(&app, connection, &headers)?.owner(&id).await?;
    let wish: GrantWish = serde_json::from_slice(&body).map_err(|_| ErrorCode::Malformed)?;
    let grant = app.recordings.grant(&record, wish.verifier).await?;
    Ok((StatusCode::CREATED, json(Granted { grant: grant_text(grant) })).into_response())
}

async fn revoke(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Path((id, grant)): Path<(String, String)>,
) -> Answer {
    let record = Asking::new(&app, connection, &headers)?.owner(&id).await?;
    let grant: ParticipantId = grant.parse().map_err(|_| ErrorCode::NotThere)?;
    app.recordings.revoke(&record, *grant.as_bytes()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
