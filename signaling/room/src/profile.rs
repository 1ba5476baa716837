//! Where the rules of a room start: one table, one column per profile.

use protocol::{OpenRules, Profile, Rights, RoomEncryption, RoomRules};

/// The rules a room of this profile is made with.
pub const fn rules_of(profile: Profile, max_participants: u16) -> RoomRules {
    let (lobby, video, guests) = match profile {
        Profile::Classe => (true, true, Rights { screen: false, ..Rights::ALL }),
        Profile::Sensible => (true, true, Rights::ALL),
        Profile::Reunion => (false, true, Rights::ALL),
        Profile::Audio => (false, false, Rights { camera: false, screen: false, ..Rights::ALL }),
    };
    let minors = matches!(profile, Profile::Classe);
    let open = OpenRules { lobby, locked: false, guests_until: None, minors, guests };
    RoomRules { profile, max_participants, video, encryption: None, open }
}

/// How a room of this profile is encrypted when nothing else is asked for: where people are let in one
/// by one, the link alone lets nobody into the circle.
pub const fn encryption_of(profile: Profile) -> RoomEncryption {
    let open = matches!(profile, Profile::Reunion | Profile::Audio);
    RoomEncryption { open, raw: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r44_each_profile_starts_with_its_own_rules() {
        //                        lobby  video  microphone camera screen chat  rename
        let table = [
            (Profile::Classe, [true, true, true, true, false, true, true]),
            (Profile::Sensible, [true, true, true, true, true, true, true]),
            (Profile::Reunion, [false, true, true, true, true, true, true]),
            (Profile::Audio, [false, false, true, false, false, true, true]),
        ];
        assert_eq!(table.map(|(profile, _)| profile), Profile::ALL);
        for (profile, wanted) in table {
            let rules = rules_of(profile, 30);
            let Rights { microphone, camera, screen, chat, rename } = rules.open.guests;
            let is = [rules.open.lobby, rules.video, microphone, camera, screen, chat, rename];
            assert_eq!(is, wanted, "{profile:?}");
            assert_eq!((rules.profile, rules.max_participants), (profile, 30));
            assert_eq!(rules.open.minors, profile == Profile::Classe);
            assert_eq!(encryption_of(profile).open, !rules.open.lobby, "{profile:?}");
            assert!(!rules.open.locked && rules.open.guests_until.is_none(), "{profile:?}");
        }
    }
}
