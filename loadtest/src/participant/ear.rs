//! Somebody who really listens: sound waits in a buffer as in a browser, is decoded in its order,
//! and what did not come in time is invented by the decoder and counted.

use std::collections::BTreeMap;

use opus::{Channels, Decoder};

use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::measure::Heard;
use crate::media::{PACKET_SAMPLES, SAMPLE_RATE};

/// One slot of sound.
pub(crate) struct Ear {
    decoder: Decoder,
    waiting: BTreeMap<u64, Waiting>,
    /// Number of the packet to play next.
    next: Option<u64>,
    /// When the packet before was played, and its timestamp.
    last: (Nanos, u32),
    samples: Vec<i16>,
}

struct Waiting {
    arrived: Nanos,
    timestamp: u32,
    payload: Vec<u8>,
    /// It came with the packet after it, not by itself.
    is_repeat: bool,
}

impl Ear {
    /// `None` when the decoder cannot be made.
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            decoder: Decoder::new(SAMPLE_RATE, Channels::Mono).ok()?,
            waiting: BTreeMap::new(),
            next: None,
            last: (0, 0),
            samples: vec![0; MAX_SAMPLES],
        })
    }

    /// Takes one packet and plays what is due.
    pub(crate) fn handle_packet(
        &mut self,
        arrived: Nanos,
        sequence: u64,
        timestamp: u32,
        payload: &[u8],
        heard: &mut Heard,
    ) {
        let next = *self.next.get_or_insert_with(|| {
            // As if the packet before had been played so that this one waits as long as wanted.
            let before = timestamp.wrapping_sub(PACKET_SAMPLES as u32);
            self.last = (arrived + BUFFER - PACKET, before);
            sequence
        });
        if sequence < next || payload.is_empty() {
            return;
        }
        let payload = payload.to_vec();
        self.waiting.insert(sequence, Waiting { arrived, timestamp, payload, is_repeat: false });
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
        self.play(arrived, heard);
    }

    /// Takes what the packet `sequence` repeats of the one before it, which may be lost.
    pub(crate) fn handle_repeat(
        &mut self,
        arrived: Nanos,
        sequence: u64,
        timestamp: u32,
        payload: &[u8],
    ) {
        if let Some(before) = sequence.checked_sub(1)
            && self.next.is_some_and(|next| next <= before)
        {
            self.waiting.entry(before).or_insert_with(|| {
                let payload = payload.to_vec();
                Waiting { arrived, timestamp, payload, is_repeat: true }
            });
        }
    }

    /// Plays what is due at `now`.
    fn play(&mut self, now: Nanos, heard: &mut Heard) {
        while let Some(next) = self.next.filter(|_| !self.waiting.is_empty()) {
            let (played, timestamp) = self.last;
            if let Some(packet) = self.waiting.get(&next) {
                // Between two packets that follow each other nothing was sent (DTX).
                let ticks = packet.timestamp.wrapping_sub(timestamp).min(MAX_PAUSE);
                let due = played + u64::from(ticks) * SECOND / u64::from(SAMPLE_RATE);
                if now < due {
                    return;
                }
                let packet = self.waiting.remove(&next).expect("it was just found");
                let late = packet.arrived.saturating_sub(due);
                // It came too late to be played in time: the gap is filled, the buffer longer.
                let invented = late * u64::from(SAMPLE_RATE) / SECOND;
                heard.concealed += invented;
                let decoded = self.decode(&packet.payload, false);
                heard.samples += invented + decoded;
                heard.corrected += if packet.is_repeat { decoded } else { 0 };
                self.last = (due + late, packet.timestamp);
            } else {
                if now < played + PACKET {
                    return;
                }
                // The packet after a lost one may carry a coarse copy of it.
                let after = self.waiting.get(&(next + 1)).map(|packet| packet.payload.clone());
                let restored = after.is_some_and(|after| self.decode(&after, true) > 0);
                let lost = PACKET_SAMPLES as u64;
                heard.samples += lost;
                if restored {
                    heard.corrected += lost;
                } else {
                    self.decode(&[], false);
                    heard.concealed += lost;
                }
                self.last = (played + PACKET, timestamp.wrapping_add(PACKET_SAMPLES as u32));
            }
            self.next = Some(next + 1);
        }
    }

    /// Samples that came out.
    fn decode(&mut self, payload: &[u8], from_the_next: bool) -> u64 {
        let wanted = if from_the_next || payload.is_empty() { PACKET_SAMPLES } else { MAX_SAMPLES };
        let decoded = self.decoder.decode(payload, &mut self.samples[..wanted], from_the_next);
        decoded.unwrap_or(0) as u64
    }
}

