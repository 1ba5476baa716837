//! `preau recordings`, `preau journal`, and what persons have a right to about a room: `preau room
//! erase` and `preau room export`. All of it works beside a running server.

use std::sync::Arc;

use clap::{Args, Subcommand};
use protocol::{RecordingId, RoomSlug};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{CommandError, Place, print};
use crate::clock::Clock;
use crate::recordings::Recordings;
use crate::server;
use crate::store::actions::{self, Deed, Doer};
use crate::store::recordings::{self as table, Record};
use crate::store::{RoomKey, Store, StoreError, rooms};

/// What can be done with recordings. None of it opens them.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum RecordingsCommand {
    /// List the recordings that are kept: since when, until when, bytes, state, name
    List(List),
    /// Delete a recording before its end; a receipt stays
    Erase(Erase),
}

/// Which server's recordings are listed.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
}

/// Which recording is deleted.
#[derive(Debug, Args)]
pub struct Erase {
    /// Its name, as `preau recordings list` gives it
    #[arg(value_name = "RECORDING", allow_hyphen_values = true, value_parser = str::parse::<RecordingId>)]
    recording: RecordingId,
    #[command(flatten)]
    place: Place,
}

/// Which server's journal is printed.
#[derive(Debug, Args)]
pub struct Journal {
    #[command(flatten)]
    place: Place,
}

/// Which room it is about.
#[derive(Debug, Args)]
pub struct OneRoom {
    /// What stands in the room's links between /r/ and #
    #[arg(value_name = "SLUG", allow_hyphen_values = true, value_parser = str::parse::<RoomSlug>)]
    slug: RoomSlug,
    #[command(flatten)]
    place: Place,
}

/// The data of a server.
struct Data {
    store: Arc<Store>,
    recordings: Recordings,
}

impl Data {
    fn open(place: Place) -> Result<Self, CommandError> {
        let config = place.config()?;
        server::find_folder(&config.data_dir)?;
        let store = Arc::new(server::open_store(&config.data_dir)?);
        let recordings = server::open_recordings(&config, store.clone(), Clock::system())?;
        Ok(Self { store, recordings })
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        let answer = self.store.run(job).await;
        answer.map_err(|error: StoreError| CommandError::NotRead(error.to_string()))
    }

    /// Deletes one, or has the running server do so; says which.
    async fn erase(&self, record: &Record) -> Result<String, CommandError> {
        let name = record.id.expose_text();
        let erased = self.recordings.erase_beside(record).await;
        match erased.map_err(|code| CommandError::NotErased(format!("{code:?}")))? {
            true => Ok(format!("{name} deleted\n")),
            false => Ok(format!(
                "{name} still runs: the server ends it within a minute, then deletes it\n"
            )),
        }
    }
}

pub(super) async fn run(command: RecordingsCommand) -> Result<(), CommandError> {
    match command {
        RecordingsCommand::List(List { place }) => {
            let data = Data::open(place)?;
            let mut text = String::new();
            for record in data.ask(table::all).await? {
                let [from, until] = [record.started_at, record.delete_at].map(date);
                let (bytes, state) = (record.bytes, record.state.name());
                let name = record.id.expose_text();
                text += &format!("{from}  until {until}  {bytes}  {state}  {name}\n");
            }
            print(&text)
        }
        RecordingsCommand::Erase(Erase { recording, place }) => {
            let data = Data::open(place)?;
            let record = data.ask(move |base| table::find(base, recording)).await?;
            let record = record.ok_or_else(|| CommandError::NotErased("there is none".into()))?;
            print(&data.erase(&record).await?)
        }
    }
}

