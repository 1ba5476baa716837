use protocol::{
    AgeRecipient, RecipientInfo, RecordingEnd, RecordingInfo, RecordingPurpose, RecordingTerms,
    Redacted,
};
use ring::signature::{ED25519, UnparsedPublicKey};
use room::Answered;
use tempfile::TempDir;

use super::super::line::verify;
use super::*;
use crate::store::RoomKey;
use crate::store::recordings::receipts;

const DAY: u64 = 24 * 3600;
const START: u64 = 1_000_000;

/// A data folder, and whoever can open what is sealed in it.
struct Place {
    data: TempDir,
    identity: age::x25519::Identity,
    key: Arc<SigningKey>,
}

impl Place {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            identity: age::x25519::Identity::generate(),
            key: Arc::new(SigningKey::new(&Redacted::new([7; 32]))),
        }
    }

    /// As a start of the server opens it.
    fn open(&self) -> Archive {
        let store = Arc::new(Store::open(&self.data.path().join("preau.sqlite")).unwrap());
        Archive::new(self.data.path().join("recordings"), self.key.clone(), store)
    }

    fn begin(&self, archive: &Archive, n: u8) -> Result<RecordingId, ErrorCode> {
        let id = RecordingId::from_bytes([n; 16]);
        let key: AgeRecipient = self.identity.to_public().to_string().parse().unwrap();
        let info = RecordingInfo {
            recording: id,
            terms: RecordingTerms {
                purpose: RecordingPurpose::Revision,
                details: "Les volcans".to_owned().into(),
                retention_days: 30,
                audience: "La classe".to_owned().into(),
            },
            asked_by: person(1),
            asked_by_name: "Camille".to_owned().into(),
            recipients: vec![RecipientInfo { name: None, key: key.clone() }],
            recipients_signature: None,
            started_at: START,
            text_version: 1,
        };
        let record = Record {
            id,
            room: RoomKey::from_bytes([5; 32]),
            recipients: String::from(key),
            started_at: START,
            ended_at: None,
            delete_at: START + 30 * DAY,
            state: State::Running,
            lines: 0,
            last_hash: String::new(),
            bytes: 0,
        };
        let moderator = Verifier::from_bytes([6; 32]);
        archive.begin(record, moderator, &Entry::terms(&info, false)).map(|()| id)
    }

    /// The journal as a recipient reads it, checked against what the server says of it.
    fn journal(&self, archive: &Archive, id: RecordingId) -> Vec<serde_json::Value> {
        let record = archive.ask(move |base| table::find(base, id)).unwrap().unwrap();
        let chain = Chain { lines: record.lines, last_hash: record.last_hash };
        let line = |n| {
            let sealed = fs::read(line_file(&archive.folder, id, n)).unwrap();
            String::from_utf8(age::decrypt(&self.identity, &sealed).unwrap()).unwrap()
        };
        let texts: Vec<_> = (0..record.lines).map(line).collect();
        verify(&texts, &chain, &self.key.public()).unwrap()
    }

    /// Lays down what a recorder would have written.
    fn track(&self, archive: &Archive, id: RecordingId, number: u32, who: ParticipantId) {
        archive.ask(move |base| table::open_track(base, id, number, who)).unwrap();
        let folder = archive.folder.join(id.expose_text()).join(TRACKS).join(number.to_string());
        make_folder(&folder).unwrap();
        for piece in 0..3 {
            fs::write(folder.join(format!("{piece:06}.age")), [7; 100]).unwrap();
        }
        fs::write(folder.join("000003.age.part"), [7; 50]).unwrap();
    }

    fn receipts(&self, archive: &Archive) -> Vec<Receipt> {
        archive.ask(|base| receipts(base, RoomKey::from_bytes([5; 32]))).unwrap()
    }
}

/// With a clock that is right.
fn at(now: u64) -> Times {
    Times { own: now, wall: now }
}

fn person(n: u8) -> ParticipantId {
    ParticipantId::from_bytes([n; 8])
}

