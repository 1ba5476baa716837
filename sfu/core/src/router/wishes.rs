//! What the members of a room need of whoever sends, and who has to offer anew for it.

use std::time::{Duration, Instant};

use super::{Members, Router};
use crate::command::Event;
use crate::demux::TransportKey;
use crate::sdp::Wishes;

impl Router {
    /// What an offer is answered with now.
    pub(crate) fn wishes(&self) -> Wishes {
        self.sending
    }

    /// Sends a member as little as a meeting needs, or everything again.
    pub(crate) fn set_reception(
        &mut self,
        now: Instant,
        key: TransportKey,
        saving: bool,
        members: &mut Members,
    ) {
        if let Some(member) = members[key.0].as_mut() {
            member.set_saving(saving);
            member.subscriber.restart(now, &mut self.tracks);
        }
        self.is_sending_known = false;
        if saving {
            self.sending_due = None;
        }
    }

    /// Follows what the members need, and tells those who have to offer anew for it.
    pub(crate) fn poll_wishes(&mut self, now: Instant, members: &mut Members) {
        if self.is_sending_known || self.sending_due.is_some_and(|due| now < due) {
            return;
        }
        self.is_sending_known = true;
        let mut wishes = Wishes { scalable: self.scalable, ..Wishes::default() };
        for key in &self.members {
            let Some(member) = members[key.0].as_ref() else {
                continue;
            };
            wishes.frugal_sound |= member.saving;
            if let Some(playable) = member.subscriber.playable() {
                wishes.playable = wishes.playable.and(playable);
            }
        }
        self.sending = wishes;
        for key in &self.members {
            let Some(member) = members[key.0].as_mut() else {
                continue;
            };
            let before = std::mem::replace(&mut member.wishes, wishes);
            if before != wishes && member.publisher.is_concerned(before, wishes) {
                self.events.push(Event::OfferWanted { participant: member.participant });
                self.sending_due = Some(now + SETTLED_AFTER);
            }
        }
    }
}

/// After offers were asked for none are for so long, unless somebody's connection becomes poor.
/// Lowered, a switch that goes on and off makes a whole room offer again and again.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
