//! [`Member`]: what an encrypted room holds of a participant beside the circle.

use std::time::{Duration, Instant};

use protocol::{Admission, KnownMember, MemberKey, Redacted};

use crate::{Rate, TokenBucket};

/// One participant of an encrypted room.
#[derive(Debug)]
pub(crate) struct Member {
    /// The key their page signs with.
    pub(crate) key: Option<MemberKey>,
    /// What a moderator signed for it.
    pub(crate) admission: Option<Redacted<Admission>>,
    messages: TokenBucket,
    kibibytes: TokenBucket,
    changes: TokenBucket,
    rotations: TokenBucket,
    key_packages: TokenBucket,
}

/// What of the circle somebody sets in motion, which every page has to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// A commit that adds or removes somebody.
    Change,
    /// A commit that does neither.
    Rotation,
    /// Asking to be added.
    KeyPackage,
}

impl Member {
    pub(crate) fn new(now: Instant, key: Option<MemberKey>) -> Self {
        let messages = TokenBucket::new(MESSAGE_RATE, now);
        let kibibytes = TokenBucket::new(KIBIBYTE_RATE, now);
        let changes = TokenBucket::new(CHANGE_RATE, now);
        let rotations = TokenBucket::new(ROTATION_RATE, now);
        let key_packages = TokenBucket::new(KEY_PACKAGE_RATE, now);
        Self { key, admission: None, messages, kibibytes, changes, rotations, key_packages }
    }

    /// The page came back with this key; an admission for another one is worth nothing.
    pub(crate) fn set_key(&mut self, key: Option<MemberKey>) {
        if self.key != key {
            self.key = key;
            self.admission = None;
        }
    }

    /// Takes what a message of so many bytes costs that others get; false when it is too much now.
    pub(crate) fn may_send(&mut self, now: Instant, bytes: usize) -> bool {
        let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        self.kibibytes.left(now) >= kibibytes
            && self.messages.take(now)
            && self.kibibytes.take_many(now, kibibytes)
    }

    /// Takes what it costs to have every page work; false when it is too much now.
    pub(crate) fn may_move(&mut self, now: Instant, what: Move) -> bool {
        let bucket = match what {
            Move::Change => &mut self.changes,
            Move::Rotation => &mut self.rotations,
            Move::KeyPackage => &mut self.key_packages,
        };
        bucket.take(now)
    }

    /// All of it, for their own eyes.
    pub(crate) fn known(&self, now: Instant) -> KnownMember {
        // How much of the circle may be moved now is no more than what `messages` says already.
        let Self { key, admission, messages, kibibytes, changes: _, rotations: _, key_packages: _ } =
            self;
        KnownMember {
            member_key: *key,
            admission: admission.clone(),
            key_package: None,
            first_epoch: None,
            ready_epoch: None,
            messages_left: messages.left(now),
            kibibytes_left: kibibytes.left(now),
        }
    }
}

/// Sealed messages of one participant. Whoever commits tells each of thirty newcomers what goes on;
/// more lets one page keep everybody else's busy.
const MESSAGE_RATE: Rate = Rate { burst: 200, refill: Duration::from_millis(50) };

/// And how much in them: a hundred arrivals in ten seconds make about 1 MiB of commits. More lets one
/// page send more to everybody.
const KIBIBYTE_RATE: Rate = Rate { burst: 2048, refill: Duration::from_millis(8) };

/// Commits that let people in or out: a class arrives in some batches a second. More lets one member
/// keep every page busy, and everybody else's commit from being the first of its epoch.
const CHANGE_RATE: Rate = Rate { burst: 20, refill: Duration::from_millis(500) };

/// Commits that change nobody: for a recording, or after a page's worker crashed.
const ROTATION_RATE: Rate = Rate { burst: 5, refill: Duration::from_secs(5) };

/// Asking to be added, which has somebody commit. Pages that were refused ask every 15 s.
const KEY_PACKAGE_RATE: Rate = Rate { burst: 5, refill: Duration::from_secs(3) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_limited_by_number_and_by_size() {
        let start = crate::room::start();
        let mut member = Member::new(start, None);
        let sent = |member: &mut Member, now, bytes| {
            (0..9_999).filter(|_| member.may_send(now, bytes)).count()
        };
        assert_eq!(sent(&mut member, start, 10), 200);
        let later = start + Duration::from_secs(60);
        assert_eq!(sent(&mut member, later, 48 * 1024), 2048 / 48);
        assert_eq!(sent(&mut member, later + Duration::from_millis(48 * 8), 48 * 1024), 1);
        let known = member.known(later + Duration::from_secs(60));
        assert_eq!((known.messages_left, known.kibibytes_left), (200, 2048));
    }

    #[test]
    fn one_member_cannot_keep_every_page_at_work() {
        let start = crate::room::start();
        let mut member = Member::new(start, None);
        let moved = |member: &mut Member, now, what| {
            (0..999).filter(|_| member.may_move(now, what)).count()
        };
        for (what, burst, in_a_minute) in
            [(Move::Change, 20, 120), (Move::Rotation, 5, 12), (Move::KeyPackage, 5, 20)]
        {
            assert_eq!(moved(&mut member, start, what), burst, "{what:?}");
            let second = |at| start + Duration::from_secs(at);
            let later: usize = (1..=60).map(|at| moved(&mut member, second(at), what)).sum();
            assert_eq!(later, in_a_minute, "{what:?}");
        }
    }

    #[test]
    fn an_admission_goes_with_its_key() {
        let mut member = Member::new(crate::room::start(), None);
        let key = Some(MemberKey::from_bytes([1; 32]));
        member.set_key(key);
        member.admission = Some(Redacted::new("YWRt".parse().unwrap()));
        member.set_key(key);
        assert!(member.admission.is_some());
        member.set_key(Some(MemberKey::from_bytes([2; 32])));
        assert!(member.admission.is_none());
    }
}
