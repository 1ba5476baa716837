//! What was sent to one subscriber under each transport-wide number, until it is told what became
//! of it.

/// Packets remembered: two seconds of 1,000 packets a second. Power of two. Lowered, feedback of
/// fast or slow paths comes too late to be matched; raised, each subscriber costs more memory.
pub(super) const WINDOW: u64 = 2_048;

/// The latest packets by transport-wide number. Memory is taken by the first packet.
#[derive(Debug, Default)]
pub(super) struct History {
    packets: Vec<Sent>,
    next: u64,
}

/// One packet as it left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// When, in microseconds.
    pub(super) at_us: i64,
    /// Its bytes on the wire, and those of untold packets before it.
    pub(super) bytes: u32,
    /// The probe it belongs to; zero for none.
    pub(super) probe: u16,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    UnderWay,
    Arrived,
    Lost,
}

/// What a subscriber's word about one packet adds to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It arrived.
    Arrived(Sent),
    /// It arrived, though it was called lost before.
    ArrivedAfterAll(Sent),
    /// It did not arrive.
    Lost(Sent),
    /// Nothing new.
    Known,
    /// No such packet was sent, or too long ago.
    Unknown,
}

impl History {
    /// The number the next packet goes out with.
    pub(super) fn next_number(&self) -> u16 {
        self.next as u16
    }

    /// Notes that a packet went out with [`History::next_number`].
    pub(super) fn push(&mut self, at_us: i64, bytes: u32, probe: u16) {
        if self.packets.is_empty() {
            self.packets = vec![Sent::default(); WINDOW as usize];
        }
        self.packets[slot(self.next)] = Sent { at_us, bytes, probe, fate: Fate::UnderWay };
        self.next += 1;
    }

    /// Takes the subscriber's word about one number.
    pub(super) fn tell(&mut self, number: u16, arrived: bool) -> Told {
        let back = u64::from(self.next_number().wrapping_sub(number));
        if back == 0 || back > WINDOW.min(self.next) {
            return Told::Unknown;
        }
        let sent = &mut self.packets[slot(self.next - back)];
        let former = sent.fate;
        match (former, arrived) {
            (Fate::UnderWay, true) => {
                sent.fate = Fate::Arrived;
                Told::Arrived(*sent)
            }
            (Fate::Lost, true) => {
                sent.fate = Fate::Arrived;
                Told::ArrivedAfterAll(*sent)
            }
            (Fate::UnderWay, false) => {
                sent.fate = Fate::Lost;
                Told::Lost(*sent)
            }
            (Fate::Arrived, _) | (Fate::Lost, false) => Told::Known,
        }
    }
}

fn slot(number: u64) -> usize {
    (number % WINDOW) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: u32) -> History {
        let mut history = History::default();
        for packet in 0..count {
            history.push(i64::from(packet), packet, 0);
        }
        history
    }

    #[test]
    fn each_fate_is_news_once() {
        let mut history = history(10);
        assert!(matches!(history.tell(3, true), Told::Arrived(sent) if sent.bytes == 3));
        assert_eq!(history.tell(3, true), Told::Known);
        assert_eq!(history.tell(3, false), Told::Known);
        assert!(matches!(history.tell(4, false), Told::Lost(sent) if sent.at_us == 4));
        assert_eq!(history.tell(4, false), Told::Known);
        assert!(matches!(history.tell(4, true), Told::ArrivedAfterAll(sent) if sent.bytes == 4));
        assert_eq!(history.tell(4, true), Told::Known);
    }

    #[test]
    fn numbers_never_sent_or_forgotten_are_unknown() {
        assert_eq!(History::default().tell(0, true), Told::Unknown);
        let mut short = history(10);
        for number in [10, 11, 40_000, u16::MAX] {
            assert_eq!(short.tell(number, true), Told::Unknown, "{number}");
        }
        let mut wrapped = history(70_000);
        let next = wrapped.next_number();
        assert_eq!(wrapped.tell(next, true), Told::Unknown);
        assert!(matches!(
            wrapped.tell(next.wrapping_sub(1), true),
            Told::Arrived(sent) if sent.bytes == 69_999
        ));
        let oldest = next.wrapping_sub(WINDOW as u16);
        assert!(matches!(wrapped.tell(oldest, true), Told::Arrived(_)));
        assert_eq!(wrapped.tell(oldest.wrapping_sub(1), true), Told::Unknown);
    }
}
