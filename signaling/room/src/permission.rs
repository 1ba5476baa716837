//! What each role may do: one pure table.

use protocol::{ChatAudience, ClientMessage, Rights, Role, RoomRules, TrackSource};

/// Something a participant asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let others receive an own source.
    Publish(TrackSource),
    /// Change the own pseudonym.
    Rename,
    /// Write to somebody.
    Chat(ChatAudience),
    /// What is open to everybody: receive, leave, raise a hand, react, vote, stop an own source,
    /// show the own camera to fewer people.
    TakePart,
    /// Decide about others.
    Moderate,
    /// Pass the role on, or take it back.
    PassOn,
    /// Replace the guest link, make personal ones or end them.
    HandLinksOut,
    /// Start a recording.
    Record,
}

/// True when `role` with `rights` may do `action`. Passing the role on, handing links out
/// and recording is for those who hold the moderator link alone (`holds_link`): whoever got the role
/// from them has no secret that links and keys follow from, and cannot turn the role against them.
pub const fn is_allowed(role: Role, holds_link: bool, rights: &Rights, action: Action) -> bool {
    match action {
        Action::TakePart | Action::Chat(ChatAudience::Moderators) => true,
        Action::Publish(source) => rights.allows(source),
        Action::Rename => rights.rename,
        Action::Chat(ChatAudience::Everybody) => rights.chat,
        Action::Moderate => matches!(role, Role::Moderator),
        Action::PassOn | Action::HandLinksOut | Action::Record => {
            matches!(role, Role::Moderator) && holds_link
        }
    }
}

/// What somebody may do under the rules: moderators everything, guests what the rules say or what
/// was granted to them; a room without pictures has none for anybody.
pub const fn rights_of(rules: &RoomRules, role: Role, granted: Rights) -> Rights {
    let rights = match role {
        Role::Moderator => Rights::ALL,
        Role::Guest => rules.open.guests.or(granted),
    };
    Rights { camera: rights.camera && rules.video, screen: rights.screen && rules.video, ..rights }
}

/// What a message asks for; `None` for those that belong to the session, not to the meeting.
pub const fn action_of(message: &ClientMessage) -> Option<Action> {
    Some(match message {
        ClientMessage::Join { .. }
        | ClientMessage::Probe { .. }
        | ClientMessage::Leave {}
        | ClientMessage::Ping {} => return None,
        ClientMessage::SetPublishing { source, active: true, .. } => Action::Publish(*source),
        ClientMessage::Rename { .. } => Action::Rename,
        ClientMessage::Chat { audience, .. } => Action::Chat(*audience),
        // Each section of an offer is looked at by itself.
        ClientMessage::Offer { .. }
        | ClientMessage::Subscribe { .. }
        | ClientMessage::SetPublishing { active: false, .. }
        | ClientMessage::SetReception { .. }
        | ClientMessage::RaiseHand { .. }
        | ClientMessage::React { .. }
        | ClientMessage::SetOpinion { .. }
        | ClientMessage::Vote { .. }
        | ClientMessage::SetAudience { .. }
        | ClientMessage::CallHelp { .. }
        | ClientMessage::AnswerRecording { .. }
        | ClientMessage::ReleaseKeys { .. }
        | ClientMessage::MlsCreate { .. }
        | ClientMessage::MlsKeyPackage { .. }
        | ClientMessage::MlsCommit { .. }
        | ClientMessage::MlsReady { .. }
        | ClientMessage::MlsResume { .. }
        | ClientMessage::MlsSay { .. }
        | ClientMessage::MlsAskAdmission { .. }
        | ClientMessage::MlsVote { .. }
        | ClientMessage::WhatIsKnown { .. } => Action::TakePart,
        ClientMessage::Admit { .. }
        | ClientMessage::RefuseEntry { .. }
        | ClientMessage::SetRules { .. }
        | ClientMessage::StopSource { .. }
        | ClientMessage::Grant { .. }
        | ClientMessage::Invite { .. }
        | ClientMessage::Eject { .. }
        | ClientMessage::EndMeeting { .. }
        | ClientMessage::SetSpotlight { .. }
        | ClientMessage::LowerHand { .. }
        | ClientMessage::ClearOpinions { .. }
        | ClientMessage::SetTimer { .. }
        | ClientMessage::OpenPoll { .. }
        | ClientMessage::ClosePoll { .. }
        | ClientMessage::SetGroups { .. }
        | ClientMessage::Announce { .. }
        | ClientMessage::ReportIncident { .. }
        | ClientMessage::StopRecording { .. }
        | ClientMessage::MlsAdmit { .. }
        | ClientMessage::MlsOpenPoll { .. } => Action::Moderate,
        ClientMessage::StartRecording { .. } => Action::Record,
        ClientMessage::SetRole { .. } => Action::PassOn,
        ClientMessage::RotateLink { .. }
        | ClientMessage::AddHandles { .. }
        | ClientMessage::RevokeHandle { .. } => Action::HandLinksOut,
    })
}

