//! AV1: temporal units from RTP payloads (RTP payload format for AV1 1.0, section 4.4), written
//! with the length of each unit as files want them.

use super::picture::{Bits, Description};

const CONTINUES: u8 = 0x80;
const IS_CONTINUED: u8 = 0x40;

const TEMPORAL_DELIMITER: u8 = 2;
const SEQUENCE_HEADER: u8 = 1;
const TILE_LIST: u8 = 8;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// The units of one picture. `None` when the payloads do not hang together.
pub(crate) fn temporal_unit<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut fragment: Option<Vec<u8>> = None;
    for payload in payloads {
        let (head, mut rest) = payload.split_first()?;
        let mut told = usize::from(head >> 4 & 0x03);
        let is_counted = told > 0;
        if (head & CONTINUES != 0) != fragment.is_some() {
            return None;
        }
        while !rest.is_empty() {
            // Of counted elements the last has no length of its own.
            let len = if is_counted && told == 1 { rest.len() } else { number(&mut rest)? };
            told = told.wrapping_sub(1);
            let (element, behind) = rest.split_at_checked(len)?;
            rest = behind;
            let mut unit = fragment.take().unwrap_or_default();
            unit.extend_from_slice(element);
            if rest.is_empty() && head & IS_CONTINUED != 0 {
                fragment = Some(unit);
            } else {
                write_unit(&unit, &mut out)?;
            }
        }
    }
    (fragment.is_none() && !out.is_empty()).then_some(out)
}

/// Appends a unit with its length. Those that files do without are left out.
fn write_unit(unit: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (head, mut rest) = unit.split_first()?;
    let kind = head >> 3 & 0x0f;
    if kind == TEMPORAL_DELIMITER || kind == TILE_LIST {
        return Some(());
    }
    out.push(head | HAS_SIZE);
    if head & HAS_EXTENSION != 0 {
        let (extension, behind) = rest.split_first()?;
        out.push(*extension);
        rest = behind;
    }
    if head & HAS_SIZE != 0 {
        let len = number(&mut rest)?;
        rest = rest.get(..len)?;
    }
    let mut len = rest.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(rest);
    Some(())
}

/// A number in groups of seven bits, lowest first (`leb128`).
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..).step_by(7).take(4) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Size and decoder configuration from the sequence header of a key frame.
pub(crate) fn describe(frame: &[u8]) -> Option<Description> {
    let mut rest = frame;
    while let [head, behind @ ..] = rest {
        let unit = rest;
        rest = behind.get(usize::from(head & HAS_EXTENSION != 0)..)?;
        let len = number(&mut rest)?;
        let (content, next) = rest.split_at_checked(len)?;
        if head >> 3 & 0x0f == SEQUENCE_HEADER {
            return sequence(content, &unit[..unit.len() - next.len()]);
        }
        rest = next;
    }
    None
}

/// AV1 bitstream specification section 5.5, as far as the size; AV1 in ISOBMFF section 2.3 for the
/// configuration record.
fn sequence(content: &[u8], unit: &[u8]) -> Option<Description> {
    let mut bits = Bits::new(content);
    let profile = bits.take(3)?;
    bits.take(1)?;
    let is_reduced = bits.take(1)? == 1;
    let (mut level, mut tier) = (0, 0);
    if is_reduced {
        level = bits.take(5)?;
    } else {
        if bits.take(1)? == 1 {
            // Timing information, which no browser writes.
            return None;
        }
        let has_delay = bits.take(1)? == 1;
        let points = bits.take(5)? + 1;
        for point in 0..points {
            bits.take(12)?;
            let point_level = bits.take(5)?;
            let point_tier = if point_level > 7 { bits.take(1)? } else { 0 };
            if has_delay && bits.take(1)? == 1 {
                bits.take(4)?;
            }
            if point == 0 {
                (level, tier) = (point_level, point_tier);
            }
        }
    }
    let width_bits = bits.take(4)? as usize + 1;
    let height_bits = bits.take(4)? as usize + 1;
    let width = bits.take(width_bits)?.checked_add(1)?;
    let height = bits.take(height_bits)?.checked_add(1)?;
    // Browsers send profile 0 alone: 8 bits, half the colours each way.
    let mut private = vec![0x81, (profile << 5 | level) as u8, (tier << 7) as u8 | 0x0c, 0];
    private.extend_from_slice(unit);
    let size = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    Some(Description { size: Some(size), private })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence header of 1280 × 720 as libaom writes it for live pictures.
    const SEQUENCE: [u8; 9] = [0, 0, 0, 0x2d, 0x4c, 0xff, 0xb3, 0xd8, 0x80];

    fn unit(payloads: &[&[u8]]) -> Option<Vec<u8>> {
        temporal_unit(payloads.iter().copied())
    }

    #[test]
    fn units_are_joined_and_get_their_lengths() {
        // Two elements, the second to be continued in the next payload.
        let first = [0x60, 2, 0x08, 7, 0x30, 1, 2];
        let second = [0x90, 3, 4];
        assert_eq!(unit(&[&first, &second]), Some(vec![0x0a, 1, 7, 0x32, 4, 1, 2, 3, 4]));
        assert_eq!(unit(&[&first]), None, "the end is missing");
        assert_eq!(unit(&[&second]), None, "the beginning is missing");
        // Lengths on all elements; a delimiter is left out.
        assert_eq!(unit(&[&[0x00, 1, 0x10, 2, 0x30, 5]]), Some(vec![0x32, 1, 5]));
        assert_eq!(unit(&[&[0x00, 9, 0x10]]), None);
        assert_eq!(unit(&[&[0x10]]), None);
    }

    #[test]
    fn long_units_have_long_lengths() {
        let payload = [&[0x10, 0x30][..], &[9; 300]].concat();
        let expected = [&[0x32, 0xac, 0x02][..], &[9; 300]].concat();
        assert_eq!(unit(&[&payload]), Some(expected));
    }

    #[test]
    fn a_sequence_header_tells_the_size() {
        let frame = [&[0x0a, SEQUENCE.len() as u8][..], &SEQUENCE, &[0x32, 1, 5]].concat();
        let known = describe(&frame).unwrap();
        assert_eq!(known.size, Some((1_280, 720)));
        assert_eq!(known.private[..4], [0x81, 0x05, 0x0c, 0]);
        assert_eq!(known.private[4..], frame[..11]);
        for len in 0..8 {
            assert_eq!(describe(&frame[..len]), None);
        }
    }
}