fn answer(n: u8, answer: Answered) -> Entry {
    let key = SigningKey::new(&protocol::Redacted::new([7; 32]));
    let recording = RecordingId::from_bytes([1; 16]);
    Entry::answer(recording, person(n), "Éloïse".to_owned().into(), answer, &key)
}

fn find(archive: &Archive, id: RecordingId) -> Option<Record> {
    archive.ask(move |base| table::find(base, id)).unwrap()
}

#[test]
fn r23_the_journal_on_the_disk_is_sealed_whole_and_for_the_owner_alone() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    let text = archive.line(id, START + 5, &answer(2, Answered::Accepted)).unwrap();
    archive.line(id, START + 9, &answer(2, Answered::Withdrawn)).unwrap();
    archive.end(id, START + 20, &Entry::ended(RecordingEnd::Stopped)).unwrap();
    archive.close(id).unwrap();
    let said = place.journal(&archive, id);
    assert_eq!(said.len(), 4);
    assert_eq!(said[0]["terms"]["retentionDays"], 30);
    assert_eq!(said[0]["recording"], id.expose_text());
    assert_eq!(said[1]["answer"], "accepted");
    assert_eq!(said[2]["answer"], "withdrawn");
    assert!(text.contains(r#""person":"AgICAgICAgI""#), "the receipt is the line");
    for entry in fs::read_dir(archive.folder.join(id.expose_text()).join(JOURNAL)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1"), "{}", path.display());
        for word in ["Éloïse", "volcans", "accepted"] {
            assert!(!bytes.windows(word.len()).any(|it| it == word.as_bytes()), "{word} in clear");
        }
    }
    assert_eq!(find(&archive, id).unwrap().state, State::Kept);
}

#[test]
fn r23_an_id_is_used_once_and_a_deleted_one_never_again() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    assert_eq!(place.begin(&archive, 1), Err(ErrorCode::RecordingRunning));
    assert_eq!(place.journal(&archive, id).len(), 1, "the first is untouched");
    archive.close(id).unwrap();
    archive.delete(&find(&archive, id).unwrap(), at(START)).unwrap();
    assert_eq!(place.begin(&archive, 1), Err(ErrorCode::RecordingRunning));
}

#[test]
fn r17_an_answer_that_cannot_be_written_is_no_answer_and_breaks_no_journal() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    let folder = archive.folder.join(id.expose_text()).join(JOURNAL);
    let aside = folder.with_extension("aside");
    fs::rename(&folder, &aside).unwrap();
    let refused = archive.line(id, START, &answer(2, Answered::Accepted));
    assert_eq!(refused, Err(ErrorCode::Internal));
    fs::rename(&aside, &folder).unwrap();
    archive.line(id, START, &answer(3, Answered::Refused)).unwrap();
    let said = place.journal(&archive, id);
    assert_eq!(said.len(), 2);
    assert_eq!(said[1]["answer"], "refused");
    // A folder in which nothing can be written at all: nothing begins, and nothing is left.
    let other = Place::new();
    let archive = other.open();
    fs::write(&archive.folder, "in the way").unwrap();
    assert_eq!(other.begin(&archive, 1), Err(ErrorCode::Internal));
    assert_eq!(find(&archive, RecordingId::from_bytes([1; 16])), None);
}

#[test]
fn r23_a_start_after_a_kill_brings_what_was_cut_to_its_end() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    place.track(&archive, id, 0, person(2));
    archive.line(id, START + 1, &answer(2, Answered::Accepted)).unwrap();
    // Killed between counting a line and writing it.
    archive.ask(move |base| table::advance(base, id, "hash of a line that was never")).unwrap();
    // And another in the middle of its beginning.
    let half = place.begin(&archive, 2).unwrap();
    fs::remove_file(line_file(&archive.folder, half, 0)).unwrap();
    drop(archive);

    let archive = place.open();
    archive.recover(START + 100).unwrap();
    let said = place.journal(&archive, id);
    assert_eq!(said.last().unwrap()["cause"], "interrupted");
    assert_eq!(said.len(), 3);
    let record = find(&archive, id).unwrap();
    assert_eq!((record.state, record.ended_at), (State::Kept, Some(START + 100)));
    assert!(record.bytes > 300);
    let track = archive.folder.join(id.expose_text()).join("tracks/0");
    assert_eq!(fs::read_dir(track).unwrap().count(), 3, "all that was whole, and nothing else");
    assert_eq!(find(&archive, half), None, "it never began");
    archive.recover(START + 200).unwrap();
    assert_eq!(place.journal(&archive, id).len(), 3, "once");
}

