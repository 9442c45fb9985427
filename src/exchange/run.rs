//! Runs as bytes: what the receiver can work out from the entry before is left out, which is most of an open part.
//!
//! What is left out is put together again and then verified like everything else: a wrong guess is a signature that does not hold.

use super::message::ENTRIES_MAX;
use crate::ledger::{BodyHash, CoarseKind, EntryId, Hlc, OpenFields, OpenPart, Place, body_hash};
use crate::record::Subject;
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Entries of one path, each after the other; the last under a signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The path that it belongs to, by its place in the request.
    pub path: u32,
    /// The author's Ed25519 public key, which its id is the hash of.
    pub author_key: [u8; 32],
    /// The entries.
    pub entries: Vec<Sent>,
}

/// An entry as it is sent: the bytes that the author wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The open part.
    pub open: [u8; OpenPart::SIZE],
    /// The body; absent where the batch had no room for it, or the sender lacks it.
    pub body: Option<Vec<u8>>,
    /// The signature of the head at this entry; absent where there is none or the next one covers it.
    pub signature: Option<[u8; 64]>,
}

/// A run on its way.
#[derive(Encode, Decode)]
#[cbor(map)]
struct RunHead {
    #[n(0)]
    path: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    author_key: [u8; 32],
    #[n(2)]
    count: u32,
}

/// An entry on its way: whole, or what differs from what follows from the entry before.
#[derive(Default, Encode, Decode)]
#[cbor(map)]
struct Parcel {
    #[cbor(n(0), with = "minicbor::bytes")]
    open: Option<[u8; OpenPart::SIZE]>,
    #[cbor(n(1), with = "minicbor::bytes")]
    body: Option<Vec<u8>>,
    #[cbor(n(2), with = "minicbor::bytes")]
    signature: Option<[u8; 64]>,
    /// Logical time since the entry before.
    #[n(3)]
    later: Option<u64>,
    /// Absent: as the entry before.
    #[n(4)]
    kind: Option<u8>,
    /// Absent: as the entry before.
    #[n(5)]
    subject: Option<Subject>,
    /// Only where the body is absent.
    #[cbor(n(6), with = "minicbor::bytes")]
    hash: Option<[u8; 32]>,
}

/// The entry that came before, with its id worked out once.
struct Before {
    open: OpenPart,
    id: EntryId,
}

impl Before {
    fn of(open: &[u8; OpenPart::SIZE]) -> Option<Self> {
        let open = OpenPart::decode(open).ok()?;
        Some(Self { open, id: open.id() })
    }

    /// The parcel that gives this entry after the one before; none where it does not follow from it.
    fn shorten(&self, sent: &Sent) -> Option<Parcel> {
        let open = OpenPart::decode(&sent.open).ok()?;
        let before = &self.open;
        let parcel = Parcel {
            later: Some(open.time().0.checked_sub(before.time().0)?),
            kind: Some(open.kind().0).filter(|kind| *kind != before.kind().0),
            subject: Some(open.subject()).filter(|subject| *subject != before.subject()),
            hash: sent.body.is_none().then_some(open.body_hash().0),
            ..Parcel::default()
        };
        let hash = sent.body.as_deref().map(body_hash);
        (self.lengthen(&parcel, hash)? == open).then_some(parcel)
    }

    fn lengthen(&self, parcel: &Parcel, body: Option<BodyHash>) -> Option<OpenPart> {
        let before = &self.open;
        let kind = CoarseKind(parcel.kind.unwrap_or(before.kind().0));
        let subject = parcel.subject.unwrap_or(before.subject());
        Some(OpenPart::encode(&OpenFields {
            place: Place { kind, subject, ..before.place() },
            seq: before.seq().checked_add(1)?,
            previous: self.id,
            time: Hlc(before.time().0.checked_add(parcel.later?)?),
            body: body.or(parcel.hash.map(BodyHash))?,
        }))
    }
}

/// Writes runs.
///
/// # Errors
/// Those of the writer.
pub(super) fn encode_runs<C, W: Write>(
    runs: &[Run],
    to: &mut Encoder<W>,
    context: &mut C,
) -> Result<(), encode::Error<W::Error>> {
    let items: usize = runs.iter().map(|run| run.entries.len().saturating_add(1)).sum();
    to.array(u64::try_from(items).unwrap_or(u64::MAX))?;
    for run in runs {
        let count = u32::try_from(run.entries.len()).unwrap_or(u32::MAX);
        RunHead { path: run.path, author_key: run.author_key, count }.encode(to, context)?;
        let mut before: Option<Before> = None;
        for sent in &run.entries {
            let short = before.as_ref().and_then(|before| before.shorten(sent));
            let mut parcel = short.unwrap_or_else(|| Parcel { open: Some(sent.open), ..Parcel::default() });
            before = Before::of(&sent.open);
            parcel.signature = sent.signature;
            parcel.body.clone_from(&sent.body);
            parcel.encode(to, context)?;
        }
    }
    Ok(())
}

