//! What one participant receives: its slots.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::command::{Mid, SlotAssignment};
use crate::sdp::{Offer, Role, SlotSsrcs};
use crate::subscription::Subscription;

/// The receive slots of one transport.
#[derive(Default)]
pub(crate) struct Subscriber {
    slots: Vec<Subscription>,
}

impl Subscriber {
    /// Makes the slots of new sections and refreshes those of known ones.
    pub(crate) fn negotiate(&mut self, offer: &Offer, random: &mut StdRng) {
        for section in &offer.sections {
            if !matches!(section.role, Role::Slot { .. }) {
                continue;
            }
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == section.mid) {
                slot.codecs.clone_from(&section.codecs);
                slot.extensions = section.extensions;
                continue;
            }
            let ssrcs = SlotSsrcs { media: self.fresh_ssrc(random), rtx: self.fresh_ssrc(random) };
            self.slots.push(Subscription {
                mid: section.mid.clone(),
                kind: section.kind,
                ssrcs,
                codecs: section.codecs.clone(),
                extensions: section.extensions,
                wanted: None,
                max_height: None,
            });
        }
    }

    /// Sources of the slot with this mid.
    pub(crate) fn ssrcs(&self, mid: &Mid) -> Option<SlotSsrcs> {
        self.slots.iter().find(|slot| slot.mid == *mid).map(|slot| slot.ssrcs)
    }

    /// Gives slots new content. Slots that do not exist are passed over.
    pub(crate) fn assign(&mut self, assignments: Vec<SlotAssignment>) {
        for assignment in assignments {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == assignment.mid) {
                slot.wanted = assignment.track;
                slot.max_height = assignment.max_height;
            }
        }
    }

    fn fresh_ssrc(&self, random: &mut StdRng) -> u32 {
        loop {
            let ssrc = random.random_range(1..u32::MAX);
            let taken = |slot: &Subscription| slot.ssrcs.media == ssrc || slot.ssrcs.rtx == ssrc;
            if !self.slots.iter().any(taken) {
                return ssrc;
            }
        }
    }
}
