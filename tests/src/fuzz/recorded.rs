//! What the recorder makes of payloads, and files as it writes them.

use sfu::picture::{assemble, describe};
use sfu_core::codec::CodecKind;

use crate::webm;

/// The payloads of one picture, each after its length: put together they are a frame or none, and
/// what the head of a file needs is read from any of them.
pub fn recorded(data: &[u8]) {
    let Some((&codec, mut rest)) = data.split_first() else { return };
    let codec = CodecKind::ALL[usize::from(codec) % CodecKind::ALL.len()];
    let mut payloads = vec![];
    while let Some((&length, tail)) = rest.split_first() {
        let (payload, tail) = tail.split_at(usize::from(length).min(tail.len()));
        payloads.push(payload);
        rest = tail;
    }
    let received: usize = payloads.iter().map(|payload| payload.len()).sum();
    let frame = assemble(codec, payloads.iter().copied());
    if let Some(frame) = &frame {
        // Each unit may get a length of its own in front, and each layer its place in an index.
        assert!(!frame.is_empty() && frame.len() <= 8 * (received + payloads.len()) + 64);
    }
    for bytes in frame.iter().map(Vec::as_slice).chain(payloads) {
        let Some(description) = describe(codec, bytes) else { continue };
        assert!(description.private.len() <= bytes.len() + 64);
    }
}

/// A file of one track: its frames lie within it.
pub fn recorded_file(data: &[u8]) {
    let Some(blocks) = webm::read(data) else { return };
    let read: usize = blocks.iter().map(|block| block.frame.len() + 4).sum();
    assert!(read <= data.len());
}
