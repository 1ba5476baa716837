//! The VideoRoom plugin of Janus, through its HTTP interface. A participant has one connection to
//! send on and one to receive on, as the plugin wants it.

mod api;

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use async_trait::async_trait;
use protocol::TrackSource;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use self::api::Session;
use super::session::Origin;
use super::{
    Feed, Negotiated, Room, Seat, SeatEvent, SlotSpec, Target, TargetError, Watched, Watching, Wish,
};
use crate::clock;
use crate::sdp::{self, Local, Remote};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Janus {
    origin: Origin,
}

impl Janus {
    /// A server at `url`, such as `http://localhost:8088`.
    pub(crate) fn at(url: &str) -> Result<Self, TargetError> {
        let unreachable = |why: &str| TargetError::Unreachable(url.to_owned(), why.to_owned());
        let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let host = host.ok_or_else(|| unreachable("give its plain address, http://HOST:PORT"))?;
        let mut found = host.to_socket_addrs().map_err(|error| unreachable(&error.to_string()))?;
        let address = found.next().ok_or_else(|| unreachable("no such name"))?;
        Ok(Self { origin: Origin { address, host: host.to_owned(), is_secure: false } })
    }
}

#[async_trait]
impl Target for Janus {
    fn name(&self) -> &'static str {
        "janus"
    }

    fn hands_times_through(&self) -> bool {
        false
    }

    async fn open_room(
        &self,
        seats: usize,
        is_encrypted: bool,
    ) -> Result<Box<dyn Room>, TargetError> {
        if is_encrypted {
            let why = "Janus has no circle of ours".to_owned();
            return Err(TargetError::Refused("an encrypted room", why));
        }
        let mut session = Session::open(&self.origin).await.map_err(helped)?;
        let handle = session.attach().await?;
        let wish = json!({
            "request": "create",
            "publishers": seats,
            "audiocodec": "opus",
            "videocodec": "vp8",
            "bitrate": 0,
            "fir_freq": 0,
            "audiolevel_ext": true,
            "audiolevel_event": false,
            "transport_wide_cc_ext": true,
            "notify_joining": false,
        });
        let (answer, _) = session.ask(handle, "to make a room", wish, None).await?;
        let number = answer["room"]
            .as_u64()
            .ok_or_else(|| TargetError::Answer("to make a room", answer.to_string()))?;
        session.close().await;
        Ok(Box::new(JanusRoom { origin: self.origin.clone(), number }))
    }
}

/// Where nothing answers: how there would be something.
fn helped(error: TargetError) -> TargetError {
    let TargetError::Unreachable(host, why) = error else { return error };
    let why = format!("{why}; --start janus starts it on this machine (apt-get install janus)");
    TargetError::Unreachable(host, why)
}

struct JanusRoom {
    origin: Origin,
    number: u64,
}

#[async_trait]
impl Room for JanusRoom {
    async fn enter(&self, wish: Wish) -> Result<Box<dyn Seat>, TargetError> {
        let session = Session::open(&self.origin).await?;
        wish.meter.lock().join.socket = Some(clock::now());
        Ok(Box::new(JanusSeat {
            session,
            room: self.number,
            // Janus takes identifiers of up to 53 bits.
            id: (wish.seed >> 12) & 0xf_ffff_ffff,
            wish,
            receiver: None,
            watched: Vec::new(),
        }))
    }
}

struct JanusSeat {
    session: Session,
    room: u64,
    id: u64,
    wish: Wish,
    /// The handle that receives, and this side of its connection.
    receiver: Option<(u64, Local)>,
    watched: Vec<Watched>,
}

