//! Reads back what a recorder wrote: the frames of a file of one track.

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// In milliseconds.
    pub time: i64,
    /// Needs no other frame.
    pub is_key: bool,
    /// As it stands there.
    pub frame: Vec<u8>,
}

/// The frames of a file, which may end anywhere behind a whole cluster. `None` when it is no WebM
/// of one track.
pub fn read(file: &[u8]) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut rest = file;
    let (mut has_head, mut time) = (false, 0);
    while !rest.is_empty() {
        let (id, content, behind) = element(rest)?;
        match id {
            // Segment and cluster: what is in them follows.
            0x1853_8067 | 0x1f43_b675 => {
                let head = rest.len() - content.len() - behind.len();
                rest = &rest[head..];
                continue;
            }
            0x1a45_dfa3 => has_head = true,
            0xe7 => time = content.iter().fold(0, |time, byte| time << 8 | i64::from(*byte)),
            0xa3 => {
                let [0x81, high, low, flags, frame @ ..] = content else { return None };
                blocks.push(Block {
                    time: time + i64::from(i16::from_be_bytes([*high, *low])),
                    is_key: flags & 0x80 != 0,
                    frame: frame.to_vec(),
                });
            }
            _ => {}
        }
        rest = behind;
    }
    has_head.then_some(blocks)
}

/// Id and content of the first element, and what stands behind it. One of unknown length reaches to
/// the end.
fn element(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let width = bytes.first()?.leading_zeros() as usize + 1;
    let id = bytes.get(..width)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let rest = &bytes[width..];
    let width = rest.first()?.leading_zeros() as usize + 1;
    let marked = rest.get(..width)?.iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
    let size = marked & ((1 << (7 * width)) - 1);
    let rest = &rest[width..];
    if size == (1 << (7 * width)) - 1 {
        return Some((id, rest, &[]));
    }
    let (content, behind) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    Some((id, content, behind))
}