/// Reads runs; no more entries than a message may have.
///
/// # Errors
/// Where they do not read, or an entry is left out that does not follow from the one before.
pub(super) fn decode_runs<C>(from: &mut Decoder<'_>, context: &mut C) -> Result<Vec<Run>, decode::Error> {
    let malformed = || decode::Error::message("a run that does not read");
    let mut items = from.array()?.ok_or_else(malformed)?;
    let (mut runs, mut room) = (Vec::new(), u32::try_from(ENTRIES_MAX).unwrap_or(u32::MAX));
    while items > 0 {
        let head = RunHead::decode(from, context)?;
        room = room.checked_sub(head.count).ok_or_else(malformed)?;
        items = items.checked_sub(u64::from(head.count) + 1).ok_or_else(malformed)?;
        let count = usize::try_from(head.count).unwrap_or(usize::MAX).min(ENTRIES_MAX);
        let (mut entries, mut before): (Vec<Sent>, Option<Before>) = (Vec::with_capacity(count), None);
        for _ in 0..head.count {
            let parcel = Parcel::decode(from, context)?;
            let worked_out = |before: &Before| before.lengthen(&parcel, parcel.body.as_deref().map(body_hash));
            let open = parcel.open.or_else(|| Some(*before.as_ref().and_then(worked_out)?.as_bytes())).ok_or_else(malformed)?;
            before = Before::of(&open);
            entries.push(Sent { open, body: parcel.body, signature: parcel.signature });
        }
        runs.push(Run { path: head.path, author_key: head.author_key, entries });
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::message::{Message, Response};
    use crate::ledger::{Incarnation, LedgerId, NodeId};
    use proptest::prelude::*;

    fn place(subject: u8, kind: u8) -> Place {
        let (ledger, author, incarnation) = (LedgerId([1; 16]), NodeId([2; 32]), Incarnation([3; 8]));
        Place { ledger, author, incarnation, kind: CoarseKind(kind), subject: Subject([subject; 16]) }
    }

    fn chain(count: usize, subject: u8) -> Vec<Sent> {
        let mut entries: Vec<Sent> = Vec::new();
        for seq in 1..=count {
            let previous = entries.last().map_or(EntryId::NONE, |last| OpenPart::decode(&last.open).unwrap().id());
            let body = vec![subject; 300];
            let time = Hlc(1_000 * u64::try_from(seq).unwrap());
            let fields =
                OpenFields { place: place(subject, 4), seq: seq.try_into().unwrap(), previous, time, body: body_hash(&body) };
            entries.push(Sent { open: *OpenPart::encode(&fields).as_bytes(), body: Some(body), signature: None });
        }
        entries
    }

    fn response(entries: Vec<Sent>) -> Response {
        let runs = vec![Run { path: 0, author_key: [7; 32], entries }];
        Response::Batch { runs, bodies: Vec::new(), bodies_seen: 0 }
    }

    #[test]
    fn a_chain_travels_without_what_follows_from_it() {
        let whole = response(chain(100, 5));
        let bytes = whole.encode_message();
        assert!(bytes.len() < 100 * (300 + 24) + 400, "{} bytes", bytes.len());
        assert_eq!(Response::decode_message(&bytes), Ok(whole));
    }

    #[test]
    fn a_first_entry_that_is_left_out_does_not_read() {
        let mut bytes = Vec::new();
        let mut to = Encoder::new(&mut bytes);
        to.array(2).unwrap();
        RunHead { path: 0, author_key: [7; 32], count: 1 }.encode(&mut to, &mut ()).unwrap();
        Parcel { later: Some(1), body: Some(vec![1]), ..Parcel::default() }.encode(&mut to, &mut ()).unwrap();
        assert!(decode_runs(&mut Decoder::new(&bytes), &mut ()).is_err());
    }

    #[test]
    fn small_bytes_never_become_many_entries() {
        let mut bytes = Vec::new();
        let mut to = Encoder::new(&mut bytes);
        let per_run = u32::try_from(ENTRIES_MAX).unwrap();
        to.array(64 * (u64::from(per_run) + 1)).unwrap();
        for _ in 0..64 {
            RunHead { path: 0, author_key: [7; 32], count: per_run }.encode(&mut to, &mut ()).unwrap();
            let first = OpenPart::encode(&OpenFields {
                place: place(1, 1),
                seq: 1,
                previous: EntryId::NONE,
                time: Hlc(1),
                body: BodyHash([0; 32]),
            });
            Parcel { open: Some(*first.as_bytes()), ..Parcel::default() }.encode(&mut to, &mut ()).unwrap();
            for _ in 1..per_run {
                Parcel { later: Some(0), hash: Some([0; 32]), ..Parcel::default() }.encode(&mut to, &mut ()).unwrap();
            }
        }
        let mut from = Decoder::new(&bytes);
        assert!(decode_runs(&mut from, &mut ()).is_err());
        assert!(from.position() < bytes.len() / 32, "it stops at the second run: {} of {}", from.position(), bytes.len());
    }

    proptest! {
        /// Whatever is in a run, also what no author ever wrote: the same comes out.
        #[test]
        fn what_goes_in_comes_out(
            count in 1..12_usize,
            spoil in prop::collection::vec((any::<prop::sample::Index>(), 0..154_usize, any::<u8>(), 0..4_u8), 0..6),
        ) {
            let mut entries = chain(count, 9);
            for (which, at, byte, what) in spoil {
                let sent = which.get_mut(&mut entries);
                match what {
                    0 => sent.body = None,
                    1 => sent.signature = Some([byte; 64]),
                    2 => sent.body = Some(vec![byte; 3]),
                    _ => sent.open[at] = byte,
                }
            }
            let whole = response(entries);
            prop_assert_eq!(Response::decode_message(&whole.encode_message()), Ok(whole));
        }
    }
}
