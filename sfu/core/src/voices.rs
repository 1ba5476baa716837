//! Who speaks in a room, and whose voice is worth forwarding: from the loudness that browsers
//! write on each packet of sound (RFC 6464), never from the sound itself. The sound of a shared
//! screen is measured too, but does not make its sharer a speaker.

use std::time::{Duration, Instant};

use protocol::{ParticipantId, TrackId, TrackSource};

use crate::router::TrackKey;

/// The microphones of one room.
#[derive(Default)]
pub(crate) struct Voices {
    voices: Vec<Voice>,
    /// Who speaks, loudest first, as last told.
    speakers: Vec<TrackKey>,
    /// The list in the making; reused.
    order: Vec<TrackKey>,
    /// When the list may change next; `None` while everybody is silent.
    due: Option<Instant>,
}

/// One microphone.
#[derive(Clone, Copy, Debug)]
struct Voice {
    track: TrackKey,
    id: TrackId,
    /// Until when time is accounted for.
    until: Instant,
    /// Decibels above digital silence (0 to 127), smoothed over the spoken parts.
    loudness: f32,
    /// What this microphone hears while nobody speaks into it, on the same scale.
    noise: f32,
    /// Time spoken lately: grows while there is voice, shrinks more slowly while there is none.
    spoken: Duration,
    last_voice: Option<Instant>,
    is_speaking: bool,
}

impl Voices {
    /// Notes one packet of a microphone. `level` is in decibels below full scale (0 to 127).
    pub(crate) fn handle_packet(&mut self, now: Instant, track: TrackKey, id: TrackId, level: u8) {
        let voice = match self.voices.iter().position(|voice| voice.track == track) {
            Some(at) => &mut self.voices[at],
            None => {
                self.voices.push(Voice::new(now, track, id));
                self.voices.last_mut().expect("just pushed")
            }
        };
        voice.hear(now, level);
        if voice.spoken > Duration::ZERO {
            self.due.get_or_insert(now + EVALUATION_INTERVAL);
        }
    }

    /// The microphone was shut or its track ended.
    pub(crate) fn remove(&mut self, now: Instant, track: TrackKey) {
        self.voices.retain(|voice| voice.track != track);
        if self.speakers.contains(&track) {
            self.due = Some(now);
        }
    }

    /// When [`Self::poll_speakers`] has to be asked because of this microphone.
    pub(crate) fn poll_timeout(&self, track: TrackKey) -> Option<Instant> {
        let voice = self.find(track)?;
        self.due.filter(|_| voice.is_speaking || voice.spoken > Duration::ZERO)
    }

    /// Who speaks now, loudest first, if that has changed since it was last told.
    pub(crate) fn poll_speakers(&mut self, now: Instant) -> Option<Vec<ParticipantId>> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let mut any = false;
        for voice in &mut self.voices {
            voice.pass_to(now);
            let goes_on = voice.is_speaking && voice.spoken > Duration::ZERO;
            voice.is_speaking = voice.id.source == TrackSource::Microphone
                && (goes_on || voice.spoken >= SPEAKS_FROM);
            any |= voice.spoken > Duration::ZERO;
        }
        self.due = any.then_some(now + EVALUATION_INTERVAL);
        self.put_in_order();
        if self.order == self.speakers {
            return None;
        }
        std::mem::swap(&mut self.order, &mut self.speakers);
        let participant = |track: &TrackKey| self.find(*track).map(|voice| voice.id.participant);
        Some(self.speakers.iter().filter_map(participant).collect())
    }

    /// Whoever spoke before stays in place unless somebody else is clearly louder.
    fn put_in_order(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let speaks = |track: &TrackKey| self.find(*track).is_some_and(|voice| voice.is_speaking);
        order.extend(self.speakers.iter().copied().filter(|track| speaks(track)));
        for voice in &self.voices {
            if voice.is_speaking && !order.contains(&voice.track) {
                order.push(voice.track);
            }
        }
        let loudness = |track: TrackKey| self.find(track).map_or(0.0, |voice| voice.loudness);
        for end in 1..order.len() {
            let mut at = end;
            while at > 0 && loudness(order[at]) > loudness(order[at - 1]) + LOUDER_BY {
                order.swap(at, at - 1);
                at -= 1;
            }
        }
        order.truncate(MAX_SPEAKERS);
        self.order = order;
    }

    /// Whether `challenger` is worth more than `holder`, who is forwarded now.
    fn outdoes(&self, now: Instant, challenger: TrackKey, holder: TrackKey) -> bool {
        let Some(challenger) = self.find(challenger) else {
            return false;
        };
        if challenger.spoken < HEARD_FROM {
            return false;
        }
        self.find(holder).is_none_or(|holder| {
            let is_louder = || challenger.loudness > holder.loudness + LOUDER_BY;
            holder.is_quiet(now) || (challenger.spoken >= SPEAKS_FROM && is_louder())
        })
    }

    /// Loudness of somebody who speaks now, less than zero of somebody who does not.
    fn strength(&self, now: Instant, track: TrackKey) -> f32 {
        match self.find(track) {
            Some(voice) if !voice.is_quiet(now) => voice.loudness,
            Some(Voice { last_voice: Some(at), .. }) => {
                -now.saturating_duration_since(*at).as_secs_f32()
            }
            Some(_) | None => f32::MIN,
        }
    }

    fn find(&self, track: TrackKey) -> Option<&Voice> {
        self.voices.iter().find(|voice| voice.track == track)
    }
}

