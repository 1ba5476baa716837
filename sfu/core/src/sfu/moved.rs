//! Participants whose address changed without their knowing: a router on the way forgot them and
//! gave them another port.
//!
//! They would be found again by their next check. Media comes sooner: what an unknown address sends
//! is opened with the keys of whoever its source was of, and if it is authentic and was not seen
//! before, a check of ours goes to that address. Media follows only an answer that proves the
//! browser's ICE password, as with any other address: whoever repeats packets from elsewhere, or
//! forges where they come from, gains nothing.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::Sfu;
use crate::bucket::Bucket;
use crate::demux::TransportKey;
use crate::member::Member;
use crate::path::Path;
use crate::stats::DropCause;
use crate::transport::{Answer, IceError};

/// What is under way.
#[derive(Default)]
pub(super) struct Moves {
    looks: Bucket,
    /// Oldest first.
    asked: Vec<Asked>,
}

/// A check of ours that waits for its answer.
struct Asked {
    at: Instant,
    key: TransportKey,
    path: Path,
    transaction: [u8; 12],
}

impl Moves {
    /// Forgets where somebody was asked: they are found, or gone, and no address of theirs stays.
    pub(super) fn forget(&mut self, key: TransportKey) {
        self.asked.retain(|asked| asked.key != key);
    }
}

impl Sfu {
    /// The member that owns an address pair, or else the only one who sent under this source so far;
    /// true for the latter.
    pub(super) fn owner(
        &mut self,
        now: Instant,
        path: Path,
        ssrc: Option<&[u8]>,
    ) -> Result<(TransportKey, &mut Member, bool), DropCause> {
        let known = self.demux.find(path);
        let key = known.or_else(|| self.former_owner(now, ssrc)).ok_or(DropCause::UnknownPath)?;
        let member = self.members[key.0].as_mut().ok_or(DropCause::UnknownPath)?;
        self.room_in_hand = Some(member.room);
        Ok((key, member, known.is_none()))
    }

    /// Who sent under a source so far; nobody when there are several.
    fn former_owner(&mut self, now: Instant, ssrc: Option<&[u8]>) -> Option<TransportKey> {
        let ssrc = u32::from_be_bytes(*ssrc?.first_chunk()?);
        if !self.moves.looks.take(now, 1, LOOKS_PER_S, LOOKS_AT_ONCE) {
            return None;
        }
        let knows = |member: &Option<Member>| {
            let transport = member.as_ref().and_then(|member| member.transport.as_ref());
            transport.is_some_and(|transport| transport.knows(ssrc))
        };
        let at = self.members.iter().position(knows)?;
        let is_only = !self.members[at + 1..].iter().any(knows);
        is_only.then_some(TransportKey(at))
    }

    /// Asks whether a participant is at an unknown address from which something authentic came.
    pub(super) fn ask_at(&mut self, now: Instant, path: Path, key: TransportKey) {
        let asked = &mut self.moves.asked;
        asked.retain(|asked| now.saturating_duration_since(asked.at) < ANSWERS_WITHIN);
        let latest = asked.iter().rfind(|asked| asked.key == key);
        let is_soon =
            latest.is_some_and(|asked| now.saturating_duration_since(asked.at) < ASK_DISTANCE);
        if is_soon || asked.len() >= MAX_ASKED {
            return;
        }
        let transport = self.members[key.0].as_ref().and_then(|member| member.transport.as_ref());
        let transaction = self.random.random();
        if let Some(Ok(check)) = transport.map(|transport| transport.ask(transaction)) {
            self.egress.push(path, &check);
            self.moves.asked.push(Asked { at: now, key, path, transaction });
        }
    }

    /// Takes the answer to a check of ours.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropCause> {
        let is_it = |asked: &&Asked| {
            asked.path == path
                && datagram.get(TRANSACTION) == Some(&asked.transaction[..])
                && now.saturating_duration_since(asked.at) < ANSWERS_WITHIN
        };
        let asked = self.moves.asked.iter().find(is_it).ok_or(DropCause::CheckUnknownUser)?;
        let key = asked.key;
        let answer = Answer::parse(datagram).map_err(|_| DropCause::CheckMalformed)?;
        if !self.demux.may_bind(now, path, key) {
            return Err(DropCause::CheckAddressTaken);
        }
        let member = self.members[key.0].as_mut().ok_or(DropCause::CheckUnknownUser)?;
        self.room_in_hand = Some(member.room);
        let transport = member.transport.as_mut().ok_or(DropCause::CheckUnknownUser)?;
        let (evicted, change) =
            transport.handle_answer(now, path, answer).map_err(|error| match error {
                IceError::Malformed => DropCause::CheckMalformed,
                IceError::NotAuthentic => DropCause::CheckNotAuthentic,
            })?;
        self.moves.forget(key);
        if let Some(evicted) = evicted {
            self.demux.unbind(evicted, key);
        }
        self.demux.bind(now, path, key);
        self.report(now, key, change);
        Ok(())
    }
}

/// Where the transaction stands in a message (RFC 8489 section 5).
const TRANSACTION: std::ops::Range<usize> = 8..20;

/// Most datagrams of unknown addresses whose source is looked for, per second. Raised, floods of them
/// cost more; lowered, a whole school whose router started anew is followed more slowly.
const LOOKS_PER_S: f64 = 500.0;

/// So many at once.
const LOOKS_AT_ONCE: f64 = 200.0;

/// Time between two checks of ours for one participant, of which one may be lost. Raised, a lost one
/// costs more; lowered, somebody who forges where they send from makes us send more.
const ASK_DISTANCE: Duration = Duration::from_millis(150);

/// What comes later is no answer: longer than any way there and back.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Most checks of ours under way. Raised, floods cost more memory and time; lowered, fewer can move
/// at once without waiting for their own check.
const MAX_ASKED: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn of_whoever_is_gone_no_address_is_kept() {
        let path = Path { remote: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9), local: None };
        let asked = |key| Asked { at: start(), key: TransportKey(key), path, transaction: [0; 12] };
        let mut moves = Moves { asked: vec![asked(1), asked(2), asked(1)], ..Moves::default() };
        moves.forget(TransportKey(1));
        assert_eq!(moves.asked.iter().map(|asked| asked.key.0).collect::<Vec<_>>(), [2]);
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }
}