#[test]
fn r23_a_deletion_that_is_killed_at_any_step_is_taken_up_again_and_has_one_receipt() {
    for step in 0..4 {
        let place = Place::new();
        let archive = place.open();
        let [id, kept] = [1, 2].map(|n| {
            let id = place.begin(&archive, n).unwrap();
            place.track(&archive, id, 0, person(2));
            archive.close(id).unwrap();
            id
        });
        archive
            .ask(move |base| table::grant(base, id, [1; 8], &Verifier::from_bytes([1; 32]), 5))
            .unwrap();
        let folder = archive.folder.join(id.expose_text());
        let record = find(&archive, id).unwrap();
        // Killed before anything, once it was marked, in the middle of the files, after the files.
        if step > 0 {
            archive.mark(id).unwrap();
        }
        if step == 2 {
            fs::remove_file(folder.join("tracks/0/000001.age")).unwrap();
        }
        if step == 3 {
            archive.remove_files(id).unwrap();
        }
        drop(archive);
        let archive = place.open();
        archive.recover(START + DAY).unwrap();
        if step > 0 {
            assert_eq!(
                archive.line(id, START, &answer(3, Answered::Refused)),
                Err(ErrorCode::NotThere)
            );
        }
        let now = if step == 0 { record.delete_at } else { START + DAY };
        let is_due = |it: RecordingId| it == kept;
        for _ in 0..2 {
            archive.delete_due(at(now), is_due).unwrap();
        }
        assert!(!folder.exists(), "step {step}");
        assert_eq!(find(&archive, id), None);
        assert!(find(&archive, kept).is_some() && archive.folder.join(kept.expose_text()).exists());
        let [receipt] = &place.receipts(&archive)[..] else { panic!("step {step}") };
        assert_eq!((receipt.recording, receipt.at), (id, now));
        assert_eq!(receipt.what, if step == 0 { "deadline" } else { "request" });
        let leftover = archive.ask(move |base| table::grants(base, id)).unwrap();
        assert!(leftover.is_empty());
    }
}

#[test]
fn r23_the_receipt_of_a_deletion_is_signed_for_what_and_when() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    archive.close(id).unwrap();
    archive.delete_due(at(START + 30 * DAY - 1), |_| false).unwrap();
    assert!(place.receipts(&archive).is_empty(), "not a second too soon");
    archive.delete_due(at(START + 30 * DAY), |_| false).unwrap();
    let [receipt] = &place.receipts(&archive)[..] else { panic!() };
    let public = URL_SAFE_NO_PAD.decode(place.key.public()).unwrap();
    let public = UnparsedPublicKey::new(&ED25519, public);
    let signature = URL_SAFE_NO_PAD.decode(&receipt.signature).unwrap();
    let text = deletion_text(id, &receipt.what, receipt.at);
    assert!(public.verify(text.as_bytes(), &signature).is_ok());
    for other in [
        deletion_text(id, "request", receipt.at),
        deletion_text(id, &receipt.what, receipt.at + 1),
        deletion_text(RecordingId::from_bytes([2; 16]), &receipt.what, receipt.at),
    ] {
        assert!(public.verify(other.as_bytes(), &signature).is_err());
    }
}

