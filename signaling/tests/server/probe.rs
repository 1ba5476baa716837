//! The connection test: a transport for a moment, in no room.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Browser, TestServer, join, log_so_far};

#[tokio::test]
async fn a_probe_is_answered_with_an_address_and_ends_after_fifteen_seconds() {
    let server = TestServer::start().await;
    let (mut browser, answer) = probing(&server).await;
    let sdp = answer["sdp"].as_str().unwrap();
    assert_eq!(answer["type"], "answer");
    assert_eq!(answer["requestId"], 7);
    for line in ["a=ice-lite", "a=fingerprint:sha-256 ", "a=candidate:", "127.0.0.1"] {
        assert!(sdp.contains(line), "{line} is missing in {sdp}");
    }
    assert!(browser.is_alive().await.is_empty());
    assert_eq!(server.metric("preau_media_transports").await, 1);
    server.hand.advance(Duration::from_millis(14_900));
    assert!(browser.is_alive().await.is_empty());
    server.hand.advance(Duration::from_millis(100));
    assert_eq!(browser.close_code().await, 1000);
    assert_eq!(server.metric("preau_media_transports").await, 0);
    assert_eq!(server.metric("preau_probes_total").await, 1);
    assert_eq!(server.metric("preau_rooms").await, 0);
}

#[tokio::test]
async fn a_probing_session_does_nothing_else() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let others = [
        probe(OFFER),
        join(&room, &room.guest),
        json!({ "type": "leave" }),
        json!({ "type": "offer", "requestId": 1, "sdp": OFFER, "publish": [] }),
        json!({ "type": "set_publishing", "requestId": 1, "source": "camera", "active": true }),
    ];
    for other in others {
        let (mut browser, _) = probing(&server).await;
        browser.say(&other).await;
        assert_eq!(browser.hear().await["code"], "not_joined", "{other}");
        assert_eq!(browser.close_code().await, 1008);
    }
    let (mut inside, _) = server.join(&room, &room.guest).await;
    inside.say(&probe(OFFER)).await;
    assert_eq!(inside.hear().await["code"], "already_joined");
    assert_eq!(inside.close_code().await, 1008);
    assert_eq!(server.metric("preau_media_transports").await, 1, "the participant may come back");
}

#[tokio::test]
async fn probes_at_once_are_bounded_and_whoever_goes_leaves_a_place() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let mut open = vec![];
    let refusal = loop {
        let (browser, answer) = probing(&server).await;
        if answer["type"] == "error" {
            break answer;
        }
        open.push(browser);
    };
    assert_eq!((refusal["code"].as_str(), open.len()), (Some("overloaded"), 32));
    server.join(&room, &room.guest).await;
    let mut last = open.pop().unwrap();
    last.say(&json!({ "type": "leave" })).await;
    last.close_code().await;
    assert_eq!(probing(&server).await.1["type"], "answer");
}

#[tokio::test]
async fn an_offer_that_is_none_is_refused_and_told_to_nobody() {
    let server = TestServer::start().await;
    let secret = "198.51.100.91";
    for offer in [format!("v=0\r\no=- 1 1 IN IP4 {secret}\r\ns=-\r\n"), String::new()] {
        let mut browser = server.connect().await;
        browser.say(&probe(&offer)).await;
        assert_eq!(browser.hear().await["code"], "offer_invalid");
        assert_eq!(browser.close_code().await, 1008);
    }
    assert_eq!(server.metric("preau_media_transports").await, 0);
    assert!(!log_so_far().contains(secret));
}

pub(crate) async fn probing(server: &TestServer) -> (Browser, Value) {
    let mut browser = server.connect().await;
    browser.say(&probe(OFFER)).await;
    let answer = browser.hear().await;
    (browser, answer)
}

fn probe(sdp: &str) -> Value {
    json!({ "type": "probe", "requestId": 7, "sdp": sdp })
}

/// One section that only receives, as the page of the connection test offers it.
pub(crate) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
a=setup:actpass\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
a=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