impl Voice {
    fn new(now: Instant, track: TrackKey, id: TrackId) -> Self {
        Self {
            track,
            id,
            until: now,
            loudness: 0.0,
            noise: FIRST_NOISE,
            spoken: Duration::ZERO,
            last_voice: None,
            is_speaking: false,
        }
    }

    fn hear(&mut self, now: Instant, level: u8) {
        let volume = f32::from(127 - level.min(127));
        let elapsed = now.saturating_duration_since(self.until);
        // A packet speaks for itself, not for a silence that was not sent (DTX) before it.
        let own = elapsed.min(LONGEST_FRAME);
        self.pass_to(now - own);
        self.until = now;
        let seconds = own.as_secs_f32();
        self.noise = volume.min(self.noise + NOISE_RISE * seconds);
        if volume < QUIETEST_VOICE.max(self.noise + ABOVE_NOISE) {
            self.fall_silent_for(own);
            return;
        }
        if self.last_voice.is_none_or(|at| now.saturating_duration_since(at) > QUIET_AFTER) {
            self.loudness = volume;
        }
        self.loudness += (volume - self.loudness) * (seconds / SMOOTHING).min(1.0);
        self.spoken = (self.spoken + own).min(SPOKEN_AT_MOST);
        self.last_voice = Some(now);
    }

    /// Nothing came until `now`.
    fn pass_to(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.until);
        // The next packet may be on its way for as long as a frame takes.
        if silent > LONGEST_FRAME {
            self.fall_silent_for(silent);
            self.until = now;
        }
    }

    fn fall_silent_for(&mut self, time: Duration) {
        self.spoken = self.spoken.saturating_sub(time / FORGETS_SLOWER);
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.last_voice.is_none_or(|at| now.saturating_duration_since(at) > QUIET_AFTER)
    }
}

/// Whose voices one subscriber gets when there are more than it shall get: those who spoke last,
/// and among those who speak now the loudest.
#[derive(Default)]
pub(crate) struct Seats(Vec<TrackKey>);

impl Seats {
    /// Whether a packet of this microphone goes out, when `limit` of them may.
    pub(crate) fn admits(
        &mut self,
        now: Instant,
        track: TrackKey,
        limit: usize,
        voices: &Voices,
    ) -> bool {
        self.0.truncate(limit);
        if self.0.contains(&track) {
            return true;
        }
        if self.0.len() < limit {
            self.0.push(track);
            return true;
        }
        let strength = |holder: &TrackKey| voices.strength(now, *holder);
        let weakest = self.0.iter_mut().min_by(|a, b| strength(a).total_cmp(&strength(b)));
        let Some(weakest) = weakest.filter(|weakest| voices.outdoes(now, track, **weakest)) else {
            return false;
        };
        *weakest = track;
        true
    }

    /// The subscriber does not get this microphone any more.
    pub(crate) fn leave(&mut self, track: TrackKey) {
        self.0.retain(|holder| *holder != track);
    }
}

/// How often the list of speakers may change. Lowered, messages to everybody become more; raised,
/// the ring around a tile comes later.
const EVALUATION_INTERVAL: Duration = Duration::from_millis(200);

/// Voice that makes a speaker: longer than a cough. Lowered, coughs light up tiles; raised, short
/// answers are never shown.
const SPEAKS_FROM: Duration = Duration::from_millis(450);

/// Voice after which a microphone that is not forwarded may take the place of a quiet one. Lowered,
/// clicks do; raised, the first word is cut.
const HEARD_FROM: Duration = Duration::from_millis(40);

/// Most that is remembered of what was spoken: with [`FORGETS_SLOWER`], how long somebody who
/// stopped is still shown. Raised, rings stay longer; lowered, they flicker between words.
const SPOKEN_AT_MOST: Duration = Duration::from_millis(600);

/// Silence counts so many times less than voice. Raised, coughs in a row add up to a speaker.
const FORGETS_SLOWER: u32 = 2;

/// A microphone without voice for so long may lose its place. Lowered, pauses for breath do.
const QUIET_AFTER: Duration = Duration::from_millis(800);

/// Longest frame of sound that a packet's level speaks for.
const LONGEST_FRAME: Duration = Duration::from_millis(60);

/// Decibels by which one voice has to be louder to pass another. Lowered, two who talk at once
/// change places all the time.
const LOUDER_BY: f32 = 4.0;

/// Seconds over which loudness is averaged.
const SMOOTHING: f32 = 0.5;

/// Decibels above digital silence below which nothing counts as voice: a whisper across a room.
const QUIETEST_VOICE: f32 = 72.0;

/// Decibels by which a voice stands out of its microphone's own noise.
const ABOVE_NOISE: f32 = 9.0;

/// Noise assumed of a microphone before it was heard.
const FIRST_NOISE: f32 = 50.0;

/// Decibels per second by which the noise may rise; pauses between words pull it down at once.
/// Raised, long vowels count as noise; lowered, a fan that starts counts as voice for longer.
const NOISE_RISE: f32 = 4.0;

/// Most speakers told at once.
const MAX_SPEAKERS: usize = 8;

#[cfg(test)]
mod tests;
