//! The faults, what people should see of each, and how much of it is still good.

use std::time::Duration;

/// One fault.
pub(super) struct Fault {
    /// One word, to choose it by.
    pub(super) name: &'static str,
    /// What happens, to whom, for how long.
    pub(super) what: &'static str,
    /// What people see, in one sentence.
    pub(super) seen: &'static str,
    /// How it is made.
    pub(super) cause: Cause,
    /// What must not be exceeded.
    pub(super) limits: Limits,
    /// Among the quick ones.
    pub(super) is_short: bool,
}

/// How a fault is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// The network of one person, from and to them, for so many seconds.
    Link { up: &'static str, down: &'static str, seconds: u64 },
    /// The network of everybody carries packets of so many bytes at most, before they come.
    Mtu(u16),
    /// There is nothing but IPv6.
    OnlyIpv6,
    /// The router of one person gives them another port, so many times.
    Rebinding(usize),
    /// One person comes to another network, so many times; the one before is silent from then on.
    Moves(usize),
    /// The server is killed and started again.
    Killed,
    /// The server stands still for so many seconds.
    Stopped(u64),
    /// The server is asked to end, twice, and started again.
    TermTwice,
    /// The clock of the server's machine is set forth by a year, and back.
    ClockJump,
    /// The server may open no descriptor more, and many ask for one.
    NoDescriptors,
    /// The server may have little more memory, and strangers send it what they can.
    LittleMemory,
}

/// Largest values that are still good; all of them hold where they are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the end of the cause until everybody sees and hears everybody; of a change without a
    /// length, the longest time without sound, for 95 of 100.
    pub(super) again: Option<Duration>,
    /// Longest time without sound, for those whom it strikes.
    pub(super) sound_gap: Option<Duration>,
    /// Longest time without a picture, for those whom it strikes.
    pub(super) picture_gap: Option<Duration>,
    /// Sound that had to be invented.
    pub(super) concealed_percent: Option<f64>,
    /// Longest gap of those whom it does not strike.
    pub(super) others_gap: Option<Duration>,
    /// Times somebody had to come back.
    pub(super) returns: Option<u64>,
}

/// Where a fault of the list is proven that these participants cannot make.
pub(super) struct Elsewhere {
    pub(super) what: &'static str,
    pub(super) seen: &'static str,
    pub(super) test: &'static str,
}

/// No limit but that the others notice nothing.
const ANY: Limits = Limits {
    again: None,
    sound_gap: None,
    picture_gap: None,
    concealed_percent: None,
    others_gap: Some(UNNOTICED),
    returns: None,
};

/// Nobody is cut and everything goes on: pauses that a viewer hardly sees.
const UNBROKEN: Limits =
    Limits { sound_gap: Some(UNNOTICED), picture_gap: Some(ms(1_000)), returns: Some(0), ..ANY };

/// A gap of this length is taken for a hitch of the machine that plays everybody.
const UNNOTICED: Duration = ms(500);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn link(both: &'static str, seconds: u64) -> Cause {
    Cause::Link { up: both, down: both, seconds }
}

const GONE: &str = "loss_percent = 100";

