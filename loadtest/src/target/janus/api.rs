//! The HTTP interface of Janus: a session, handles of the VideoRoom plugin in it, messages to
//! them, and the events that answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::target::TargetError;
use crate::target::session::{Origin, request};

/// One session. Its events are fetched by a task of its own, which also keeps it alive.
pub(super) struct Session {
    origin: Origin,
    path: String,
    events: mpsc::Receiver<Value>,
    poller: JoinHandle<()>,
    transactions: u64,
}

impl Session {
    pub(super) async fn open(origin: &Origin) -> Result<Self, TargetError> {
        let body = json!({ "janus": "create", "transaction": "0" });
        let answer = post(origin, "/janus", &body).await?;
        let id = answer["data"]["id"].as_u64().ok_or_else(|| not_understood("create", &answer))?;
        let path = format!("/janus/{id}");
        let (heard, events) = mpsc::channel(MAX_EVENTS);
        let (to, poll) = (origin.clone(), format!("{path}?maxev=1"));
        let poller = tokio::spawn(async move {
            while let Ok((200, text)) = request(&to, "GET", &poll, "", LONG_POLL).await {
                let event: Value = serde_json::from_str(&text).unwrap_or_default();
                if event["janus"] == "event" && heard.send(event).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { origin: origin.clone(), path, events, poller, transactions: 0 })
    }

    /// A new handle of the plugin.
    pub(super) async fn attach(&mut self) -> Result<u64, TargetError> {
        let transaction = self.next_transaction();
        let plugin = "janus.plugin.videoroom";
        let body = json!({ "janus": "attach", "plugin": plugin, "transaction": transaction });
        let answer = post(&self.origin, &self.path, &body).await?;
        answer["data"]["id"].as_u64().ok_or_else(|| not_understood("attach", &answer))
    }

    /// Sends a message and gives what answers it: the plugin's words, and its description.
    pub(super) async fn ask(
        &mut self,
        handle: u64,
        what: &'static str,
        body: Value,
        description: Option<(&str, String)>,
    ) -> Result<(Value, Option<String>), TargetError> {
        let transaction = self.next_transaction();
        let mut message = json!({ "janus": "message", "transaction": transaction, "body": body });
        if let Some((kind, sdp)) = description {
            message["jsep"] = json!({ "type": kind, "sdp": sdp });
        }
        let path = format!("{}/{handle}", self.path);
        let mut answer = post(&self.origin, &path, &message).await?;
        // A plugin that needs time says so first.
        if answer["janus"] == "ack" {
            answer = self.event(what, &transaction).await?;
        }
        let words = answer["plugindata"]["data"].clone();
        if let Some(error) = words["error"].as_str() {
            return Err(TargetError::Refused(what, error.to_owned()));
        }
        if words.is_null() {
            return Err(not_understood(what, &answer));
        }
        Ok((words, answer["jsep"]["sdp"].as_str().map(str::to_owned)))
    }

    /// Waits until the session has ended; its other events mean nothing here.
    pub(super) async fn ended(&mut self) -> TargetError {
        while self.events.recv().await.is_some() {}
        TargetError::Gone
    }

    pub(super) async fn close(mut self) {
        let transaction = self.next_transaction();
        let body = json!({ "janus": "destroy", "transaction": transaction });
        // One that is gone already needs no end.
        let _ = post(&self.origin, &self.path, &body).await;
    }

    async fn event(&mut self, what: &'static str, transaction: &str) -> Result<Value, TargetError> {
        let found = timeout(PATIENCE, async {
            loop {
                match self.events.recv().await {
                    Some(event) if event["transaction"] == transaction => return Ok(event),
                    Some(_) => {}
                    None => return Err(TargetError::Gone),
                }
            }
        });
        let silent = || TargetError::Refused(what, "no answer within 10 s".to_owned());
        found.await.unwrap_or_else(|_| Err(silent()))
    }

    fn next_transaction(&mut self) -> String {
        self.transactions += 1;
        self.transactions.to_string()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

async fn post(origin: &Origin, path: &str, body: &Value) -> Result<Value, TargetError> {
    let (status, text) = request(origin, "POST", path, &body.to_string(), PATIENCE).await?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    if status != 200 || answer["janus"] == "error" {
        let reason = answer["error"]["reason"].as_str().unwrap_or("unknown").to_owned();
        return Err(TargetError::Refused("a message", reason));
    }
    Ok(answer)
}

fn not_understood(what: &'static str, answer: &Value) -> TargetError {
    TargetError::Answer(what, answer.to_string().chars().take(120).collect())
}

/// Nothing takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// Janus answers a poll after 30 s at the latest.
const LONG_POLL: Duration = Duration::from_secs(60);

/// Events that wait at most; beyond it the poller waits.
const MAX_EVENTS: usize = 64;
