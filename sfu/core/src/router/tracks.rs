//! The tracks of one room, by number and by name.

use protocol::{ParticipantId, TrackId};

use super::track::{Track, TrackKey};
use crate::demux::TransportKey;

/// A small table; numbers of ended tracks are used again, under another serial number.
#[derive(Default)]
pub(crate) struct Tracks {
    table: Vec<Option<Track>>,
    next_serial: u32,
    /// The latest two who led the speaking, newest first.
    leading: Vec<ParticipantId>,
}

impl Tracks {
    /// The track with this name, with a layer for each of `rids`, or one without simulcast. Its
    /// layers are made if it is new or has another number of them; then `end` takes the track it
    /// takes the place of, if any.
    pub(crate) fn publish(
        &mut self,
        id: TrackId,
        publisher: TransportKey,
        rids: &[String],
        end: impl FnOnce(TrackKey),
    ) -> TrackKey {
        let rids = if rids.is_empty() { vec![String::new()] } else { rids.to_vec() };
        if let Some(track) = self.find_mut(id) {
            if track.layers.len() == rids.len() {
                track.rids = rids;
                return track.key;
            }
            self.remove(id).map(end);
        }
        let at = self.table.iter().position(Option::is_none).unwrap_or_else(|| {
            self.table.push(None);
            self.table.len() - 1
        });
        let index = u16::try_from(at).expect("participants and their sources are bounded");
        let key = TrackKey { index, serial: self.next_serial };
        self.next_serial = self.next_serial.wrapping_add(1);
        self.table[at] = Some(Track::new(key, id, publisher, rids));
        key
    }

    /// Ends a track; gives which it was.
    pub(crate) fn remove(&mut self, id: TrackId) -> Option<TrackKey> {
        let is_it = |slot: &&mut Option<Track>| slot.as_ref().is_some_and(|track| track.id == id);
        Some(self.table.iter_mut().find(is_it)?.take()?.key)
    }

    /// The track with this number, if it is still that one.
    pub(crate) fn track_mut(&mut self, key: TrackKey) -> Option<&mut Track> {
        self.table.get_mut(usize::from(key.index))?.as_mut().filter(|track| track.key == key)
    }

    /// The track with this number, if it is still that one, to look at.
    pub(crate) fn track(&self, key: TrackKey) -> Option<&Track> {
        self.table.get(usize::from(key.index))?.as_ref().filter(|track| track.key == key)
    }

    /// The track with this name.
    pub(crate) fn find_mut(&mut self, id: TrackId) -> Option<&mut Track> {
        self.iter_mut().find(|track| track.id == id)
    }

    /// Notes who leads the speaking.
    pub(crate) fn note_leading(&mut self, speaker: ParticipantId) {
        self.leading.retain(|former| *former != speaker);
        self.leading.insert(0, speaker);
        self.leading.truncate(LEADING);
    }

    /// Whether this participant leads the speaking, or did before whoever does.
    pub(crate) fn is_leading(&self, participant: ParticipantId) -> bool {
        self.leading.contains(&participant)
    }

    /// One more than the highest number of a track.
    pub(crate) fn table_len(&self) -> usize {
        self.table.len()
    }

    /// All tracks.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.table.iter_mut().flatten()
    }
}

/// Two people who talk with each other are both worth seeing. Raised, each gets less.
const LEADING: usize = 2;