/// Prints every line of the journal of privileged actions; fails when one was changed.
pub(super) async fn print_journal(Journal { place }: Journal) -> Result<(), CommandError> {
    let data = Data::open(place)?;
    let lines = data.ask(actions::all).await?;
    let mut text = String::new();
    for line in &lines {
        let (at, role, action, room) = (date(line.at), &line.role, &line.action, &line.room);
        text += &format!("{}  {at}  {role}  {action}  room {room}  {}\n", line.number, line.hash);
    }
    print(&text)?;
    match actions::first_altered(&lines) {
        None => print(&format!("{} lines, none changed\n", lines.len())),
        Some(number) => Err(CommandError::Altered(number)),
    }
}

/// Deletes everything that is kept of a room. Whoever is in it stays until they leave.
pub(super) async fn erase_room(OneRoom { slug, place }: OneRoom) -> Result<(), CommandError> {
    let data = Data::open(place)?;
    let key = RoomKey::of(&slug);
    let records = data.ask(move |base| table::of_room(base, key)).await?;
    let mut text = String::new();
    for record in &records {
        text += &data.erase(record).await?;
    }
    let count = data.ask(move |base| rooms::erase(base, key)).await?;
    if count == 0 && records.is_empty() {
        return Err(CommandError::NotErased("there is no such room".to_owned()));
    }
    data.recordings.note(Doer::Administrator, Deed::EraseRoom, key);
    print(&format!("{text}the room is deleted: nobody enters it any more\n"))
}

/// Prints everything that is kept of a room, as JSON.
pub(super) async fn export_room(OneRoom { slug, place }: OneRoom) -> Result<(), CommandError> {
    let data = Data::open(place)?;
    let key = RoomKey::of(&slug);
    let found = data.store.find(key).await;
    let room = found.map_err(|error| CommandError::NotRead(error.to_string()))?;
    let counts = data.ask(move |base| rooms::counts(base, key)).await?;
    let read = move |base: &mut rusqlite::Connection| {
        let mut recordings = Vec::new();
        for record in table::of_room(base, key)? {
            let grants = table::grants(base, record.id)?.len();
            let accesses = table::accesses(base, record.id)?;
            recordings.push(exported(&record, grants, &accesses));
        }
        let receipts = table::receipts(base, key)?.into_iter().map(|receipt| {
            let table::Receipt { recording, what, at, signature } = receipt;
            json!({ "recording": recording, "what": what, "at": at, "signature": signature })
        });
        Ok((recordings, receipts.collect::<Vec<_>>()))
    };
    let (recordings, receipts) = data.ask(read).await?;
    if room.is_none() && recordings.is_empty() && receipts.is_empty() {
        return Err(CommandError::NotRead("there is no such room".to_owned()));
    }
    data.recordings.note(Doer::Administrator, Deed::ExportRoom, key);
    let room = room.map(|room| {
        json!({
            "createdAt": room.created_at,
            "endsAt": room.expires_at,
            "rules": room.rules,
            "linkGeneration": room.link_generation,
            "hasHostKey": room.host_key.is_some(),
            "personalLinks": counts.handles,
            "numbersOfParticipants": counts.standings,
        })
    });
    let kept = json!({ "room": room, "recordings": recordings, "deletions": receipts });
    let text = serde_json::to_string_pretty(&kept).expect("plain data");
    print(&format!("{text}\n"))
}

fn exported(record: &Record, grants: usize, accesses: &[(u64, Option<table::GrantId>)]) -> Value {
    let accesses = accesses.iter().map(
        |(at, by)| json!({ "at": at, "by": if by.is_some() { "grantee" } else { "moderator" } }),
    );
    json!({
        "recording": record.id,
        "startedAt": record.started_at,
        "endedAt": record.ended_at,
        "deleteAt": record.delete_at,
        "state": record.state.name(),
        "bytes": record.bytes,
        "sealedTo": record.recipients.lines().collect::<Vec<_>>(),
        "linesOfJournal": record.lines,
        "grants": grants,
        "accesses": accesses.collect::<Vec<_>>(),
    })
}

/// In UTC, to the minute.
fn date(at: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.cast_signed());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute())
}
