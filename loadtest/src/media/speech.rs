//! Opus as a browser encodes a voice: French sentences of a speech synthesis, 20 ms a packet,
//! in-band error correction, and nothing but a sign of life while nobody speaks (DTX).

use std::path::Path;
use std::process::Command;

use opus::{Application, Bitrate, Channels, Encoder};

use super::{MediaError, ended, make_file};

/// One voice, to be played in a loop.
#[derive(Debug)]
pub struct Speech {
    /// One for each 20 ms.
    pub packets: Vec<SpeechPacket>,
}

/// 20 ms of a voice.
#[derive(Clone, Debug)]
pub struct SpeechPacket {
    /// Opus; empty where discontinuous transmission sends nothing.
    pub bytes: Vec<u8>,
    /// Loudness below full scale in dB, the highest bit set while somebody speaks (RFC 6464).
    pub level: u8,
}

/// Samples a second.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// Samples of one packet.
pub(crate) const PACKET_SAMPLES: usize = 960;

const VOICES: [(&str, &str); 4] = [
    ("voice-1.wav", "fr+f2"),
    ("voice-2.wav", "fr+m3"),
    ("voice-3.wav", "fr+f4"),
    ("voice-4.wav", "fr+m7"),
];

const TEXT: &str = "Bonjour à toutes et à tous. Ouvrez vos cahiers à la page vingt-trois. \
    Aujourd'hui, nous allons parler des volcans. Qui peut me dire ce qu'est le magma ? \
    Très bien. Le magma est de la roche fondue, qui monte des profondeurs de la Terre. \
    Quand il arrive à la surface, on l'appelle la lave. Regardez ce schéma. \
    À gauche, vous voyez la chambre magmatique, et au milieu, la cheminée du volcan. \
    Prenez deux minutes pour recopier le schéma, puis nous répondrons aux questions ensemble.";

pub(super) fn prepare(folder: &Path) -> Result<Vec<Speech>, MediaError> {
    let mut voices = Vec::new();
    for (file, voice) in VOICES {
        let file = folder.join(file);
        make_file(&file, |out| {
            let mut program = Command::new("espeak-ng");
            program.args(["-v", voice, "-s", "155", "-g", "8", "-w"]).arg(out).arg(TEXT);
            ended("espeak-ng", "espeak-ng", program.output())
        })?;
        let bytes =
            std::fs::read(&file).map_err(|error| MediaError::Folder(file.clone(), error))?;
        let samples = read_wav(&bytes).ok_or(MediaError::Damaged(file))?;
        voices.push(encode(&samples)?);
    }
    Ok(voices)
}

/// Samples of a RIFF file with one channel of 16 bits, brought to 48 kHz.
fn read_wav(bytes: &[u8]) -> Option<Vec<i16>> {
    let format = bytes.get(20..36).filter(|_| bytes.starts_with(b"RIFF"))?;
    let rate = u32::from_le_bytes(format[4..8].try_into().ok()?);
    let is_plain = format[0..4] == [1, 0, 1, 0] && format[14] == 16 && rate >= 8_000;
    let data = bytes.get(44..).filter(|_| is_plain)?;
    let samples: Vec<i16> =
        data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let length = samples.len() as u64 * u64::from(SAMPLE_RATE) / u64::from(rate);
    let at = |index: usize| i64::from(samples.get(index).copied().unwrap_or(0));
    let resampled = (0..length).map(|n| {
        // Between two samples on a straight line.
        let position = n * u64::from(rate);
        let (whole, part) = (position / u64::from(SAMPLE_RATE), position % u64::from(SAMPLE_RATE));
        let (before, after) = (at(whole as usize), at(whole as usize + 1));
        (before + (after - before) * part as i64 / i64::from(SAMPLE_RATE)) as i16
    });
    Some(resampled.collect())
}

fn encode(samples: &[i16]) -> Result<Speech, MediaError> {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(32_000))?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(5)?;
    encoder.set_complexity(5)?;
    encoder.set_dtx(true)?;
    let mut packets = Vec::new();
    for chunk in samples.chunks_exact(PACKET_SAMPLES) {
        let bytes = encoder.encode_vec(chunk, MAX_PACKET_BYTES)?;
        // RFC 7587 section 3.1.3: packets of up to two bytes need not be sent.
        let is_silent = bytes.len() <= 2;
        let level = level(chunk);
        packets.push(SpeechPacket {
            bytes: if is_silent { Vec::new() } else { bytes },
            level: if is_silent { level } else { level | VOICE },
        });
    }
    Ok(Speech { packets })
}

/// Loudness of samples below full scale, in dB, 0 to 127.
fn level(samples: &[i16]) -> u8 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let mean = (energy / samples.len().max(1) as f64).sqrt() / f64::from(i16::MAX);
    (-20.0 * mean.max(1e-7).log10()).round().clamp(0.0, 127.0) as u8
}

const VOICE: u8 = 0x80;

/// Longest Opus packet wanted; at 32 kbit/s some 80 bytes are usual.
const MAX_PACKET_BYTES: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_becomes_packets_with_its_loudness_and_silence_is_not_sent() {
        let tone = (0..SAMPLE_RATE).map(|n| if n % 100 < 50 { 16_384 } else { -16_384 });
        let samples: Vec<i16> = tone.chain(std::iter::repeat_n(0, 96_000)).collect();
        let speech = encode(&samples).unwrap();
        assert_eq!(speech.packets.len(), 150);
        assert_eq!(speech.packets[10].level, VOICE | 6);
        assert!(!speech.packets[10].bytes.is_empty());
        let last = &speech.packets[140..];
        let silent = last.iter().filter(|packet| packet.bytes.is_empty()).count();
        assert!(silent >= 8, "{silent} of 10 packets of silence are left out");
    }

    #[test]
    fn a_wav_file_is_brought_to_the_rate_of_opus() {
        let mut file = b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(24_000_u32.to_le_bytes());
        file.extend([0, 0, 0, 0, 2, 0, 16, 0]);
        file.extend(b"data\x06\0\0\0");
        for sample in [0_i16, 100, 200] {
            file.extend(sample.to_le_bytes());
        }
        assert_eq!(read_wav(&file), Some(vec![0, 50, 100, 150, 200, 100]));
        assert_eq!(read_wav(b"RIFF"), None);
    }
}
