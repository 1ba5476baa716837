//! [`SealedPollBox`]: one question and its ballots, none of which the server can read.

use std::collections::BTreeSet;

use protocol::{Ballot, ErrorCode, ParticipantId, Redacted, SealedPoll, SealedQuestion};

/// A sealed question that is open. Who has answered and what was answered are kept apart: ballots lie
/// in the order of their bytes, which are random, so that nothing remembers when or by whom one came.
#[derive(Debug)]
pub(crate) struct SealedPollBox {
    number: u32,
    question: Redacted<SealedQuestion>,
    by: ParticipantId,
    voters: BTreeSet<ParticipantId>,
    ballots: Vec<Redacted<Ballot>>,
}

impl SealedPollBox {
    pub(crate) fn open(number: u32, by: ParticipantId, question: Redacted<SealedQuestion>) -> Self {
        Self { number, question, by, voters: BTreeSet::new(), ballots: Vec::new() }
    }

    /// Takes somebody's only ballot.
    pub(crate) fn vote(
        &mut self,
        voter: ParticipantId,
        poll: u32,
        ballot: Redacted<Ballot>,
    ) -> Result<(), ErrorCode> {
        if poll != self.number {
            return Err(ErrorCode::NotThere);
        }
        if self.voters.len() >= MAX_BALLOTS || !self.voters.insert(voter) {
            return Err(ErrorCode::NotAllowed);
        }
        let place = self.ballots.partition_point(|other| *other < ballot);
        self.ballots.insert(place, ballot);
        Ok(())
    }

    /// Whether somebody has answered.
    pub(crate) fn has_ballot_of(&self, voter: ParticipantId) -> bool {
        self.voters.contains(&voter)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn count(&self) -> u16 {
        u16::try_from(self.ballots.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn info(&self) -> SealedPoll {
        SealedPoll {
            poll: self.number,
            sealed: self.question.clone(),
            by: self.by,
            ballots: self.count(),
        }
    }

    /// The number of the poll and the ballots.
    pub(crate) fn close(self) -> (u32, Vec<Redacted<Ballot>>) {
        (self.number, self.ballots)
    }
}

/// Most ballots of one question, those of people who left included. All of them travel in one message
/// of 180 bytes each; raised, a link in many hands can make the room remember more.
const MAX_BALLOTS: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(text: &str) -> Redacted<Ballot> {
        Redacted::new(text.parse().unwrap())
    }

    #[test]
    fn everybody_has_one_ballot_and_neither_names_nor_the_order_of_arrival_come_out() {
        let asker = ParticipantId::from_bytes([9; 8]);
        let voter = |n: u8| ParticipantId::from_bytes([n; 8]);
        let question = Redacted::new("cXVlc3Rpb24".parse().unwrap());
        let cast = |order: &[(u8, &str)]| {
            let mut poll = SealedPollBox::open(7, asker, question.clone());
            for (n, text) in order {
                assert_eq!(poll.vote(voter(*n), 7, ballot(text)), Ok(()));
                let again = poll.vote(voter(*n), 7, ballot("AAAA"));
                assert_eq!(again, Err(ErrorCode::NotAllowed), "a second ballot");
            }
            assert_eq!(poll.vote(voter(99), 6, ballot("AAAA")), Err(ErrorCode::NotThere));
            assert!(poll.has_ballot_of(voter(1)) && !poll.has_ballot_of(voter(99)));
            assert_eq!(usize::from(poll.info().ballots), order.len());
            poll.close()
        };
        let one = cast(&[(1, "YmFs"), (2, "bG90"), (3, "YmFs")]);
        let other = cast(&[(3, "bG90"), (1, "YmFs"), (2, "YmFs")]);
        assert_eq!(one, other);
        assert_eq!(one.1.len(), 3);
    }
}
