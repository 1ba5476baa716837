//! The Dependency Descriptor (AV1 RTP specification 1.0, appendix A): a header extension that says
//! of each packet which frame it belongs to, and for which receivers that frame matters.

use thiserror::Error;

/// Most decode targets of one structure (appendix A.8.2).
pub const MAX_DECODE_TARGETS: usize = 32;

/// Most templates of one structure: their numbers are 6 bits wide.
const MAX_TEMPLATES: usize = 64;

/// Most frames one frame refers to. Encoders refer to eight at most.
const MAX_REFERENCES: usize = 16;

/// Highest layers a structure may speak of. Browsers use three of each.
const MAX_LAYER: u8 = 7;

/// Bytes of the part that every packet has.
const MANDATORY_BYTES: usize = 3;

/// Why bytes are no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DescriptorError {
    /// The bytes end before the descriptor does.
    #[error("descriptor cut short")]
    TooShort,
    /// More of something than a structure can have.
    #[error("descriptor beyond its bounds")]
    TooMuch,
    /// It refers to a structure or a template that was not told.
    #[error("descriptor of an unknown structure")]
    Unknown,
}

/// What a frame is to a decode target (appendix A.8.3, `dti`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indication {
    /// Not part of it.
    #[default]
    NotPresent,
    /// Part of it, and nothing else of it needs this frame.
    Discardable,
    /// Part of it; whoever has this frame can decode all that follows of it.
    Switch,
    /// Part of it, and needed.
    Required,
}

/// The part that every packet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mandatory {
    /// First packet of its frame.
    pub starts_frame: bool,
    /// Last packet of its frame.
    pub ends_frame: bool,
    /// Which template it follows.
    pub template_id: u8,
    /// Number of the frame, modulo 2^16.
    pub frame_number: u16,
}

impl Mandatory {
    /// Reads it; never needs a structure.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let [first, high, low, ..] = *bytes else {
            return Err(DescriptorError::TooShort);
        };
        Ok(Self {
            starts_frame: first & 0x80 != 0,
            ends_frame: first & 0x40 != 0,
            template_id: first & 0x3f,
            frame_number: u16::from_be_bytes([high, low]),
        })
    }

    /// Writes another frame number over that of a descriptor.
    pub fn set_frame_number(bytes: &mut [u8], frame_number: u16) {
        if let Some(place) = bytes.get_mut(1..MANDATORY_BYTES) {
            place.copy_from_slice(&frame_number.to_be_bytes());
        }
    }
}

/// What the frames of an encoding can be, told with its key frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    template_id_offset: u8,
    /// The decode targets, in the order of their numbers.
    targets: Vec<DecodeTarget>,
    templates: Vec<Template>,
}

/// Something a receiver may want: an encoding up to one spatial and one temporal layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeTarget {
    /// Highest spatial layer, from 0.
    pub spatial: u8,
    /// Highest temporal layer, from 0.
    pub temporal: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: Vec<Indication>,
    references: References,
}

/// How far back the frames are that a frame needs, in frame numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct References {
    distances: [u16; MAX_REFERENCES],
    count: usize,
}

impl References {
    fn push(&mut self, distance: u16) -> Result<(), DescriptorError> {
        *self.distances.get_mut(self.count).ok_or(DescriptorError::TooMuch)? = distance;
        self.count += 1;
        Ok(())
    }
}

/// All that is known of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The part every packet has.
    pub mandatory: Mandatory,
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// True when it needs no other frame.
    pub is_independent: bool,
    /// Decode targets that somebody may still want, by bit, where the packet says so.
    pub active_targets: Option<u32>,
    indications: [Indication; MAX_DECODE_TARGETS],
    references: References,
}

impl Frame {
    /// What it is to a decode target.
    pub fn indication(&self, target: usize) -> Indication {
        self.indications.get(target).copied().unwrap_or_default()
    }

    /// Numbers of the frames it needs.
    pub fn needs(&self) -> impl Iterator<Item = u16> + '_ {
        let distances = self.references.distances[..self.references.count].iter();
        distances.map(|distance| self.mandatory.frame_number.wrapping_sub(*distance))
    }
}

impl Structure {
    /// The decode targets, in the order of their numbers.
    pub fn targets(&self) -> &[DecodeTarget] {
        &self.targets
    }

    /// Spatial layer of a packet, if its template was told.
    pub fn spatial(&self, mandatory: Mandatory) -> Option<u8> {
        Some(self.template(mandatory)?.spatial)
    }

    fn template(&self, mandatory: Mandatory) -> Option<&Template> {
        let index = mandatory.template_id.wrapping_sub(self.template_id_offset) & 0x3f;
        self.templates.get(usize::from(index))
    }
}

