//! Redundant sound (RED, RFC 2198): a payload that repeats earlier frames before its own.

const MORE_BLOCKS: u8 = 0x80;
/// Bytes of a block header that is not the last.
const HEADER_BYTES: usize = 4;

/// The frame a packet is about, without what it repeats. `None` when the headers do not add up.
pub(crate) fn primary(payload: &[u8]) -> Option<&[u8]> {
    let mut repeated = 0;
    let mut rest = payload;
    while *rest.first()? & MORE_BLOCKS != 0 {
        let header = rest.get(..HEADER_BYTES)?;
        repeated += usize::from(u16::from_be_bytes([header[2] & 0x03, header[3]]));
        rest = &rest[HEADER_BYTES..];
    }
    rest.get(1 + repeated..).filter(|frame| !frame.is_empty())
}

/// Names the payload type of every block as the subscriber knows it.
pub(crate) fn set_payload_type(payload: &mut [u8], payload_type: u8) {
    let mut rest = payload;
    while let Some(first) = rest.first_mut() {
        let has_more = *first & MORE_BLOCKS;
        *first = has_more | (payload_type & !MORE_BLOCKS);
        if has_more == 0 || rest.len() < HEADER_BYTES {
            return;
        }
        rest = &mut rest[HEADER_BYTES..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Blocks of one payload type, the last one the packet's own.
    fn payload(payload_type: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
        let (own, earlier) = blocks.split_last().unwrap();
        let mut bytes = Vec::new();
        for (at, block) in earlier.iter().enumerate() {
            let offset = 960 * (earlier.len() - at) as u32;
            let word = offset << 10 | block.len() as u32;
            bytes.push(MORE_BLOCKS | payload_type);
            bytes.extend(&word.to_be_bytes()[1..]);
        }
        bytes.push(payload_type);
        bytes.extend(earlier.iter().flatten());
        bytes.extend(own);
        bytes
    }

    #[test]
    fn a_payload_written_by_hand_is_read() {
        // Payload type 111, 960 ticks earlier, 3 bytes; then its own 2 bytes.
        let bytes = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 8, 9];
        assert_eq!(primary(&bytes), Some(&[8, 9][..]));
        assert_eq!(primary(&[0x6f, 8, 9]), Some(&[8, 9][..]), "nothing repeated");
        for len in 0..9 {
            assert_eq!(primary(&bytes[..len]), None, "cut after {len}");
        }
    }

    proptest! {
        #[test]
        fn the_own_frame_is_found_and_block_types_are_replaced(
            blocks in vec(vec(any::<u8>(), 1..300), 1..4),
            before in 0..128_u8,
            after in 0..128_u8,
        ) {
            let mut bytes = payload(before, &blocks);
            prop_assert_eq!(primary(&bytes), blocks.last().map(|own| &own[..]));
            set_payload_type(&mut bytes, after);
            prop_assert_eq!(bytes, payload(after, &blocks));
        }

        #[test]
        fn no_bytes_panic(mut bytes in vec(any::<u8>(), 0..40)) {
            let own = primary(&bytes).map(<[u8]>::len);
            prop_assert!(own.is_none_or(|own| own < bytes.len()));
            set_payload_type(&mut bytes, 96);
        }
    }
}
