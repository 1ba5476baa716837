//! A participant's part in the circle of an encrypted room. It runs on a thread of its own: what MLS
//! computes for a change of the circle would hold up the media of everybody else.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use e2ee_member::admission::{ADMISSION_SECONDS, Verifier};
use e2ee_member::attendance::{Attendance, Heard, Output, Say};
use e2ee_member::circle::{Circle, Ground};
use e2ee_member::link::{self, Flags, Link, LinkKind};
use e2ee_member::member::Keys;
use e2ee_member::{ParticipantId as Member, from_base64url, to_base64url};
use protocol::{
    CircleId, ClientMessage, EncryptionInfo, MemberKey, ParticipantId, Redacted, RequestId,
    RoomEncryption, Sealed, ServerMessage,
};
use tokio::sync::mpsc;

use crate::clock::{self, Nanos};
use crate::e2ee::Shield;
use crate::measure::Meter;
use crate::target::TargetError;

/// What the moderator of an encrypted room knows of it.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) moderator: [u8; 16],
    pub(crate) flags: Flags,
}

/// When each commit of a room was sent, by its epoch and maker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<BTreeMap<(u64, Member), Nanos>>>);

impl Sent {
    fn note(&self, epoch: u64, by: Member) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.insert((epoch, by), clock::now());
        if sent.len() > MAX_SENT {
            sent.pop_first();
        }
    }

    fn at(&self, epoch: u64, by: Member) -> Option<Nanos> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(epoch, by)).copied()
    }
}

impl Secrets {
    /// Of a new room where the link alone admits, with frames that any browser can take.
    pub(crate) fn draw() -> Self {
        let flags = Flags { open: true, raw: false };
        Self { moderator: e2ee_member::random(), flags }
    }

    pub(crate) fn host_key(&self) -> [u8; 32] {
        link::host_key(&self.moderator)
    }

    pub(crate) fn encryption(&self) -> RoomEncryption {
        RoomEncryption { open: self.flags.open, raw: self.flags.raw }
    }

    /// The link everybody holds.
    pub(crate) fn link(&self, room: [u8; 16]) -> Link {
        let kind = LinkKind::Guest {
            secret: link::guest_secret(&self.moderator, 0),
            fingerprint: link::fingerprint(&self.host_key()),
        };
        Link { room, flags: self.flags, kind }
    }
}

/// One participant who has not entered yet.
pub(super) struct Entrance {
    keys: Keys,
    link: Link,
    sent: Sent,
}

impl Entrance {
    pub(super) fn new(link: Link, sent: Sent) -> Self {
        Self { keys: Keys::draw(), link, sent }
    }

    pub(super) fn member_key(&self) -> MemberKey {
        MemberKey::from_bytes(self.keys.member_key())
    }

    /// Takes what the server said when it let this one in.
    ///
    /// # Errors
    ///
    /// When it says less than the link, or this machine has no thread.
    pub(super) fn enter(
        self,
        own: ParticipantId,
        others: impl Iterator<Item = ParticipantId>,
        said: Option<(EncryptionInfo, RoomEncryption)>,
        shield: Shield,
        meter: Meter,
    ) -> Result<CircleSeat, TargetError> {
        let refused = |why: String| TargetError::Refused("an encrypted room", why);
        let host_key = said.as_ref().map_or([0; 32], |(info, _)| *info.host_key.as_bytes());
        let flags = said.as_ref().map(|(_, room)| Flags { open: room.open, raw: room.raw });
        self.link.check(&host_key, flags).map_err(|lies| refused(lies.to_string()))?;
        let secret = self.link.guest_secret(0);
        let unix = clock::now() / clock::SECOND;
        let until = unix + ADMISSION_SECONDS;
        let claim = self.keys.claim(self.link.room, *own.as_bytes(), self.link.role(), until);
        let identity = self.keys.identity(&claim, claim.by_link(0, &secret));
        let ground = Ground {
            verifier: Verifier {
                room: self.link.room,
                open: self.link.flags.open,
                host_key,
                guest_secrets: vec![(0, secret)],
            },
            flags: self.link.flags,
            fingerprint: self.link.fingerprint(),
        };
        let now = Instant::now();
        let mut attendance =
            Attendance::new(now, unix, self.keys, identity, ground, CIRCLE_REQUESTS);
        for other in others {
            attendance.hear(now, Heard::Present(*other.as_bytes()));
        }
        attendance.begin(said.is_some_and(|(info, _)| info.circle.is_some()));
        let (hear, heard) = sync_channel(MAX_HEARD);
        let (say, says) = mpsc::channel(MAX_HEARD);
        let running =
            Running { attendance, own: *own.as_bytes(), sent: self.sent, shield, meter, say };
        std::thread::Builder::new()
            .name("circle".to_owned())
            .spawn(move || running.run(&heard))
            .map_err(|error| TargetError::Exhausted("threads", error.to_string()))?;
        Ok(CircleSeat { hear, says })
    }
}