#[test]
fn r23_a_leap_of_the_clock_deletes_only_what_was_decided_and_keeps_nothing_longer() {
    let place = Place::new();
    let archive = place.open();
    let [kept, decided] = [1, 2].map(|n| place.begin(&archive, n).unwrap());
    for id in [kept, decided] {
        archive.close(id).unwrap();
    }
    archive.mark(decided).unwrap();
    let wall = START + 365 * DAY;
    archive.delete_due(Times { own: START + DAY, wall }, |_| false).unwrap();
    assert!(find(&archive, kept).is_some());
    assert_eq!(find(&archive, decided), None);
    // A clock that went back, and thirty days of running.
    archive.delete_due(Times { own: START + 30 * DAY, wall: START - DAY }, |_| false).unwrap();
    assert_eq!(find(&archive, kept), None);
    let [deadline, request] = &place.receipts(&archive)[..] else { panic!() };
    let mut said = [deadline, request].map(|it| (it.what.as_str(), it.at));
    said.sort_unstable();
    assert_eq!(said, [("deadline", START - DAY), ("request", wall)]);
}

#[test]
fn r23_what_the_recorder_still_writes_is_not_deleted_under_its_hands() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    archive.mark(id).unwrap();
    let open = archive.delete_due(at(START), |_| true).unwrap();
    assert_eq!(open.iter().map(|record| record.id).collect::<Vec<_>>(), [id]);
    assert!(archive.folder.join(id.expose_text()).exists());
    archive.close(id).unwrap();
    assert_eq!(find(&archive, id).unwrap().state, State::Deleting, "for good");
    archive.delete_due(at(START), |_| false).unwrap();
    assert!(!archive.folder.join(id.expose_text()).exists());
}

#[test]
fn r40_one_person_is_erased_and_nobody_else() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    for (number, who) in [(0, 2), (1, 3), (2, 2)] {
        place.track(&archive, id, number, person(who));
    }
    // While it runs the files are the recorder's; nobody reads them from now on.
    archive.erase_person(id, person(2), START + 5, true).unwrap();
    let there = |archive: &Archive| archive.ask(move |base| table::tracks(base, id)).unwrap();
    assert_eq!(there(&archive), [1]);
    archive.close(id).unwrap();
    let folder = archive.folder.join(id.expose_text()).join(TRACKS);
    let mut left: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["1"]);
    archive.erase_person(id, person(3), START + 9, false).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let said = place.journal(&archive, id);
    let erased: Vec<_> = said.iter().filter(|it| it["kind"] == "erased").collect();
    assert_eq!(erased.len(), 2);
    assert_eq!(erased[0]["person"], person(2).expose_text());
}

#[test]
fn r40_a_track_of_nobody_is_kept_by_nobody() {
    let place = Place::new();
    let archive = place.open();
    let [running, kept] = [1, 2].map(|n| place.begin(&archive, n).unwrap());
    let folder = |id: RecordingId| place.data.path().join("recordings").join(id.expose_text());
    let add_stray = |id| {
        let stray = folder(id).join(TRACKS).join("7");
        make_folder(&stray).unwrap();
        fs::write(stray.join("000000.age"), [7; 100]).unwrap();
    };
    for id in [running, kept] {
        place.track(&archive, id, 0, person(2));
        add_stray(id);
    }
    let left = |id| -> Vec<_> {
        let entries = fs::read_dir(folder(id).join(TRACKS)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    archive.close(kept).unwrap();
    assert_eq!(left(kept), ["0"], "whose word was lost is not kept with the others");
    let bytes = find(&archive, kept).unwrap().bytes;
    // Of a server before this one, and of one that was killed before it heard of the track.
    add_stray(kept);
    drop(archive);
    let archive = place.open();
    archive.recover(START + 100).unwrap();
    for id in [running, kept] {
        assert_eq!(left(id), ["0"]);
        assert_eq!(find(&archive, id).unwrap().state, State::Kept);
    }
    assert_eq!(find(&archive, kept).unwrap().bytes, bytes);
}

#[test]
fn r19_a_journal_is_bounded_and_a_no_still_finds_its_place() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    let lines = MAX_LINES;
    archive
        .ask(move |base| {
            let sql = "UPDATE recording SET lines = ?";
            base.execute(sql, [lines]).map(drop)
        })
        .unwrap();
    let line = |answered| archive.line(id, START, &answer(2, answered));
    assert_eq!(line(Answered::Accepted), Err(ErrorCode::Overloaded));
    assert!(line(Answered::Withdrawn).is_ok());
    assert!(line(Answered::Left).is_ok());
}

#[test]
fn r23_a_sealed_file_of_which_one_byte_was_changed_opens_no_more() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    let sealed = fs::read(line_file(&archive.folder, id, 0)).unwrap();
    assert!(age::decrypt(&place.identity, &sealed).is_ok());
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(age::decrypt(&place.identity, &altered).is_err(), "byte {at} of {}", sealed.len());
    }
    let stranger = age::x25519::Identity::generate();
    assert!(age::decrypt(&stranger, &sealed).is_err());
}

