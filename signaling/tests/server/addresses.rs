//! `public_addresses`: what stands in answers, and what is said about wrong ones.

use crate::harness::{TestServer, log_so_far};
use crate::probe::probing;

/// Address and port of each candidate in an answer.
async fn candidates(server: &TestServer) -> Vec<String> {
    let (_browser, answer) = probing(server).await;
    let lines = answer["sdp"].as_str().unwrap().lines();
    let of_udp = lines.filter(|line| line.starts_with("a=candidate:") && line.contains(" udp "));
    let address = |line: &str| line.split(' ').skip(4).take(2).collect::<Vec<_>>().join(" ");
    of_udp.map(address).collect()
}

#[tokio::test]
async fn addresses_ports_and_names_stand_in_answers_in_their_order() {
    let lines = "public_addresses = [\"192.0.2.7:4443\", \"2001:db8::7\", \"localhost:4444\"]";
    let server = TestServer::start_with(lines).await;
    let port = server.addresses().media.port();
    let found = candidates(&server).await;
    assert_eq!(found[..2], ["192.0.2.7 4443".to_owned(), format!("2001:db8::7 {port}")]);
    assert!(found.len() > 2, "localhost is known to every machine");
    for of_name in &found[2..] {
        assert!(["127.0.0.1 4444", "::1 4444"].contains(&of_name.as_str()), "{of_name}");
    }
}

#[tokio::test]
async fn wrong_ones_are_said_with_their_line_and_the_server_starts() {
    let lines = "public_addresses = [\n\"0.0.0.0\",\n\"224.0.0.1\",\n\"192.0.2.300\",\n\"192.0.2.8\",\n\
                 \"nothing-of-that-name.invalid\"]";
    let server = TestServer::start_with(lines).await;
    let port = server.addresses().media.port();
    assert_eq!(candidates(&server).await, [format!("192.0.2.8 {port}")]);
    let log = log_so_far();
    for words in [
        "test:2: entry 1 of public_addresses stands for all addresses",
        "test:3: entry 2 of public_addresses is an address of a group",
        "test:4: entry 3 of public_addresses is neither an address",
        "test:6: entry 5 of public_addresses is a name that cannot be looked up",
    ] {
        assert!(log.contains(words), "{words} is missing in {log}");
    }
}

#[tokio::test]
async fn without_a_good_one_those_of_this_machine_stand_in() {
    let alone = TestServer::start_with("public_addresses = [\"::\"]").await;
    let auto = TestServer::start_with("public_addresses = \"auto\"").await;
    let without_port = |found: Vec<String>| -> Vec<_> {
        found.iter().map(|it| it.split(' ').next().unwrap().to_owned()).collect()
    };
    let found = without_port(candidates(&alone).await);
    assert!(found.contains(&"127.0.0.1".to_owned()), "{found:?}");
    assert_eq!(found, without_port(candidates(&auto).await));
}