impl JanusSeat {
    /// Gives what the streams are and the offer for them. A publisher whose handshake is done here may not be
    /// known over there yet: asked again for a while.
    async fn subscribe(
        &mut self,
        handle: u64,
        wish: Value,
    ) -> Result<(Value, Option<String>), TargetError> {
        let mut tries = 0;
        loop {
            match self.session.ask(handle, "to subscribe", wish.clone(), None).await {
                Err(TargetError::Refused(_, why)) if why.contains("feed") && tries < MAX_TRIES => {
                    tries += 1;
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Answers an offer of the receiving handle.
    async fn start(
        &mut self,
        handle: u64,
        local: &Local,
        offer: Option<String>,
    ) -> Result<Remote, TargetError> {
        let broken = || TargetError::Answer("to subscribe", "no usable description".to_owned());
        let offer = offer.ok_or_else(broken)?;
        let remote = Remote::parse(&offer).ok_or_else(broken)?;
        let answer = sdp::answer(local, &remote);
        let start = json!({ "request": "start" });
        self.session.ask(handle, "to start", start, Some(("answer", answer))).await?;
        Ok(remote)
    }
}

#[async_trait]
impl Seat for JanusSeat {
    async fn connect(&mut self) -> Result<Option<Negotiated>, TargetError> {
        if self.wish.sends.is_empty() {
            self.wish.meter.lock().join.admitted = Some(clock::now());
            return Ok(None);
        }
        let handle = self.session.attach().await?;
        let mut random = StdRng::seed_from_u64(self.wish.seed);
        let local = Local::new(&mut random, &self.wish.identity.fingerprint);
        let sends = sdp::send_specs(&self.wish.sends, &mut random);
        // Janus shakes hands as the client unless it is told to be the server.
        let offer = sdp::offer(&local, &sends, (0, 0), self.wish.red)
            .replace("a=setup:actpass", "a=setup:active");
        let join = json!({
            "request": "joinandconfigure",
            "ptype": "publisher",
            "room": self.room,
            "id": self.id,
        });
        let answer = self
            .session
            .ask(handle, "to let a participant in", join, Some(("offer", offer)))
            .await?;
        let mut measured = self.wish.meter.lock();
        measured.join.admitted = Some(clock::now());
        measured.join.answered = Some(clock::now());
        let remote = answer.1.as_deref().and_then(Remote::parse);
        let broken = || TargetError::Answer("an offer", answer.0.to_string());
        let negotiated = negotiated(&remote.ok_or_else(broken)?, &local, sends)?;
        Ok(Some(Negotiated { feed: Some(self.id), ..negotiated }))
    }

    async fn publish(&mut self) -> Result<Feed, TargetError> {
        Ok(Feed { name: self.id.to_string(), sources: self.wish.sends.clone() })
    }

    async fn watch(&mut self, watched: &[Watched]) -> Result<Watching, TargetError> {
        let is_new = |wanted: &&Watched| !self.watched.contains(wanted);
        let new: Vec<Value> = watched.iter().filter(is_new).map(stream).collect();
        self.watched = watched.to_vec();
        if new.is_empty() {
            return Ok(Watching::Done);
        }
        if let Some((handle, local)) = self.receiver.clone() {
            let more = json!({ "request": "subscribe", "streams": new });
            let (words, offer) = self.subscribe(handle, more).await?;
            let remote = self.start(handle, &local, offer).await?;
            return Ok(Watching::Slots(with_feeds(remote.slots(), &words)));
        }
        let handle = self.session.attach().await?;
        let mut random = StdRng::seed_from_u64(!self.wish.seed);
        let local = Local::new(&mut random, &self.wish.identity.fingerprint);
        let join = json!({
            "request": "join",
            "ptype": "subscriber",
            "room": self.room,
            "streams": new,
        });
        let (words, offer) = self.subscribe(handle, join).await?;
        let remote = self.start(handle, &local, offer).await?;
        self.wish.meter.lock().join.answered.get_or_insert_with(clock::now);
        self.receiver = Some((handle, local.clone()));
        let negotiated = negotiated(&remote, &local, Vec::new())?;
        let slots = with_feeds(negotiated.slots, &words);
        Ok(Watching::Connect(Negotiated { slots, ..negotiated }))
    }

    async fn next_event(&mut self) -> Result<SeatEvent, TargetError> {
        Err(self.session.ended().await)
    }

    async fn leave(self: Box<Self>) {
        self.session.close().await;
    }
}

/// Names whose each slot carries, as the plugin lists it.
fn with_feeds(mut slots: Vec<SlotSpec>, words: &Value) -> Vec<SlotSpec> {
    let streams = words["streams"].as_array().map_or(&[][..], Vec::as_slice);
    for slot in &mut slots {
        let stream = streams.iter().find(|stream| stream["mid"] == slot.mid.as_str());
        slot.feed = stream.and_then(|stream| stream["feed_id"].as_u64());
    }
    slots
}

/// Between two tries to subscribe.
const RETRY: Duration = Duration::from_millis(20);

/// Tries to subscribe; more would only wait for somebody who never comes.
const MAX_TRIES: usize = 100;

fn negotiated(
    remote: &Remote,
    local: &Local,
    sends: Vec<super::SendSpec>,
) -> Result<Negotiated, TargetError> {
    let address = reachable(&remote.candidates);
    let missing = || TargetError::Answer("an offer", "no address to send media to".to_owned());
    Ok(Negotiated {
        // It offers what it sends, and answers what it receives.
        ice: remote.ice(local, !sends.is_empty()),
        address: address.ok_or_else(missing)?,
        tcp: None,
        ids: remote.ids,
        redundant: remote.redundant(),
        feed: None,
        slots: if sends.is_empty() { remote.slots() } else { Vec::new() },
        sends,
    })
}

/// An IPv4 address first: the connection's own addresses are of that kind.
fn reachable(candidates: &[SocketAddr]) -> Option<SocketAddr> {
    candidates.iter().find(|address| address.is_ipv4()).or(candidates.first()).copied()
}

/// One source of somebody as the plugin names it: their sections are in the order of the sources.
fn stream(watched: &Watched) -> Value {
    let feed: u64 = watched.feed.parse().unwrap_or(0);
    let mut stream = json!({ "feed": feed, "mid": watched.section.to_string() });
    if watched.source == TrackSource::Camera {
        // Substream 2 is the layer offered first, the highest.
        let layer = match watched.max_height {
            Some(0..=180) => 0,
            Some(181..=360) => 1,
            Some(_) | None => 2,
        };
        stream["substream"] = layer.into();
    }
    stream
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn where_no_janus_answers_it_is_said_how_to_start_one() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = Janus::at(&format!("http://127.0.0.1:{port}")).unwrap();
        let told = nobody.open_room(2, false).await.err().expect("nobody listens").to_string();
        assert!(told.contains("does not answer") && told.contains("--start janus"), "{told}");
    }
}