fn keys(n: u8) -> ReleasedKeys {
    URL_SAFE_NO_PAD.encode([n; 5]).parse().unwrap()
}

fn counts(archive: &Archive, id: RecordingId) -> Vec<(ParticipantId, u32)> {
    archive.ask(move |base| table::releases(base, id)).unwrap()
}

#[test]
fn released_keys_are_kept_in_order_with_whose_they_are() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    for (n, who) in [(1, 3), (2, 2), (3, 3)] {
        archive.release(id, person(who), &keys(n)).unwrap();
    }
    assert_eq!(counts(&archive, id), [(person(2), 1), (person(3), 2)]);
    let read =
        |who, n| fs::read(release_file(&releases_folder(&archive.folder, id, person(who)), n));
    assert_eq!(read(3, 0).unwrap(), [1; 5]);
    assert_eq!(read(3, 1).unwrap(), [3; 5]);
    assert_eq!(read(2, 0).unwrap(), [2; 5]);
    let nothing = RecordingId::from_bytes([9; 16]);
    assert_eq!(archive.release(nothing, person(3), &keys(1)), Err(ErrorCode::NotThere));

    // Whoever has no track had nothing recorded: what would open it is not kept.
    place.track(&archive, id, 0, person(3));
    archive.close(id).unwrap();
    assert_eq!(counts(&archive, id), [(person(3), 2)]);
    assert!(read(2, 0).is_err() && read(3, 0).is_ok());
    archive.delete(&find(&archive, id).unwrap(), at(START)).unwrap();
    assert_eq!(counts(&archive, id), []);
    assert!(read(3, 0).is_err());
}

#[test]
fn r40_whoever_is_erased_has_their_keys_erased_while_it_runs_and_afterwards() {
    for is_open in [true, false] {
        let place = Place::new();
        let archive = place.open();
        let id = place.begin(&archive, 1).unwrap();
        for who in [2, 3] {
            archive.release(id, person(who), &keys(who)).unwrap();
            place.track(&archive, id, who.into(), person(who));
        }
        if !is_open {
            archive.close(id).unwrap();
        }
        archive.erase_person(id, person(2), START, is_open).unwrap();
        assert!(!releases_folder(&archive.folder, id, person(2)).exists());
        assert!(releases_folder(&archive.folder, id, person(3)).exists());
        assert_eq!(counts(&archive, id), [(person(3), 1)]);
    }
}

#[test]
fn nobody_fills_the_disk_with_keys() {
    let place = Place::new();
    let archive = place.open();
    let id = place.begin(&archive, 1).unwrap();
    let release = |who: u8| archive.ask(move |base| table::release(base, id, person(who))).unwrap();
    for n in 0..protocol::MAX_RELEASES {
        assert_eq!(release(2), Some(n));
    }
    assert_eq!(release(2), None);
    assert_eq!(archive.release(id, person(2), &keys(1)), Err(ErrorCode::Overloaded));
    for who in 3..18 {
        let take = move |base: &mut rusqlite::Connection| {
            let sql = "INSERT INTO recorded_release VALUES (?, ?, ?)";
            let most = protocol::MAX_RELEASES;
            base.execute(sql, rusqlite::params![id.as_bytes(), person(who).as_bytes(), most])
        };
        assert_eq!(archive.ask(take), Ok(1));
    }
    assert_eq!(release(18), None, "of all together");
}