/// What a browser keeps on a good network. Raised, less is invented and everything heard later.
pub(crate) const BUFFER: Nanos = 60 * MILLISECOND;

/// Length of one packet.
const PACKET: Nanos = 20 * MILLISECOND;

/// Opus packets are 120 ms at most.
const MAX_SAMPLES: usize = 5_760;

/// A pause of more is a new beginning: a minute.
const MAX_PAUSE: u32 = SAMPLE_RATE * 60;

/// Packets that wait at most: four seconds.
const MAX_WAITING: usize = 200;

#[cfg(test)]
mod tests {
    use opus::{Application, Encoder};

    use super::*;

    /// Plays 200 packets; `fate` gives each its delay in ms, or `None` for the lost.
    fn listen(fate: impl Fn(u64) -> Option<u64>) -> Heard {
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip).unwrap();
        encoder.set_inband_fec(true).unwrap();
        encoder.set_packet_loss_perc(20).unwrap();
        let mut ear = Ear::new().unwrap();
        let mut heard = Heard::default();
        for n in 0..200_u64 {
            let tone: Vec<i16> =
                (0..PACKET_SAMPLES).map(|s| ((s as f64 / 20.0).sin() * 9_000.0) as i16).collect();
            let packet = encoder.encode_vec(&tone, 400).unwrap();
            if let Some(delay) = fate(n) {
                let at = SECOND + n * PACKET + delay * MILLISECOND;
                ear.handle_packet(at, n, (n * PACKET_SAMPLES as u64) as u32, &packet, &mut heard);
            }
        }
        heard
    }

    #[test]
    fn on_a_good_network_nothing_is_invented() {
        let heard = listen(|n| Some(n % 7 * 5));
        assert_eq!((heard.concealed, heard.corrected), (0, 0));
        assert!(heard.samples > 190 * PACKET_SAMPLES as u64);
    }

    #[test]
    fn a_lost_packet_is_restored_from_the_next_or_invented() {
        let heard = listen(|n| (n % 20 != 10).then_some(5));
        assert_eq!(heard.corrected + heard.concealed, 10 * PACKET_SAMPLES as u64);
        let burst = listen(|n| (!(50..55).contains(&n)).then_some(5));
        assert!(burst.concealed >= 4 * PACKET_SAMPLES as u64, "{burst:?}");
    }

    #[test]
    fn a_repeat_stands_in_for_what_was_lost_and_for_nothing_else() {
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip).unwrap();
        let packet = encoder.encode_vec(&[3_000; PACKET_SAMPLES], 400).unwrap();
        let (mut ear, mut heard) = (Ear::new().unwrap(), Heard::default());
        for n in (0..100_u64).filter(|n| n % 10 != 5) {
            let (at, ticks) = (SECOND + n * PACKET, n * PACKET_SAMPLES as u64);
            let before = ticks.wrapping_sub(PACKET_SAMPLES as u64) as u32;
            ear.handle_repeat(at, n, before, &packet);
            ear.handle_packet(at, n, ticks as u32, &packet, &mut heard);
        }
        assert_eq!((heard.concealed, heard.corrected), (0, 10 * PACKET_SAMPLES as u64));
    }

    #[test]
    fn what_comes_too_late_is_invented_once_and_the_buffer_grows() {
        let heard = listen(|n| Some(if n < 100 { 5 } else { 205 }));
        let gap = (200 - BUFFER / MILLISECOND) * u64::from(SAMPLE_RATE) / 1_000;
        assert!(heard.concealed.abs_diff(gap) < 2_000, "{heard:?} {gap}");
    }

    #[test]
    fn a_pause_of_the_sender_is_silence_and_not_loss() {
        let mut ear = Ear::new().unwrap();
        let mut heard = Heard::default();
        for (n, ms) in [(0, 0), (1, 20), (2, 420), (3, 440), (4, 460), (5, 600)] {
            let at = SECOND + ms * MILLISECOND;
            ear.handle_packet(at, n, (ms * 48) as u32, &[0x78, 0, 0], &mut heard);
        }
        assert_eq!(heard.concealed, 0);
    }
}
