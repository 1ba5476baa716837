//! H.264: access units from RTP payloads (RFC 6184, packetization mode 1), each unit behind its
//! length as Matroska wants them.

use super::picture::{Bits, Description};

const TYPE_MASK: u8 = 0x1f;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Bytes of a unit's length.
const LENGTH_BYTES: usize = 4;

/// The units of one picture. `None` when the payloads do not hang together.
pub(crate) fn access_unit<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut fragment: Option<Vec<u8>> = None;
    for payload in payloads {
        let (head, body) = payload.split_first()?;
        let kind = head & TYPE_MASK;
        if (kind == FU_A && body.first()? & 0x80 == 0) != fragment.is_some() {
            return None;
        }
        match kind {
            1..=23 => write_unit(payload, &mut out),
            STAP_A => {
                let mut rest = body;
                while !rest.is_empty() {
                    let (len, behind) = rest.split_first_chunk::<2>()?;
                    let len = usize::from(u16::from_be_bytes(*len));
                    let (unit, behind) = behind.split_at_checked(len)?;
                    write_unit(unit, &mut out);
                    rest = behind;
                }
            }
            FU_A => {
                let (mark, content) = body.split_first()?;
                let begin = || vec![head & !TYPE_MASK | mark & TYPE_MASK];
                let unit = fragment.get_or_insert_with(begin);
                unit.extend_from_slice(content);
                if mark & 0x40 != 0 {
                    write_unit(&fragment.take()?, &mut out);
                }
            }
            _ => return None,
        }
    }
    (fragment.is_none() && !out.is_empty()).then_some(out)
}

fn write_unit(unit: &[u8], out: &mut Vec<u8>) {
    if unit.first().is_none_or(|head| head & TYPE_MASK == DELIMITER) {
        return;
    }
    out.extend_from_slice(&(unit.len() as u32).to_be_bytes());
    out.extend_from_slice(unit);
}

/// Size and decoder configuration (ISO/IEC 14496-15 section 5.2.4.1) from the parameters of a key
/// frame.
pub(crate) fn describe(frame: &[u8]) -> Option<Description> {
    let mut rest = frame;
    let (mut sequence, mut picture) = (None, None);
    while let Some((len, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let (unit, behind) = behind.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        match unit.first()? & TYPE_MASK {
            SEQUENCE_PARAMETERS => sequence = Some(unit),
            PICTURE_PARAMETERS => picture = Some(unit),
            _ => {}
        }
        rest = behind;
    }
    let (sequence, picture) = (sequence?, picture?);
    let [_, profile, constraints, level, ..] = *sequence else {
        return None;
    };
    let mut private = vec![1, profile, constraints, level, 0xfc | (LENGTH_BYTES as u8 - 1), 0xe1];
    private.extend_from_slice(&u16::try_from(sequence.len()).ok()?.to_be_bytes());
    private.extend_from_slice(sequence);
    private.push(1);
    private.extend_from_slice(&u16::try_from(picture.len()).ok()?.to_be_bytes());
    private.extend_from_slice(picture);
    Some(Description { size: Some(size(sequence)?), private })
}

/// ITU-T H.264 section 7.3.2.1, of the profiles that were negotiated (baseline).
fn size(unit: &[u8]) -> Option<(u16, u16)> {
    let mut content: Vec<u8> = Vec::with_capacity(unit.len());
    for byte in &unit[4..] {
        // Three bytes that would look like the beginning of a unit are written with a 3 between.
        let is_inserted = *byte == 3 && content.ends_with(&[0, 0]);
        content.push(*byte);
        if is_inserted {
            content.pop();
        }
    }
    let mut bits = Bits::new(&content);
    bits.exponential()?;
    bits.exponential()?;
    match bits.exponential()? {
        0 => drop(bits.exponential()?),
        2 => {}
        // A cycle of orders, which no browser writes.
        _ => return None,
    }
    bits.exponential()?;
    bits.take(1)?;
    let width = bits.exponential()?.checked_add(1)?.checked_mul(MACROBLOCK)?;
    let height = bits.exponential()?.checked_add(1)?.checked_mul(MACROBLOCK)?;
    let are_frames = bits.take(1)?;
    if are_frames == 0 {
        return None;
    }
    bits.take(1)?;
    let mut cut = [0; 4];
    if bits.take(1)? == 1 {
        for edge in &mut cut {
            *edge = bits.exponential()?.checked_mul(2)?;
        }
    }
    let [left, right, top, bottom] = cut;
    let width = width.checked_sub(left)?.checked_sub(right)?;
    let height = height.checked_sub(top)?.checked_sub(bottom)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

/// Pixels each way.
const MACROBLOCK: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters of 640 × 360 in the constrained baseline profile: 40 by 23 blocks, of the lowest
    /// of which 8 rows are cut.
    const SEQUENCE: [u8; 10] = [0x67, 0x42, 0xe0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x40];
    const PICTURE: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

    #[test]
    fn units_of_every_packetization_are_put_together() {
        let unit = |payloads: &[&[u8]]| access_unit(payloads.iter().copied());
        assert_eq!(unit(&[&[0x65, 7]]), Some(vec![0, 0, 0, 2, 0x65, 7]));
        let parameters = [0x78, 0, 1, 0x67, 0, 2, 0x68, 5];
        let first = [0x7c, 0x85, 1];
        let last = [0x7c, 0x45, 2];
        assert_eq!(
            unit(&[&parameters, &first, &last]),
            Some(vec![0, 0, 0, 1, 0x67, 0, 0, 0, 2, 0x68, 5, 0, 0, 0, 3, 0x65, 1, 2])
        );
        assert_eq!(unit(&[&first]), None, "the end is missing");
        assert_eq!(unit(&[&last]), None, "the beginning is missing");
        assert_eq!(unit(&[&first, &[0x65, 7]]), None, "something between");
        assert_eq!(unit(&[&[0x78, 0, 9, 1]]), None);
    }

    #[test]
    fn parameters_tell_the_size_and_go_into_the_head() {
        let mut frame = Vec::new();
        write_unit(&SEQUENCE, &mut frame);
        write_unit(&PICTURE, &mut frame);
        write_unit(&[0x65, 1, 2], &mut frame);
        let known = describe(&frame).unwrap();
        assert_eq!(known.size, Some((640, 360)));
        let expected =
            [&[1, 0x42, 0xe0, 0x1e, 0xff, 0xe1, 0, 10][..], &SEQUENCE, &[1, 0, 4], &PICTURE];
        assert_eq!(known.private, expected.concat());
        assert_eq!(describe(&frame[..14]), None, "without the picture's parameters");
    }
}
