//! The IVF container that `vpxenc` writes: a header of 32 bytes, then for each frame its length
//! (4 bytes, little endian), 8 bytes of time, and its bytes.

/// Bytes of the frames, in order; `None` when the file is damaged.
pub(super) fn frames(file: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = file.strip_prefix(b"DKIF").and_then(|rest| rest.get(HEADER - 4..))?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (head, tail) = rest.split_first_chunk::<FRAME_HEADER>()?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (frame, tail) = tail.split_at_checked(length)?;
        // An encoder that drops a frame writes an empty one.
        if !frame.is_empty() {
            frames.push(frame.to_vec());
        }
        rest = tail;
    }
    (!frames.is_empty()).then_some(frames)
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_were_written_and_damage_is_noticed() {
        let mut file = b"DKIF".to_vec();
        file.resize(HEADER, 0);
        for frame in [&b"one"[..], b"", b"three"] {
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend([0; 8]);
            file.extend(frame);
        }
        assert_eq!(frames(&file), Some(vec![b"one".to_vec(), b"three".to_vec()]));
        assert_eq!(frames(&file[..file.len() - 1]), None);
        assert_eq!(frames(b"RIFF"), None);
    }
}
