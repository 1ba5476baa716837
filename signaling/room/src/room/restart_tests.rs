//! What people are told before the server restarts.

use std::time::Duration;

use protocol::{GoodbyeReason, Profile, Role, ServerMessage};

use super::classroom_tests::{ASK, admit, told};
use super::tests::{Scene, join};
use super::*;
use crate::Join;

const MINUTE: Duration = Duration::from_secs(60);

fn announced(minutes: u32) -> ServerMessage {
    ServerMessage::RestartAnnounced { restart_ms: minutes * 60_000 }
}

#[test]
fn a_stopping_server_says_that_it_restarts() {
    let mut scene = Scene::new(10);
    scene.join(1);
    let outputs = scene.input(Input::ServerStopping);
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::ServerRestart, note: None };
    assert_eq!(outputs[0], Output::Send { session: SessionId(1), message: goodbye });
    assert_eq!(outputs[1], Output::End { session: SessionId(1), cause: EndCause::ServerStopping });
}

#[test]
fn an_announced_restart_is_told_to_those_inside_and_to_whoever_comes_in() {
    let mut scene = Scene::of(Profile::Classe, 10);
    scene.input(Input::Join(Join { role: Role::Moderator, ..join(1) }));
    scene.join(2);
    let at = scene.now + 20 * MINUTE;
    let outputs = scene.input(Input::RestartAnnounced { at });
    assert_eq!(told(&outputs, 1), [&announced(20)]);
    assert!(told(&outputs, 2).is_empty(), "who waits knows nothing of the room");
    scene.wait(5 * MINUTE);
    let outputs = scene.say(1, admit(ASK, None));
    assert!(told(&outputs, 2).contains(&&announced(15)));
    scene.wait(15 * MINUTE);
    let outputs = scene.input(Input::Join(Join { role: Role::Moderator, ..join(3) }));
    assert!(told(&outputs, 3).contains(&&announced(0)), "late, and not below nothing");
    assert!(!told(&scene.input(Input::ServerStopping), 1).is_empty());
}
