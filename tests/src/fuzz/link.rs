//! What a page reads of an address and of admissions, by the implementation that shares no code with it.

use e2ee_member::admission::{Admission, Identity};
use e2ee_member::link::Link;

/// An address with its fragment, or an admission, or what stands in a leaf: refused, or the same after
/// being written and read again.
pub fn link(data: &[u8]) {
    if let Ok(admission) = Admission::from_bytes(data) {
        assert_eq!(admission.to_bytes(), data);
    }
    if let Ok(identity) = Identity::from_bytes(data) {
        assert_eq!(identity.to_bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
    let Ok(link) = Link::parse(path, fragment) else { return };
    let (path, fragment) = link.write();
    assert!(Link::parse(&path, &fragment).is_ok_and(|again| again == link));
    // A link that is cut anywhere reads as none.
    for length in 0..fragment.len() {
        assert!(Link::parse(&path, &fragment[..length]).is_err(), "cut at {length}");
    }
    assert!(!format!("{link:?}").contains(&fragment[4..]));
}
