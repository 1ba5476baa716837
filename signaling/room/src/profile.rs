//! Where the rules of a room start: one table, one column per profile.

use protocol::{OpenRules, Profile, Rights, RoomRules};

/// The rules a room of this profile is made with.
pub const fn rules_of(profile: Profile, max_participants: u16) -> RoomRules {
    let (lobby, video, guests) = match profile {
        Profile::Classe => (true, true, Rights { screen: false, ..Rights::ALL }),
        Profile::Sensible => (true, true, Rights::ALL),
        Profile::Reunion => (false, true, Rights::ALL),
        Profile::Audio => (false, false, Rights { camera: false, screen: false, ..Rights::ALL }),
    };
    let open = OpenRules { lobby, locked: false, guests_until: None, guests };
    RoomRules { profile, max_participants, video, open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_starts_with_its_own_rules() {
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
            assert!(!rules.open.locked && rules.open.guests_until.is_none(), "{profile:?}");
        }
    }
}
