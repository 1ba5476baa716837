//! [`Poll`]: one question and how many chose each answer.

use std::collections::BTreeSet;

use protocol::{
    ErrorCode, MAX_POLL_CHOICES, MAX_POLL_TEXT_CHARS, OpenPoll, ParticipantId, Redacted,
};

use crate::text;

/// A question that is open. Who has answered and what was answered are kept apart and are never
/// brought together: a ballot adds one to a number, and nothing else remembers it.
#[derive(Debug)]
pub(crate) struct Poll {
    number: u32,
    question: Redacted<String>,
    choices: Vec<Redacted<String>>,
    voters: BTreeSet<ParticipantId>,
    results: Vec<u16>,
}

impl Poll {
    /// Opens a question, if its texts can be shown.
    pub(crate) fn open(
        number: u32,
        question: &Redacted<String>,
        choices: &[Redacted<String>],
    ) -> Result<Self, ErrorCode> {
        if !(2..=MAX_POLL_CHOICES).contains(&choices.len()) {
            return Err(ErrorCode::Malformed);
        }
        let accept = |typed| text::accept(typed, MAX_POLL_TEXT_CHARS).ok_or(ErrorCode::Malformed);
        Ok(Self {
            number,
            question: accept(question)?,
            choices: choices.iter().map(accept).collect::<Result<_, _>>()?,
            voters: BTreeSet::new(),
            results: vec![0; choices.len()],
        })
    }

    /// Takes somebody's only ballot.
    pub(crate) fn vote(
        &mut self,
        voter: ParticipantId,
        poll: u32,
        choice: u8,
    ) -> Result<(), ErrorCode> {
        if poll != self.number {
            return Err(ErrorCode::NotThere);
        }
        let result = self.results.get_mut(usize::from(choice)).ok_or(ErrorCode::Malformed)?;
        if self.voters.len() >= MAX_VOTERS || !self.voters.insert(voter) {
            return Err(ErrorCode::NotAllowed);
        }
        *result += 1;
        Ok(())
    }

    /// Whether somebody has answered.
    pub(crate) fn has_ballot_of(&self, voter: ParticipantId) -> bool {
        self.voters.contains(&voter)
    }

    pub(crate) fn info(&self) -> OpenPoll {
        OpenPoll {
            poll: self.number,
            question: self.question.clone(),
            choices: self.choices.clone(),
            ballots: self.results.iter().sum(),
        }
    }

    /// The number of the poll and how many chose each answer.
    pub(crate) fn close(self) -> (u32, Vec<u16>) {
        (self.number, self.results)
    }
}

/// Most ballots of one question, those of people who left included. Raised, a link in many hands
/// can make the room remember more voters.
const MAX_VOTERS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Redacted<String> {
        Redacted::new(text.to_owned())
    }

    fn voter(n: u8) -> ParticipantId {
        ParticipantId::from_bytes([n; 8])
    }

    #[test]
    fn everybody_has_one_ballot_and_only_numbers_come_out() {
        let mut poll = Poll::open(7, &text("Compris ?"), &[text("oui"), text("non")]).unwrap();
        for n in 0..30 {
            assert_eq!(poll.vote(voter(n), 7, n % 3 / 2), Ok(()));
            assert_eq!(poll.vote(voter(n), 7, 0), Err(ErrorCode::NotAllowed), "a second ballot");
        }
        assert_eq!(poll.vote(voter(99), 6, 0), Err(ErrorCode::NotThere));
        assert_eq!(poll.vote(voter(99), 7, 2), Err(ErrorCode::Malformed));
        assert_eq!(poll.info().ballots, 30);
        assert_eq!(poll.close(), (7, vec![20, 10]));
    }

    #[test]
    fn a_question_needs_answers_to_choose_from() {
        let open = |question: &str, choices: &[&str]| {
            let choices: Vec<_> = choices.iter().map(|choice| text(choice)).collect();
            Poll::open(1, &text(question), &choices).map(|_| ())
        };
        assert_eq!(open("?", &["a", "b"]), Ok(()));
        assert_eq!(open("?", &["a"; 10]), Ok(()));
        for (question, choices) in
            [("?", &["a"][..]), ("?", &["a"; 11]), (" ", &["a", "b"]), ("?", &["a", " "])]
        {
            assert_eq!(
                open(question, choices),
                Err(ErrorCode::Malformed),
                "{question} {choices:?}"
            );
        }
        assert_eq!(open(&"é".repeat(201), &["a", "b"]), Err(ErrorCode::Malformed));
    }
}