/// Reads the descriptor of one packet with the structure told last. Gives the structure, too, that
/// the packet tells for itself and for what follows.
pub fn parse(
    bytes: &[u8],
    known: Option<&Structure>,
) -> Result<(Frame, Option<Structure>), DescriptorError> {
    let mandatory = Mandatory::parse(bytes)?;
    let mut bits = Bits { bytes, at: MANDATORY_BYTES * 8 };
    let mut flags = [false; 5];
    if bytes.len() > MANDATORY_BYTES {
        for flag in &mut flags {
            *flag = bits.flag()?;
        }
    }
    let [tells_structure, tells_active, own_indications, own_references, own_chains] = flags;
    let told = if tells_structure { Some(read_structure(&mut bits)?) } else { None };
    let structure = told.as_ref().or(known).ok_or(DescriptorError::Unknown)?;
    let all_active = u32::MAX >> (MAX_DECODE_TARGETS - structure.targets.len());
    let mut active_targets = tells_structure.then_some(all_active);
    if tells_active {
        active_targets = Some(bits.take(structure.targets.len())?);
    }
    let template = structure.template(mandatory).ok_or(DescriptorError::Unknown)?;
    let mut frame = Frame {
        mandatory,
        spatial: template.spatial,
        temporal: template.temporal,
        is_independent: false,
        active_targets,
        indications: [Indication::NotPresent; MAX_DECODE_TARGETS],
        references: template.references,
    };
    for (place, indication) in frame.indications.iter_mut().zip(&template.indications) {
        *place = if own_indications { read_indication(&mut bits)? } else { *indication };
    }
    if own_references {
        frame.references = References::default();
        loop {
            let size = bits.take(2)? as usize;
            if size == 0 {
                break;
            }
            frame.references.push(bits.take(4 * size)? as u16 + 1)?;
        }
    }
    // What is left are distances along chains (when `own_chains`) and padding, which matter to
    // nobody here: who needs what is told by the references.
    let _ = own_chains;
    frame.is_independent = frame.references.count == 0;
    Ok((frame, told))
}

fn read_structure(bits: &mut Bits<'_>) -> Result<Structure, DescriptorError> {
    let template_id_offset = bits.take(6)? as u8;
    let target_count = bits.take(5)? as usize + 1;
    let mut templates = Vec::new();
    let (mut spatial, mut temporal) = (0, 0);
    loop {
        if templates.len() == MAX_TEMPLATES {
            return Err(DescriptorError::TooMuch);
        }
        templates.push(Template { spatial, temporal, ..Template::default() });
        match bits.take(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => break,
        }
        if spatial > MAX_LAYER || temporal > MAX_LAYER {
            return Err(DescriptorError::TooMuch);
        }
    }
    for template in &mut templates {
        for _ in 0..target_count {
            template.indications.push(read_indication(bits)?);
        }
    }
    for template in &mut templates {
        while bits.flag()? {
            template.references.push(bits.take(4)? as u16 + 1)?;
        }
    }
    let chain_count = bits.non_symmetric(target_count as u32 + 1)?;
    if chain_count > 0 {
        for _ in 0..target_count {
            bits.non_symmetric(chain_count)?;
        }
        for _ in 0..templates.len() as u32 * chain_count {
            bits.take(4)?;
        }
    }
    if bits.flag()? {
        let highest = templates.last().map_or(0, |template| template.spatial);
        for _ in 0..=highest {
            bits.take(32)?;
        }
    }
    let target = |number: usize| {
        let is_in = |template: &&Template| template.indications[number] != Indication::NotPresent;
        let of = |layer: fn(&Template) -> u8| templates.iter().filter(is_in).map(layer).max();
        DecodeTarget {
            spatial: of(|template| template.spatial).unwrap_or(0),
            temporal: of(|template| template.temporal).unwrap_or(0),
        }
    };
    let targets = (0..target_count).map(target).collect();
    Ok(Structure { template_id_offset, targets, templates })
}

fn read_indication(bits: &mut Bits<'_>) -> Result<Indication, DescriptorError> {
    Ok(match bits.take(2)? {
        0 => Indication::NotPresent,
        1 => Indication::Discardable,
        2 => Indication::Switch,
        _ => Indication::Required,
    })
}

/// Reads bits from the highest of the first byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Result<bool, DescriptorError> {
        Ok(self.take(1)? == 1)
    }

    /// The next `count` bits, 32 at most.
    fn take(&mut self, count: usize) -> Result<u32, DescriptorError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(DescriptorError::TooShort)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    /// A number below `count` in as few bits as that allows (appendix A.8.1, `ns(n)`).
    fn non_symmetric(&mut self, count: u32) -> Result<u32, DescriptorError> {
        let width = (u32::BITS - count.leading_zeros()) as usize;
        let short = (1_u32 << width) - count;
        let value = self.take(width.saturating_sub(1))?;
        if value < short {
            return Ok(value);
        }
        Ok((value << 1) - short + self.take(1)?)
    }
}

#[cfg(test)]
pub(crate) mod tests;