/// The way to a participant's circle and back.
#[derive(Debug)]
pub(super) struct CircleSeat {
    hear: SyncSender<Heard>,
    says: mpsc::Receiver<ClientMessage>,
}

impl CircleSeat {
    /// Hands on what the server says, if it is about the circle.
    pub(super) fn hear(&self, message: &ServerMessage) -> Result<(), TargetError> {
        let Some(heard) = read(message) else { return Ok(()) };
        match self.hear.try_send(heard) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                Err(TargetError::Exhausted("time", "a circle cannot keep up".to_owned()))
            }
            Err(TrySendError::Disconnected(_)) => Err(TargetError::Gone),
        }
    }

    /// What is to be said next. May be dropped and called again.
    pub(super) async fn next_said(&mut self) -> Result<ClientMessage, TargetError> {
        self.says.recv().await.ok_or(TargetError::Gone)
    }
}

/// Whether the circle has to hear it, also while something else is waited for.
pub(super) fn is_of_circle(message: &ServerMessage) -> bool {
    read(message).is_some()
}

fn read(message: &ServerMessage) -> Option<Heard> {
    let is_ours = |request: &RequestId| request.0 >= CIRCLE_REQUESTS;
    #[allow(clippy::wildcard_enum_match_arm, reason = "all else is not about the circle")]
    Some(match message {
        ServerMessage::ParticipantJoined { participant } => {
            Heard::Present(*participant.participant.as_bytes())
        }
        ServerMessage::ParticipantLeft { participant } => Heard::Gone(*participant.as_bytes()),
        ServerMessage::MlsWanted { participant, key_package } => {
            Heard::Wanted { participant: *participant.as_bytes(), key_package: bytes(key_package)? }
        }
        ServerMessage::MlsCommitted { group, epoch, commit, by } => Heard::Committed {
            group: *group.as_bytes(),
            epoch: *epoch,
            commit: bytes(commit)?,
            by: *by.as_bytes(),
        },
        ServerMessage::MlsWelcome { group, welcome, .. } => {
            Heard::Welcome { group: *group.as_bytes(), welcome: bytes(welcome)? }
        }
        ServerMessage::MlsAllReady { group, epoch } => {
            Heard::AllReady { group: *group.as_bytes(), epoch: *epoch }
        }
        ServerMessage::MlsLost {} => Heard::Lost,
        ServerMessage::Done { request_id } if is_ours(request_id) => Heard::Done(request_id.0),
        ServerMessage::Error { request_id: Some(request_id), fatal: false, .. }
            if is_ours(request_id) =>
        {
            Heard::NotDone(request_id.0)
        }
        _ => return None,
    })
}

fn bytes<const MAX: usize>(sealed: &Redacted<Sealed<MAX>>) -> Option<Vec<u8>> {
    from_base64url(sealed.expose().expose_text()).ok()
}

