use protocol::RoomSlug;

use super::*;
use crate::clock::Clock;
use crate::incidents::Incidents;
use crate::media::Media;
use crate::recordings::Recordings;
use crate::registry::RoomLimits;
use crate::store::Store;
use crate::token::Tokens;

#[tokio::test]
async fn a_task_that_dies_leaves_neither_its_room_nor_its_people_behind() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual().0;
    let media = Media::spawn(([127, 0, 0, 1], 0).into(), &[], None, 1, 12, None, |_| {}).unwrap();
    let store = Arc::new(Store::open(&folder.path().join("preau.sqlite")).unwrap());
    let key = Redacted::new([7; 32]);
    let recordings = Recordings::new(folder.path(), None, 1, &key, store, clock.clone()).unwrap();
    let registry = Registry::new(
        clock.clone(),
        Arc::default(),
        media,
        Tokens::new(&Redacted::new([7; 32]), clock),
        recordings,
        Incidents::new(folder.path(), None, 1),
        RoomLimits { max_live: 1, max_participants: 9, lifetime: Duration::from_secs(60) },
    );
    let record = RoomRecord {
        guest_verifier: Verifier::from_bytes([1; 32]),
        moderator_verifier: Verifier::from_bytes([2; 32]),
        host_key: None,
        link_generation: 0,
        rules: room::rules_of(protocol::Profile::Reunion, 9),
        created_at: 0,
        expires_at: u64::MAX,
    };
    let host = Host { room: RoomSlug::from_bytes([5; 16]), key: None };
    let key = RoomKey::of(&host.room);
    let (media, _heard) = mpsc::channel(1);
    let (kept, _done) = mpsc::channel(1);
    let task = RoomTask::new(registry.clone(), host, RoomId(1), &record, media.clone(), kept);
    let (inputs, _said) = mpsc::channel(1);
    let (news, _told) = mpsc::unbounded_channel();
    let size = task.size.clone();
    registry.enter(key, LiveRoom { id: RoomId(1), inputs, media, news, size });
    let participant = ParticipantId::from_bytes([9; 8]);
    task.ask_media(MediaRequest::AddTransport { participant });
    assert_eq!((registry.room_sizes().len(), registry.route_count()), (1, 1));

    let fault = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _task = task;
        panic!("a fault of ours, on purpose");
    }));

    assert!(fault.is_err());
    assert_eq!((registry.room_sizes().len(), registry.route_count()), (0, 0));
}
