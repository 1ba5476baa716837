//! What each role may do: one pure table.

use protocol::{Role, TrackSource};

/// Something a participant asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let others receive an own source.
    Publish(TrackSource),
    /// Receive others.
    Subscribe,
    /// Change the own pseudonym.
    Rename,
}

/// True when `role` may do `action`. Both roles may do all there is so far: a pupil speaks, shows
/// and chooses a name as freely as a teacher.
pub const fn is_allowed(role: Role, action: Action) -> bool {
    match (role, action) {
        (
            Role::Moderator | Role::Guest,
            Action::Publish(_) | Action::Subscribe | Action::Rename,
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_may_speak_show_receive_and_choose_a_name() {
        for role in [Role::Guest, Role::Moderator] {
            for source in TrackSource::ALL {
                assert!(is_allowed(role, Action::Publish(source)));
            }
            assert!(is_allowed(role, Action::Subscribe) && is_allowed(role, Action::Rename));
        }
    }
}
