//! A Préau server, through its public protocol.

mod circle;
mod link;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use async_trait::async_trait;
use protocol::{
    ClientMessage, CreateRoom, CreatedRoom, EncryptionInfo, ErrorCode, HostKey, ParticipantId,
    ParticipantInfo, Profile, Proof, PublishedMid, Redacted, RequestId, RoomEncryption, RoomSlug,
    ServerMessage, SlotRequest, TrackId, Verifier,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::circle::{CircleSeat, Entrance, Secrets, Sent, is_of_circle};
pub(crate) use self::link::RoomLink;
use super::session::{Origin, PATIENCE, Session, request};
use super::{
    Feed, Negotiated, Return, Room, Seat, SeatEvent, SendSpec, SlotSpec, Target, TargetError,
    Watched, Watching, Wish,
};
use e2ee_member::link::{self as keys, Link};

use crate::clock::{self, Nanos};
use crate::participant::Identity;
use crate::sdp::{self, Local, Remote};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Preau {
    origin: Origin,
    /// Of the one room everybody enters, where it is there already.
    link: Option<RoomLink>,
}

impl Preau {
    /// A server at `url`, such as `http://localhost:8080`.
    ///
    /// # Errors
    ///
    /// When the address cannot be understood or found.
    pub(crate) fn at(url: &str) -> Result<Self, TargetError> {
        let unreachable = |why: &str| TargetError::Unreachable(url.to_owned(), why.to_owned());
        let secure = url.strip_prefix("https://");
        let host = secure.or(url.strip_prefix("http://")).map(|rest| rest.trim_end_matches('/'));
        let host =
            host.ok_or_else(|| unreachable("give its address, https://HOST or http://HOST"))?;
        let port = if secure.is_some() { 443 } else { 80 };
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        let mut found = named.to_socket_addrs().map_err(|error| unreachable(&error.to_string()))?;
        let address = found.next().ok_or_else(|| unreachable("no such name"))?;
        // The server takes plain requests by the name of this machine only.
        let is_here = address.ip().is_loopback();
        let host = if is_here { format!("localhost:{}", address.port()) } else { named };
        Ok(Self { origin: Origin { address, host, is_secure: secure.is_some() }, link: None })
    }

    /// The server of a room that is there already.
    ///
    /// # Errors
    ///
    /// When its address cannot be understood or found.
    pub(crate) fn of(link: RoomLink) -> Result<Self, TargetError> {
        Ok(Self { link: Some(link.clone()), ..Self::at(&link.url)? })
    }

    /// True when it runs on this machine and is reached over loopback.
    pub(crate) fn is_here(&self) -> bool {
        self.origin.address.ip().is_loopback()
    }
}

#[async_trait]
impl Target for Preau {
    fn name(&self) -> &'static str {
        "preau"
    }

    fn hands_times_through(&self) -> bool {
        true
    }

    async fn open_room(&self, _: usize, is_encrypted: bool) -> Result<Box<dyn Room>, TargetError> {
        if let Some(RoomLink { slug, proof, sealed, .. }) = self.link.clone() {
            let circle = sealed.map(|link| (link, Sent::default()));
            let origin = self.origin.clone();
            return Ok(Box::new(PreauRoom { origin, slug, proof, circle, is_foreign: true }));
        }
        let secrets = is_encrypted.then(Secrets::draw);
        let [guest, moderator]: [[u8; 32]; 2] = match &secrets {
            Some(Secrets { moderator, .. }) => {
                [keys::proof(&keys::guest_secret(moderator, 0)), keys::proof(moderator)]
            }
            None => [rand::random(), rand::random()],
        };
        let verifier = |proof: &[u8; 32]| {
            let hash = ring::digest::digest(&ring::digest::SHA256, proof);
            let hash = hash.as_ref().try_into().expect("SHA-256 has 32 bytes");
            Redacted::new(Verifier::from_bytes(hash))
        };
        let wish = CreateRoom {
            guest_verifier: verifier(&guest),
            moderator_verifier: verifier(&moderator),
            host_key: secrets.as_ref().map(|secrets| HostKey::from_bytes(secrets.host_key())),
            // Nobody waits, and everybody may do everything.
            profile: Profile::Reunion,
            encryption: secrets.as_ref().map(Secrets::encryption),
        };
        let body = serde_json::to_string(&wish).expect("a request is plain data");
        let began = clock::now();
        let (status, answer) = loop {
            let answered = request(&self.origin, "POST", "/api/rooms", &body, PATIENCE).await?;
            // A server lets one machine make only so many rooms in a time: a large load begins slowly.
            if answered.0 != TOO_MANY || clock::now().saturating_sub(began) >= PATIENT_FOR {
                break answered;
            }
            tokio::time::sleep(ROOM_EVERY).await;
        };
        if status != 201 {
            return Err(TargetError::Refused("to make a room", format!("{status} {answer}")));
        }
        let created: CreatedRoom = serde_json::from_str(&answer)
            .map_err(|error| TargetError::Answer("to make a room", error.to_string()))?;
        let proof = Proof::from_bytes(guest);
        let slug = created.room;
        let circle = secrets.map(|secrets| (secrets.link(*slug.as_bytes()), Sent::default()));
        let origin = self.origin.clone();
        Ok(Box::new(PreauRoom { origin, slug, proof, circle, is_foreign: false }))
    }
}