fn sealed<const MAX: usize>(bytes: &[u8]) -> Option<Redacted<Sealed<MAX>>> {
    to_base64url(bytes).parse().ok().map(Redacted::new)
}

/// `None` for what is longer than any message.
fn write(request: u32, say: Say) -> Option<ClientMessage> {
    let request_id = RequestId(request);
    Some(match say {
        Say::Create { group } => {
            ClientMessage::MlsCreate { request_id, group: CircleId::from_bytes(group) }
        }
        Say::KeyPackage { key_package } => {
            ClientMessage::MlsKeyPackage { request_id, key_package: sealed(&key_package)? }
        }
        Say::Commit { group, epoch, commit, welcome, added, removed } => ClientMessage::MlsCommit {
            request_id,
            group: CircleId::from_bytes(group),
            epoch,
            commit: sealed(&commit)?,
            welcome: match welcome {
                Some(welcome) => Some(sealed(&welcome)?),
                None => None,
            },
            added: added.into_iter().map(ParticipantId::from_bytes).collect(),
            removed: removed.into_iter().map(ParticipantId::from_bytes).collect(),
        },
        Say::Resume { group, epoch } => {
            ClientMessage::MlsResume { request_id, group: CircleId::from_bytes(group), epoch }
        }
        Say::Ready { group, epoch } => {
            ClientMessage::MlsReady { request_id, group: CircleId::from_bytes(group), epoch }
        }
    })
}

struct Running {
    attendance: Attendance,
    own: Member,
    sent: Sent,
    shield: Shield,
    meter: Meter,
    say: mpsc::Sender<ClientMessage>,
}

impl Running {
    fn run(mut self, heard: &Receiver<Heard>) {
        loop {
            while let Some(output) = self.attendance.poll_output() {
                if !self.carry_out(output) {
                    return;
                }
            }
            let due = self.attendance.poll_timeout();
            let next = match due {
                Some(due) => heard.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(next) => self.hear(next),
                Err(RecvTimeoutError::Timeout) => self.attendance.handle_timeout(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        let commit = if let Heard::Committed { epoch, by, .. } = &heard {
            Some((*epoch, *by))
        } else {
            None
        };
        self.attendance.hear(Instant::now(), heard);
        let now_in = self.attendance.circle().map(Circle::epoch);
        if let Some((epoch, by)) = commit.filter(|(epoch, _)| now_in == Some(*epoch))
            && let Some(sent) = self.sent.at(epoch, by)
        {
            let took = clock::now().saturating_sub(sent) / 1_000;
            self.meter.lock().sealed.rekey.record(took);
        }
    }

    /// False when nobody listens any more.
    fn carry_out(&mut self, output: Output) -> bool {
        match output {
            Output::Say(request, say) => {
                if let Say::Commit { epoch, .. } = &say {
                    self.sent.note(epoch + 1, self.own);
                }
                let Some(message) = write(request, say) else { return false };
                return self.say.blocking_send(message).is_ok();
            }
            Output::Open(keys) => {
                self.meter.lock().join.member.get_or_insert_with(clock::now);
                let leaves = self.attendance.circle().map(Circle::leaves).unwrap_or_default();
                let leaves = leaves.iter().filter_map(|leaf| {
                    Some((leaf.identity.participant, u16::try_from(leaf.index).ok()?))
                });
                self.shield.open_in(keys, leaves.collect::<HashMap<_, _>>());
            }
            Output::Seal(keys) => self.shield.seal_in(keys),
            Output::Outside => self.shield.stop(),
            Output::Broken(_) => self.meter.lock().sealed.broken += 1,
        }
        true
    }
}

/// Requests of the circle are numbered from here on; those of the seat stay below.
const CIRCLE_REQUESTS: u32 = 1 << 24;

/// Words that wait, in either direction. A class that comes at once says a few for each of them.
const MAX_HEARD: usize = 4_096;

/// Commits whose time is remembered.
const MAX_SENT: usize = 256;
