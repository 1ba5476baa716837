//! Groups: parts of the class that neither see nor hear each other.

use std::collections::BTreeSet;
use std::time::Instant;

use protocol::{ErrorCode, GroupPlace, MAX_GROUPS, ServerMessage};

use super::Room;

impl Room {
    /// Moves people. All of them or, where one place cannot be, none.
    pub(super) fn set_groups(
        &mut self,
        now: Instant,
        places: &[GroupPlace],
    ) -> Result<(), ErrorCode> {
        let mut named = BTreeSet::new();
        for place in places {
            let is_group = place.group.is_none_or(|group| usize::from(group) < MAX_GROUPS);
            if !is_group || !named.insert(place.participant) {
                return Err(ErrorCode::Malformed);
            }
        }
        // Who left while the moderator chose is not moved; the others are.
        let mut moved = Vec::new();
        for place in places {
            let Some(participant) = self.participants.get_mut(&place.participant) else { continue };
            if std::mem::replace(&mut participant.group, place.group) != place.group {
                moved.push(*place);
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        for place in &moved {
            self.settle_gate(place.participant);
        }
        self.enforce();
        self.tell_everybody(&ServerMessage::GroupsChanged { places: moved.clone() });
        let lowered = |hand: &_| moved.iter().any(|place| place.participant == *hand);
        if !self.hands.is_empty() {
            self.hands.retain(|hand| !lowered(hand));
            self.tell_hands(now);
        }
        if !self.speakers.is_empty() {
            for id in self.ids() {
                let told = self.speakers_for(id);
                self.outputs.extend(told);
            }
        }
        Ok(())
    }
}