/// Numbers of the page of metrics at this port of this machine, by name; labelled ones with their labels.
///
/// # Errors
///
/// When it does not answer.
pub(crate) async fn metrics(port: u16) -> Result<BTreeMap<String, f64>, TargetError> {
    let host = format!("localhost:{port}");
    let origin = Origin { address: ([127, 0, 0, 1], port).into(), host, is_secure: false };
    let (_, page) = request(&origin, "GET", "/metrics", "", PATIENCE).await?;
    let lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    Ok(lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
}

/// Status of an answer to who asks too often (RFC 6585 section 4).
const TOO_MANY: u16 = 429;

/// How often another room is asked for. Lowered, more requests come to nothing.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// A server that makes no room for so long does not want to.
const PATIENT_FOR: Nanos = 30 * clock::SECOND;

struct PreauRoom {
    origin: Origin,
    slug: RoomSlug,
    proof: Proof,
    /// Of an encrypted room.
    circle: Option<(Link, Sent)>,
    /// True where others than participants of this program may be in it.
    is_foreign: bool,
}

#[async_trait]
impl Room for PreauRoom {
    async fn enter(&self, wish: Wish) -> Result<Box<dyn Seat>, TargetError> {
        let entrance = self.circle.clone().map(|(link, sent)| Entrance::new(link, sent));
        let door =
            Door { origin: self.origin.clone(), slug: self.slug, proof: self.proof, token: None };
        let (session, entered) = door.enter(&wish, entrance.as_ref()).await?;
        let circle = match (entrance, &wish.shield) {
            (Some(entrance), Some(shield)) => {
                let (shield, meter) = (shield.clone(), wish.meter.clone());
                let others = entered.others.into_iter();
                Some(entrance.enter(entered.id, others, entered.encryption, shield, meter)?)
            }
            _ => None,
        };
        Ok(Box::new(PreauSeat {
            door: Door { token: Some(entered.token), ..door },
            session,
            id: entered.id,
            wish,
            offers: 0,
            slots: Vec::new(),
            carried: BTreeMap::new(),
            circle,
            unsaid: VecDeque::new(),
            present: if self.is_foreign { entered.feeds } else { Vec::new() },
        }))
    }
}

/// All it takes to enter, for the first time or again.
struct Door {
    origin: Origin,
    slug: RoomSlug,
    proof: Proof,
    /// What to come back with.
    token: Option<Redacted<String>>,
}

/// What is said to whoever was let in.
struct Entered {
    id: ParticipantId,
    is_resumed: bool,
    token: Redacted<String>,
    others: Vec<ParticipantId>,
    /// What they send.
    feeds: Vec<Feed>,
    encryption: Option<(EncryptionInfo, RoomEncryption)>,
}

impl Door {
    async fn enter(
        &self,
        wish: &Wish,
        entrance: Option<&Entrance>,
    ) -> Result<(Session, Entered), TargetError> {
        let mut session = Session::open(&self.origin, wish.from).await?;
        wish.meter.lock().join.socket.get_or_insert(clock::now());
        if entrance.is_some() {
            session.keep(is_of_circle);
        }
        let join = ClientMessage::Join {
            protocol_version: protocol::PROTOCOL_VERSION,
            room: self.slug,
            proof: Redacted::new(self.proof),
            handle: None,
            resume: self.token.clone(),
            delegation: None,
            display_name: None,
            language: None,
            member_key: entrance.map(Entrance::member_key),
            sealed_name: None,
        };
        session.say(&join).await?;
        let entered = session
            .hear("to let a participant in", |message| {
                if let ServerMessage::Joined {
                    participant,
                    participants,
                    rules,
                    encryption,
                    resumed,
                    resume,
                    ..
                } = message
                {
                    return Ok(Entered {
                        id: participant,
                        is_resumed: resumed,
                        token: resume,
                        others: participants.iter().map(|other| other.participant).collect(),
                        feeds: participants.iter().map(feed_of).collect(),
                        encryption: encryption.zip(rules.encryption),
                    });
                }
                Err(error_of(&message, None))
            })
            .await?;
        wish.meter.lock().join.admitted.get_or_insert(clock::now());
        Ok((session, entered))
    }
}

struct PreauSeat {
    door: Door,
    session: Session,
    id: ParticipantId,
    wish: Wish,
    /// Made so far, each with credentials of its own.
    offers: u64,
    slots: Vec<SlotSpec>,
    /// What each slot carries, by mid.
    carried: BTreeMap<String, Watched>,
    /// In an encrypted room.
    circle: Option<CircleSeat>,
    /// What the circle has to say and is not said yet.
    unsaid: VecDeque<ClientMessage>,
    /// See [`Seat::present`].
    present: Vec<Feed>,
}

impl PreauSeat {
    async fn done(&mut self, what: &'static str, id: RequestId) -> Result<(), TargetError> {
        self.session
            .hear(what, |message| {
                if message == (ServerMessage::Done { request_id: id }) {
                    return Ok(());
                }
                Err(error_of(&message, Some(id)))
            })
            .await
    }
}

#[async_trait]
impl Seat for PreauSeat {
    async fn connect(&mut self) -> Result<Option<Negotiated>, TargetError> {
        let wish = &self.wish;
        let mut random = StdRng::seed_from_u64(wish.seed);
        let sends = sdp::send_specs(&wish.sends, &mut random);
        self.offers += 1;
        let mut random = StdRng::seed_from_u64(!wish.seed ^ self.offers);
        let local = Local::new(&mut random, &wish.identity.fingerprint);
        let offer = sdp::offer(&local, &sends, (wish.sound_slots, wish.picture_slots), wish.red);
        let answer = self.answer_to(&offer, &sends).await?;
        let broken = || TargetError::Answer("an offer", "no usable description".to_owned());
        let remote = Remote::parse(&answer).ok_or_else(broken)?;
        let address = choose(&remote.candidates, self.wish.from.is_some()).ok_or_else(broken)?;
        Ok(Some(Negotiated {
            ice: remote.ice(&local, true),
            address,
            tcp: remote.tcp,
            ids: remote.ids,
            redundant: remote.redundant(),
            sends,
            slots: self.slots.clone(),
            feed: None,
        }))
    }

    async fn answer_to(&mut self, offer: &str, sends: &[SendSpec]) -> Result<String, TargetError> {
        let publish =
            sends.iter().map(|send| PublishedMid { mid: send.mid.clone(), source: send.source });
        let publish = publish.collect();
        let id = self.session.next_request();
        let sdp = Redacted::new(offer.to_owned());
        self.session.say(&ClientMessage::Offer { request_id: id, sdp, publish }).await?;
        let answer = self
            .session
            .hear("an offer", |message| {
                if let ServerMessage::Answer { request_id, sdp, .. } = &message
                    && *request_id == id
                {
                    return Ok(sdp.clone());
                }
                Err(error_of(&message, Some(id)))
            })
            .await?;
        self.wish.meter.lock().join.answered.get_or_insert(clock::now());
        let broken = || TargetError::Answer("an offer", "no usable description".to_owned());
        self.slots = Remote::parse(answer.expose()).ok_or_else(broken)?.slots();
        Ok(answer.expose().clone())
    }

    fn present(&self) -> &[Feed] {
        &self.present
    }

    async fn publish(&mut self) -> Result<Feed, TargetError> {
        for source in self.wish.sends.clone() {
            let id = self.session.next_request();
            let wish = ClientMessage::SetPublishing { request_id: id, source, active: true };
            self.session.say(&wish).await?;
            self.done("to publish", id).await?;
        }
        Ok(Feed { name: self.id.expose_text(), sources: self.wish.sends.clone() })
    }

    async fn watch(&mut self, watched: &[Watched]) -> Result<Watching, TargetError> {
        let mut requests = Vec::new();
        let mut filled = Vec::new();
        for slot in &self.slots {
            if self.carried.get(&slot.mid).is_some_and(|carried| !watched.contains(carried)) {
                self.carried.remove(&slot.mid);
                self.wish.meter.lock().expect_no_more(clock::now(), slot.ssrc);
                if let Some(shield) = &self.wish.shield {
                    shield.expect(slot.ssrc, None);
                }
                requests.push(SlotRequest { mid: slot.mid.clone(), track: None, max_height: None });
            }
        }
        for wanted in watched {
            if self.carried.values().any(|carried| carried == wanted) {
                continue;
            }
            let is_video = wanted.source.is_video();
            let free = self
                .slots
                .iter()
                .find(|slot| slot.is_video == is_video && !self.carried.contains_key(&slot.mid));
            let (Some(slot), Ok(participant)) = (free, wanted.feed.parse()) else { continue };
            self.carried.insert(slot.mid.clone(), wanted.clone());
            filled.push((slot.mid.clone(), slot.ssrc, is_video));
            if let Some(shield) = &self.wish.shield {
                let participant: &ParticipantId = &participant;
                shield.expect(slot.ssrc, Some((*participant.as_bytes(), wanted.source)));
            }
            requests.retain(|request| request.mid != slot.mid);
            requests.push(SlotRequest {
                mid: slot.mid.clone(),
                track: Some(TrackId { participant, source: wanted.source }),
                max_height: wanted.max_height,
            });
        }
        if !requests.is_empty() {
            let id = self.session.next_request();
            let wish = ClientMessage::Subscribe { request_id: id, slots: requests };
            self.session.say(&wish).await?;
            match self.done("to subscribe", id).await {
                Ok(()) => {
                    let mut measured = self.wish.meter.lock();
                    for (_, ssrc, is_video) in filled {
                        measured.expect(clock::now(), ssrc, is_video);
                    }
                }
                // Somebody has left between our choice and its arrival: to be chosen anew.
                Err(TargetError::Refused(..)) => {
                    self.carried.retain(|mid, _| filled.iter().all(|(empty, ..)| empty != mid));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Watching::Done)
    }

    async fn come_back(
        &mut self,
        from: Option<IpAddr>,
        identity: &Identity,
    ) -> Result<Return, TargetError> {
        if self.circle.is_some() {
            let why = "members of a circle enter anew".to_owned();
            return Err(TargetError::Refused("to come back", why));
        }
        self.wish.from = from;
        self.wish.identity = identity.clone();
        let (session, entered) = self.door.enter(&self.wish, None).await?;
        self.session = session;
        self.door.token = Some(entered.token);
        self.carried.clear();
        let is_same = entered.is_resumed && entered.id == self.id;
        self.id = entered.id;
        Ok(if is_same { Return::Resumed } else { Return::Anew })
    }

    async fn next_event(&mut self) -> Result<SeatEvent, TargetError> {
        while let Some(message) = self.unsaid.front() {
            self.session.say(message).await?;
            self.unsaid.pop_front();
        }
        let message = match &mut self.circle {
            None => self.session.next_word().await?,
            Some(circle) => tokio::select! {
                message = self.session.next_word() => message?,
                said = circle.next_said() => {
                    self.unsaid.push_back(said?);
                    return Ok(SeatEvent::Nothing);
                }
            },
        };
        if let (Some(circle), Some(message)) = (&self.circle, &message) {
            circle.hear(message)?;
        }
        if let Some(ServerMessage::LayersWanted { source, rids }) = message {
            return Ok(SeatEvent::LayersWanted(source, rids));
        }
        if let Some(ServerMessage::SlotsPaused { mids }) = &message {
            let paused = self.slots.iter().filter(|slot| mids.contains(&slot.mid));
            let paused: Vec<u32> = paused.map(|slot| slot.ssrc).collect();
            self.wish.meter.lock().streams.pause(&paused);
        }
        if let Some(ServerMessage::Goodbye { .. }) = message {
            return Err(TargetError::Gone);
        }
        Ok(SeatEvent::Nothing)
    }

    async fn leave(self: Box<Self>) {
        self.session.leave().await;
    }
}

/// What somebody who is there already sends.
fn feed_of(info: &ParticipantInfo) -> Feed {
    Feed { name: info.participant.expose_text(), sources: info.active.clone() }
}

/// The code of an error that ends a request, or the session.
fn error_of(message: &ServerMessage, id: Option<RequestId>) -> Option<ErrorCode> {
    if let ServerMessage::Error { code, request_id, fatal } = message
        && (*fatal || (id.is_some() && *request_id == id))
    {
        return Some(*code);
    }
    None
}

/// The address to reach media at: on this machine when the test runs there, else the first.
fn choose(candidates: &[SocketAddr], is_local: bool) -> Option<SocketAddr> {
    let local = candidates.iter().find(|address| is_local && address.ip().is_loopback());
    local.or(candidates.first()).copied()
}
