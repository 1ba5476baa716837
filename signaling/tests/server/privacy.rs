//! What the server logs at DEBUG, and what its metrics page says, about a class that meets.

use serde_json::json;

use crate::harness::{TestServer, ask, base64url, join, log_so_far, random, with};

#[tokio::test]
async fn r29_logs_and_metrics_hold_no_address_name_link_token_or_proof() {
    let server = TestServer::start().await;
    let room = server.room().await;
    let named = with(join(&room, &room.guest), "displayName", "Camille Canari");
    let (mut camille, joined) = server.join_with(named).await;
    let token = joined["resume"].as_str().unwrap().to_owned();
    let (mut ada, _) = server.join(&room, &room.moderator).await;
    camille.say(&json!({ "type": "rename", "requestId": 1, "displayName": "Zebulon" })).await;
    camille.hear_type("done").await;
    let sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.77\r\ns=-\r\nc=IN IP4 198.51.100.77\r\n";
    camille.say(&json!({ "type": "offer", "requestId": 2, "sdp": sdp, "publish": [] })).await;
    camille.hear_type("error").await;
    let wrong = base64url(&random());
    server.refusal(&join(&room, &wrong)).await;
    ada.send(tokio_tungstenite::tungstenite::Message::text("{\"type\":\"Zebulon\"}")).await;
    ada.close_code().await;
    drop(camille);
    let (mut back, _) =
        server.join_with(with(join(&room, &room.guest), "resume", token.clone())).await;
    let metrics = ask(server.addresses().metrics, "GET", "/metrics", "", &[]).await.body;
    back.say(&json!({ "type": "leave" })).await;
    back.close_code().await;
    server.stop().await;

    // Of every test so far, which only makes the search wider.
    let log = log_so_far();
    for expected in ["room opened", "joined", "session refused", "server stops"] {
        assert!(log.contains(expected), "the log was not captured: no {expected:?} in {log}");
    }
    let signature = token.rsplit('.').next().unwrap();
    let secrets = [
        "127.0.0.1",
        "::1",
        "198.51.100.77",
        "Camille",
        "Canari",
        "Zebulon",
        "Invité",
        &room.slug,
        &room.guest,
        &room.moderator,
        &wrong,
        &token,
        signature,
    ];
    for (what, text) in [("log", &log), ("metrics", &metrics)] {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret:?} stands in the {what}: {text}");
        }
    }
}
