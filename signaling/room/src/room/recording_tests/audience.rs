//! What is not for everybody is not recorded.

use protocol::GroupPlace;
use protocol::TrackSource::{Microphone, Screen, ScreenAudio};

use super::*;

const BUT_THE_CAMERA: [TrackSource; 3] = [Microphone, Screen, ScreenAudio];

fn show_to_moderators(scene: &mut Scene, session: u64, moderators_only: bool) -> Vec<Output> {
    scene.say(session, ClientMessage::SetAudience { request_id: REQUEST, moderators_only })
}

fn place(scene: &mut Scene, n: u8, group: Option<u8>) -> Vec<Output> {
    let places = vec![GroupPlace { participant: id(n), group }];
    scene.say(1, ClientMessage::SetGroups { request_id: REQUEST, places })
}

#[test]
fn r17_a_camera_for_moderators_alone_is_not_recorded_until_it_is_everybodys_again() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    let outputs = show_to_moderators(&mut scene, 2, true);
    assert_eq!(sources(&outputs), [(id(2), BUT_THE_CAMERA.as_slice())]);
    assert!(matches!(outputs[0], Output::Media(MediaRequest::SetRecordable { .. })), "at once");
    // Nor by another yes, or with another transport.
    let number = lines(&say(&mut scene, 2, true)).first().map(|line| line.0);
    assert_eq!(number, None, "it was said before");
    say(&mut scene, 2, false);
    let number = lines(&say(&mut scene, 2, true))[0].0;
    assert_eq!(sources(&written(&mut scene, number)), [(id(2), BUT_THE_CAMERA.as_slice())]);
    let shut = scene.input(Input::GateShut { participant: id(2) });
    assert_eq!(sources(&shut), [(id(2), BUT_THE_CAMERA.as_slice())]);

    let outputs = show_to_moderators(&mut scene, 2, false);
    assert_eq!(sources(&outputs), [(id(2), TrackSource::ALL.as_slice())]);
    assert!(sources(&show_to_moderators(&mut scene, 2, false)).is_empty(), "nothing changed");
    // Of somebody who has not said yes nothing is asked.
    assert!(sources(&show_to_moderators(&mut scene, 3, true)).is_empty());
    assert!(sources(&show_to_moderators(&mut scene, 3, false)).is_empty());
}

#[test]
fn r17_what_is_said_in_a_group_is_not_recorded_and_the_class_goes_on() {
    let mut scene = running(Profile::Reunion);
    accept(&mut scene, 2);
    accept(&mut scene, 3);
    let outputs = place(&mut scene, 2, Some(0));
    assert_eq!(sources(&outputs), [(id(2), [].as_slice())], "of the others nothing changes");
    assert!(matches!(outputs[0], Output::Media(MediaRequest::SetRecordable { .. })), "at once");
    assert_eq!(sources(&place(&mut scene, 2, Some(1))), [(id(2), [].as_slice())]);
    show_to_moderators(&mut scene, 2, true);
    let back = place(&mut scene, 2, None);
    assert_eq!(sources(&back), [(id(2), BUT_THE_CAMERA.as_slice())]);
    // Without a recording nothing is asked for.
    scene.say(1, ClientMessage::StopRecording { request_id: REQUEST });
    assert!(sources(&place(&mut scene, 2, Some(0))).is_empty());
}
