//! Reads the few lines of a session description that a browser's page looks at.

/// One media section of a session description (RFC 8866 section 5.14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// `a=mid`.
    pub mid: String,
    /// First word of the `m=` line.
    pub kind: String,
    /// `a=msid`, where there is one.
    pub msid: Option<String>,
    /// Streams sent here, in the order they are written (`a=ssrc`).
    pub ssrcs: Vec<u32>,
    /// Stream and its retransmission stream (`a=ssrc-group:FID`).
    pub repair: Option<(u32, u32)>,
    /// Every attribute line without `a=`.
    pub attributes: Vec<String>,
}

impl Section {
    /// Reads the sections of `sdp`, in order.
    pub fn all(sdp: &str) -> Vec<Self> {
        let mut sections: Vec<Self> = Vec::new();
        for line in sdp.lines() {
            if let Some(media) = line.strip_prefix("m=") {
                let kind = media.split(' ').next().unwrap_or_default().to_owned();
                sections.push(Self { kind, ..Self::default() });
            } else if let (Some(section), Some(attribute)) =
                (sections.last_mut(), line.strip_prefix("a="))
            {
                section.read(attribute);
            }
        }
        sections
    }

    /// True when the section has exactly this attribute line.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|line| line == attribute)
    }

    fn read(&mut self, attribute: &str) {
        self.attributes.push(attribute.to_owned());
        let number = |text: &str| text.split(' ').next().and_then(|text| text.parse().ok());
        match attribute.split_once(':') {
            Some(("mid", mid)) => mid.clone_into(&mut self.mid),
            Some(("msid", msid)) => self.msid = Some(msid.to_owned()),
            Some(("ssrc", rest)) => {
                self.ssrcs.extend(number(rest).filter(|ssrc| !self.ssrcs.contains(ssrc)));
            }
            Some(("ssrc-group", rest)) => {
                let mut words = rest.split(' ');
                if words.next() == Some("FID") {
                    let mut next = || words.next().and_then(number);
                    self.repair = next().zip(next());
                }
            }
            _ => {}
        }
    }
}