#[cfg(test)]
mod tests {
    use protocol::Profile;

    use super::*;
    use crate::rules_of;

    const NOTHING: Rights =
        Rights { microphone: false, camera: false, screen: false, chat: false, rename: false };

    fn may(profile: Profile, role: Role, action: Action) -> bool {
        is_allowed(
            role,
            role == Role::Moderator,
            &rights_of(&rules_of(profile, 9), role, NOTHING),
            action,
        )
    }

    #[test]
    fn each_profile_lets_each_role_do_what_the_table_says() {
        use Action::{Chat, HandLinksOut, Moderate, PassOn, Publish, Record, Rename, TakePart};
        use TrackSource::{Camera, Microphone, Screen, ScreenAudio};
        // Columns: classe, sensible, réunion, audio.
        let guests = [
            (Publish(Microphone), [true, true, true, true]),
            (Publish(Camera), [true, true, true, false]),
            (Publish(Screen), [false, true, true, false]),
            (Publish(ScreenAudio), [false, true, true, false]),
            (Rename, [true; 4]),
            (Chat(ChatAudience::Everybody), [true; 4]),
            (Chat(ChatAudience::Moderators), [true; 4]),
            (TakePart, [true; 4]),
            (Moderate, [false; 4]),
            (PassOn, [false; 4]),
            (HandLinksOut, [false; 4]),
            (Record, [false; 4]),
        ];
        for (action, wanted) in guests {
            let is = Profile::ALL.map(|profile| may(profile, Role::Guest, action));
            assert_eq!(is, wanted, "guests: {action:?}");
            let pictures = matches!(action, Publish(Camera | Screen | ScreenAudio));
            let is = Profile::ALL.map(|profile| may(profile, Role::Moderator, action));
            assert_eq!(is, [true, true, true, !pictures], "moderators: {action:?}");
        }
    }

    #[test]
    fn what_was_granted_adds_to_the_rules_and_pictures_stay_out_of_a_room_of_voices() {
        let granted = Rights { screen: true, ..NOTHING };
        let in_class = rights_of(&rules_of(Profile::Classe, 9), Role::Guest, granted);
        assert_eq!(in_class, Rights::ALL);
        let in_audio = rights_of(&rules_of(Profile::Audio, 9), Role::Guest, Rights::ALL);
        assert!(!in_audio.camera && !in_audio.screen && in_audio.microphone);
    }

    #[test]
    fn a_role_that_was_passed_on_moderates_and_goes_no_further() {
        let all = Rights::ALL;
        assert!(is_allowed(Role::Moderator, false, &all, Action::Moderate));
        for action in [Action::PassOn, Action::HandLinksOut, Action::Record] {
            assert!(is_allowed(Role::Moderator, true, &all, action));
            assert!(!is_allowed(Role::Moderator, false, &all, action), "{action:?}");
            assert!(!is_allowed(Role::Guest, true, &all, action), "{action:?}");
        }
    }
}