/// All of them, those of the network first.
pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "loss1",
        what: "1 % of one person's packets are lost, both ways, for 5 s",
        seen: "Nothing: sound is carried twice and pictures are sent again.",
        cause: link("delay_ms = 10, loss_percent = 1", 5),
        limits: Limits { concealed_percent: Some(1.0), ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "loss5",
        what: "5 % are lost, both ways, for 5 s",
        seen: "Sound is whole; a picture pauses for a second at most now and then.",
        cause: link("delay_ms = 10, loss_percent = 5", 5),
        limits: Limits { picture_gap: Some(ms(2_500)), concealed_percent: Some(2.0), ..UNBROKEN },
        is_short: true,
    },
    Fault {
        name: "loss10",
        what: "10 % are lost, both ways, for 5 s",
        seen: "Sound stays whole; pictures pause for a second or two now and then.",
        cause: link("delay_ms = 10, loss_percent = 10", 5),
        limits: Limits { picture_gap: Some(ms(4_000)), concealed_percent: Some(5.0), ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "loss30",
        what: "30 % are lost, both ways, for 5 s",
        seen: "Speech can be followed, pictures stand still for seconds; nobody is cut.",
        cause: link("delay_ms = 10, loss_percent = 30", 5),
        limits: Limits {
            again: Some(ms(3_000)),
            picture_gap: None,
            concealed_percent: Some(25.0),
            returns: None,
            ..UNBROKEN
        },
        is_short: false,
    },
    Fault {
        name: "bursts",
        what: "5 % are lost in bursts of 8 packets, both ways, for 5 s",
        seen: "A syllable is missing here and there, and a picture pauses.",
        cause: link("delay_ms = 10, loss_percent = 5, burst_packets = 8", 5),
        limits: Limits { picture_gap: Some(ms(3_000)), concealed_percent: Some(8.0), ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "jitter",
        what: "packets come up to 200 ms late, both ways, for 5 s",
        seen: "Sound and pictures come a fifth of a second later.",
        cause: link("delay_ms = 10, jitter_ms = 200", 5),
        limits: Limits { returns: None, ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "reordering",
        what: "5 % come after their turn and 5 % twice, both ways, for 5 s",
        seen: "Nothing.",
        cause: link("delay_ms = 10, reorder_percent = 5, duplicate_percent = 5", 5),
        limits: Limits { concealed_percent: Some(2.0), ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "asymmetric",
        what: "what one person sends takes 300 ms, what they receive 10 ms, for 5 s",
        seen: "Their answers come a little late.",
        cause: Cause::Link { up: "delay_ms = 300", down: "delay_ms = 10", seconds: 5 },
        limits: Limits { sound_gap: Some(ms(800)), returns: None, ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "ratestep",
        what: "what one person receives falls from 4 to 0.3 Mbit/s for 10 s, and is 4 again",
        seen: "The picture becomes small or pauses, sound goes on; then the large picture is back.",
        cause: Cause::Link {
            up: "delay_ms = 10",
            down: "delay_ms = 10, rates = [[0, 300]]",
            seconds: 10,
        },
        limits: Limits {
            again: Some(ms(3_000)),
            sound_gap: Some(ms(1_000)),
            picture_gap: None,
            returns: None,
            ..UNBROKEN
        },
        is_short: false,
    },
    Fault {
        name: "mtu1280",
        what: "the network carries packets of at most 1280 bytes, as tunnels do",
        seen: "Nothing: no packet of media is longer.",
        cause: Cause::Mtu(1_280),
        limits: UNBROKEN,
        is_short: false,
    },
    Fault {
        name: "only_ipv6",
        what: "server and people have addresses of IPv6 alone",
        seen: "Nothing.",
        cause: Cause::OnlyIpv6,
        limits: UNBROKEN,
        is_short: false,
    },
    Fault {
        name: "udp_blocked",
        what: "a firewall begins to drop UDP of one person, in the middle of the meeting, for 10 s",
        seen: "They hear and see nothing for about two seconds, then everything over TCP.",
        cause: link("delay_ms = 10, passes = \"without_udp\"", 10),
        limits: Limits {
            again: Some(ms(1_000)),
            sound_gap: Some(ms(4_000)),
            picture_gap: Some(ms(5_000)),
            ..ANY
        },
        is_short: false,
    },
    Fault {
        name: "only_tcp_443",
        what: "only port 443 of TCP is left to one person, in the middle of the meeting, for 10 s",
        seen: "The same as without UDP.",
        cause: link("delay_ms = 10, passes = \"only_tcp443\"", 10),
        limits: Limits {
            again: Some(ms(1_000)),
            sound_gap: Some(ms(4_000)),
            picture_gap: Some(ms(5_000)),
            ..ANY
        },
        is_short: false,
    },
    Fault {
        name: "rebinding",
        what: "the router of one person gives them another port, 10 times",
        seen: "Hardly anything: a tenth of a second of sound, two of pictures.",
        cause: Cause::Rebinding(10),
        limits: Limits { again: Some(ms(1_500)), picture_gap: Some(ms(4_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "network_change",
        what: "one person goes from Wi-Fi to 4G, 10 times: another address, the former one dead",
        seen: "They miss a second of sound, and are missed as long; pictures take some seconds more.",
        cause: Cause::Moves(10),
        limits: Limits { again: Some(ms(2_000)), picture_gap: Some(ms(8_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "signaling_cut",
        what: "one person's TCP is cut for 30 s while UDP goes on",
        seen: "Sound and pictures go on; the rest waits until the session is resumed, seconds after.",
        cause: link("delay_ms = 10, passes = \"without_tcp\"", 30),
        limits: UNBROKEN_BUT_BACK,
        is_short: false,
    },
    Fault {
        name: "down2",
        what: "one person's network is gone for 2 s",
        seen: "They miss these seconds; then sound goes on at once, pictures within two seconds.",
        cause: link(GONE, 2),
        limits: Limits { again: Some(ms(5_000)), sound_gap: Some(ms(4_000)), ..ANY },
        is_short: true,
    },
    Fault {
        name: "down10",
        what: "one person's network is gone for 10 s",
        seen: "They miss these seconds; then sound goes on at once, pictures some seconds later.",
        cause: link(GONE, 10),
        limits: Limits { again: Some(ms(10_000)), sound_gap: Some(ms(13_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "down30",
        what: "one person's network is gone for 30 s",
        seen: "They miss these seconds and come back by themselves, pictures some seconds after sound.",
        cause: link(GONE, 30),
        limits: Limits { again: Some(ms(12_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "deaf",
        what: "nothing reaches one person for 5 s, though all they send arrives",
        seen: "They miss these seconds, the others nothing; then sound goes on, pictures some seconds later.",
        cause: Cause::Link { up: "delay_ms = 10", down: GONE, seconds: 5 },
        limits: Limits { again: Some(ms(5_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "mute",
        what: "nothing that one person sends arrives for 5 s, though all reaches them",
        seen: "The others miss them for these seconds; then sound goes on, pictures some seconds later.",
        cause: Cause::Link { up: GONE, down: "delay_ms = 10", seconds: 5 },
        limits: Limits { again: Some(ms(5_000)), ..ANY },
        is_short: false,
    },
    Fault {
        name: "killed",
        what: "the server is killed (SIGKILL) and started again after 1 s",
        seen: "The meeting stops; everybody is back by themselves, in the same room.",
        cause: Cause::Killed,
        limits: Limits { again: Some(ms(5_000)), others_gap: None, ..ANY },
        is_short: true,
    },
    Fault {
        name: "stopped3",
        what: "the server stands still for 3 s (SIGSTOP, SIGCONT)",
        seen: "The meeting pauses for these seconds and goes on.",
        cause: Cause::Stopped(3),
        limits: Limits { again: Some(ms(3_000)), others_gap: None, ..ANY },
        is_short: true,
    },
    Fault {
        name: "stopped20",
        what: "the server stands still for 20 s",
        seen: "The meeting pauses for these seconds and goes on.",
        cause: Cause::Stopped(20),
        limits: Limits { again: Some(ms(5_000)), others_gap: None, ..ANY },
        is_short: false,
    },
    Fault {
        name: "term_twice",
        what: "the server is asked to end during a meeting (SIGTERM), then told to (again), and started again",
        seen: "After the first nothing stops, after the second the meeting does; then everybody is back.",
        cause: Cause::TermTwice,
        limits: Limits { again: Some(ms(5_000)), others_gap: None, ..ANY },
        is_short: false,
    },
    Fault {
        name: "clock_jump",
        what: "the clock of the server is set forth by a year for 5 s, and back",
        seen: "Nothing.",
        cause: Cause::ClockJump,
        limits: Limits { others_gap: None, ..UNBROKEN },
        is_short: false,
    },
    Fault {
        name: "no_descriptors",
        what: "the server has no descriptor left while 64 more connections are asked for",
        seen: "Nothing in the meeting; newcomers wait outside until there is room.",
        cause: Cause::NoDescriptors,
        limits: Limits { others_gap: None, ..UNBROKEN },
        is_short: true,
    },
    Fault {
        name: "little_memory",
        what: "the server may have 48 MiB more while strangers open 1,000 connections and send 20,000 datagrams",
        seen: "Nothing.",
        cause: Cause::LittleMemory,
        limits: Limits { others_gap: None, ..UNBROKEN },
        is_short: false,
    },
];

/// Media goes on, and the session has to be resumed.
const UNBROKEN_BUT_BACK: Limits = Limits { returns: None, ..UNBROKEN };

/// What takes other means.
pub(super) const ELSEWHERE: &[Elsewhere] = &[Elsewhere {
    what: "the disk fills up while a meeting is recorded",
    seen: "The recording ends and everybody is told; what was written stays, and the meeting goes on.",
    test: "recorder::a_disk_that_fills_up_ends_the_recording_at_once_and_keeps_what_was_written (tests/integration)",
}];

#[cfg(test)]
mod tests {
    use link_emulator::Link;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_a_good_link_and_a_sentence() {
        for (at, fault) in FAULTS.iter().enumerate() {
            assert!(FAULTS[..at].iter().all(|other| other.name != fault.name), "{}", fault.name);
            assert!(fault.seen.ends_with('.'), "{}", fault.name);
            if let Cause::Link { up, down, .. } = fault.cause {
                for link in [up, down] {
                    assert!(link.parse::<Link>().is_ok(), "{}: {link}", fault.name);
                }
            }
        }
        assert!(FAULTS.iter().filter(|fault| fault.is_short).count() >= 5);
    }
}
