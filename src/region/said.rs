//! A payload read by its kind: what this version understands, what it does not, and what contradicts itself.

use super::outside::SlotsMade;
use super::payload::{
    Admitted, CARRIED, Carried, DEPUTIES, Deputies, EMERGENCY, EMERGENCY_ENDED, Emergency, EmergencyEnded, FOUNDED, Founded,
    NODE_KEYS, NOTICE, NodeKeys, Notice, PLACEMENT, PPM_MAX, Placement, RETIRED, REVOKED, Retired, Revoked, SLOTS,
    SUCCESSOR_PROPOSED, SuccessorProposed,
};
use super::reach::{DOORPLATE, Doorplate, REACH, Reach};
use super::statement::Body;
use minicbor::Decode;

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The region was founded.
    Founded(Founded),
    /// Root names deputies.
    Deputies(Deputies),
    /// A site and a node of it are admitted.
    Admitted(Box<Admitted>),
    /// A node's key is retired.
    Retired(Retired),
    /// A node's key is revoked.
    Revoked(Revoked),
    /// A placement is adopted.
    Placement(Placement),
    /// An emergency is declared.
    Emergency(Emergency),
    /// An emergency has ended.
    EmergencyEnded(EmergencyEnded),
    /// A home's staff propose a successor.
    SuccessorProposed(Box<SuccessorProposed>),
    /// A node says where it is.
    Notice(Notice),
    /// A node says which keys it uses.
    NodeKeys(NodeKeys),
    /// A node says which slots for outside badges there are.
    Slots(SlotsMade),
    /// A node vouches for a carried one.
    Carried(Carried),
    /// The region says how its boxes are reached.
    Reach(Reach),
    /// A node says what is on its own door.
    Doorplate(Doorplate),
    /// A kind of a later version: kept, passed on, without effect here.
    Unknown,
    /// A known kind whose payload does not read, or says what cannot be: kept, passed on, without effect.
    Malformed,
}

/// Latitude and longitude end here, in millionths of a degree.
const LAT_MAX_UDEG: u32 = 90_000_000;
const LON_MAX_UDEG: u32 = 180_000_000;

impl Said {
    /// Reads a body.
    pub fn of(body: &Body) -> Self {
        let payload = &body.payload;
        match body.kind {
            FOUNDED => read(payload, Self::Founded),
            DEPUTIES => read(payload, Self::Deputies),
            super::payload::ADMITTED => read(payload, |said| checked(said, Self::Admitted)),
            RETIRED => read(payload, Self::Retired),
            REVOKED => read(payload, Self::Revoked),
            PLACEMENT => read(payload, Self::Placement),
            EMERGENCY => read(payload, Self::Emergency),
            EMERGENCY_ENDED => read(payload, Self::EmergencyEnded),
            SUCCESSOR_PROPOSED => read(payload, |said: SuccessorProposed| match is_possible(&said.admission) {
                true => Self::SuccessorProposed(Box::new(said)),
                false => Self::Malformed,
            }),
            NOTICE => read(payload, Self::Notice),
            NODE_KEYS => read(payload, Self::NodeKeys),
            SLOTS => read(payload, Self::Slots),
            CARRIED => read(payload, Self::Carried),
            REACH => read(payload, Self::Reach),
            DOORPLATE => read(payload, Self::Doorplate),
            _later => Self::Unknown,
        }
    }
}

fn read<'b, T: Decode<'b, ()>>(payload: &'b [u8], said: impl FnOnce(T) -> Said) -> Said {
    minicbor::decode(payload).map_or(Said::Malformed, said)
}

fn checked(admitted: Admitted, said: impl FnOnce(Box<Admitted>) -> Said) -> Said {
    if is_possible(&admitted) { said(Box::new(admitted)) } else { Said::Malformed }
}

/// A probability is at most one, and a place is on earth.
fn is_possible(admitted: &Admitted) -> bool {
    let is_on_earth = admitted
        .place
        .is_none_or(|at| at.lat_udeg.unsigned_abs() <= LAT_MAX_UDEG && at.lon_udeg.unsigned_abs() <= LON_MAX_UDEG);
    admitted.damage_ppm <= PPM_MAX && is_on_earth
}
