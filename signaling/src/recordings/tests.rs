use protocol::{RecipientInfo, RecordingPurpose, RecordingTerms, TrackId, TrackSource};

use super::*;

const RECORDING: RecordingId = RecordingId::from_bytes([1; 16]);
const TAP: RecordingTap = RecordingTap(7);

fn person(n: u8) -> ParticipantId {
    ParticipantId::from_bytes([n; 8])
}

fn new_recording() -> NewRecording {
    let key = age::x25519::Identity::generate().to_public().to_string();
    let terms = RecordingTerms {
        purpose: RecordingPurpose::Revision,
        details: "Les volcans".to_owned().into(),
        retention_days: 30,
        audience: "La classe".to_owned().into(),
    };
    NewRecording {
        room: RoomKey::from_bytes([5; 32]),
        moderator: Verifier::from_bytes([6; 32]),
        info: RecordingInfo {
            recording: RECORDING,
            terms,
            asked_by: person(1),
            asked_by_name: "Camille".to_owned().into(),
            recipients: vec![RecipientInfo { name: None, key: key.parse().unwrap() }],
            recipients_signature: None,
            started_at: 1_000_000,
            text_version: 1,
        },
        authorisations: false,
    }
}

/// Without anything in it.
fn open(folder: &Path) -> Recordings {
    let store = Arc::new(Store::open(&folder.join("preau.sqlite")).unwrap());
    let key = Redacted::new([7; 32]);
    Recordings::new(folder, None, 1, &key, store, Clock::manual().0).unwrap()
}

#[tokio::test]
async fn what_the_server_has_to_do_itself_is_done_however_much_is_asked_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = open(folder.path());
    recordings.begin(new_recording()).await.unwrap();
    recordings.started(RECORDING, TAP);

    // The thread is busy, and as many jobs wait as may.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let busy = recordings.run(move |_| wait.recv().map_err(|_| ErrorCode::Internal));
    let asked: Vec<_> = (1..MAX_JOBS).map(|_| recordings.run(|_| Ok(()))).collect();
    assert_eq!(recordings.run(|_| Ok(())).await, Err(ErrorCode::Overloaded));

    let track = TrackId { participant: person(2), source: TrackSource::Camera };
    recordings.news(TAP, RecordingNews::TrackOpened { number: 3, track });
    recordings.end(RECORDING, RecordingEnd::Stopped);
    recordings.news(TAP, RecordingNews::Closed);
    go_on.send(()).unwrap();
    busy.await.unwrap();
    for job in asked {
        job.await.unwrap();
    }
    // Behind all of it.
    recordings.run(|_| Ok(())).await.unwrap();
    let record = recordings.find(RECORDING).await.unwrap().unwrap();
    assert!(record.state == State::Kept && record.ended_at.is_some(), "{record:?}");
    let tracks = recordings.ask(|base| table::tracks(base, RECORDING)).await;
    assert_eq!(tracks, Ok(vec![3]));
}
