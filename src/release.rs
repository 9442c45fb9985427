//! An update as one file: what it is, the release key's signature over that, and the program, compressed. Bytes in, bytes out; layout as in
//! docs/install.md.

use crate::seal::key::{Opener, OpenerId, OpenerKind, Secret};
use crate::seal::{Entropy, hash};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};
use std::io::Read;
use zeroize::Zeroizing;

/// How an update file begins.
const MAGIC: &[u8] = b"kusuribako update 1\n";
const SIGNATURE_LEN: usize = 64;
/// The most bytes that a manifest may have.
const MANIFEST_LEN_MAX: usize = 4_096;
/// The most bytes that a program may have.
pub const PROGRAM_LEN_MAX: u64 = 256 << 20;
/// The most bytes that an update file may have: programs compress.
pub const FILE_LEN_MAX: u64 = PROGRAM_LEN_MAX;
const ZSTD_LEVEL: i32 = 19;

const SECRET_HEADER: &str = "kusuribako release key 1";
const PUBLIC_HEADER: &str = "kusuribako release public key 1";

/// What an update is: this is signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// The program's own version, as it prints it.
    #[n(0)]
    pub version: String,
    /// Counts up with every update that the release key signs: a lower one is not put over a higher one.
    #[n(1)]
    pub number: u64,
    /// For which machines: `x86_64-linux`.
    #[n(2)]
    pub machine: String,
    /// Bytes of the program.
    #[n(3)]
    pub program_len: u64,
    /// `H("update program", program)`.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub program_hash: [u8; 32],
    /// A key that signs from now on, beside the pinned one: how a release key is changed.
    #[n(5)]
    pub next_key: Option<ReleasePublic>,
}

/// The public half of a release key: pinned on a machine when it is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct ReleasePublic(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

/// A release key: whoever has it decides what runs on all machines that pin it.
pub struct ReleaseKey(Secret);

/// What is wrong with an update file or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// It does not begin as one.
    #[error("this is no update file of Kusuribako, or it is cut off: copy it to the stick again")]
    NotUpdate,
    /// No pinned key signed it.
    #[error(
        "the update is not signed by a release key that this machine knows: it may be forged; get it from where the last one came from"
    )]
    NotSigned,
    /// What was signed is not what lies behind it.
    #[error("the program in the update is not the one that was signed: the file is damaged; copy it to the stick again")]
    Damaged,
    /// Too large to be a program.
    #[error("a program of {bytes} bytes is refused: at most {most}", most = PROGRAM_LEN_MAX)]
    TooLarge {
        /// Its bytes.
        bytes: u64,
    },
    /// A text is no such key.
    #[error("this is no {what}: its first line has to be \"{header}\"", header = if *what == "release key" { SECRET_HEADER } else { PUBLIC_HEADER })]
    NotKey {
        /// What was expected.
        what: &'static str,
    },
}

impl ReleaseKey {
    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(Secret::random(entropy))
    }

    /// The text of its file.
    pub fn file(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(HEXLOWER.encode(self.0.expose()));
        Zeroizing::new(format!("{SECRET_HEADER}\nseed {}\n", *seed))
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`ReleaseError::NotKey`].
    pub fn read(text: &str) -> Result<Self, ReleaseError> {
        let seed = line(text, SECRET_HEADER, "seed ").map(Zeroizing::new);
        seed.map(|seed| Self(Secret::new(*seed))).ok_or(ReleaseError::NotKey { what: "release key" })
    }

    /// What machines pin.
    pub fn public(&self) -> ReleasePublic {
        ReleasePublic(Opener::from_seed(&self.0).public(OpenerId([0; 16]), OpenerKind::Recovery, [0; 16]).ed25519)
    }

    /// The update file of a program.
    ///
    /// # Errors
    /// [`ReleaseError::TooLarge`].
    pub fn make(&self, version: &str, number: u64, machine: &str, program: &[u8]) -> Result<Vec<u8>, ReleaseError> {
        self.make_with(version, number, machine, program, None)
    }

    /// The same, naming the key that signs from then on.
    ///
    /// # Errors
    /// [`ReleaseError::TooLarge`].
    pub fn make_with(
        &self,
        version: &str,
        number: u64,
        machine: &str,
        program: &[u8],
        next_key: Option<ReleasePublic>,
    ) -> Result<Vec<u8>, ReleaseError> {
        let too_large = || ReleaseError::TooLarge { bytes: u64::try_from(program.len()).unwrap_or(u64::MAX) };
        let program_len = u64::try_from(program.len()).ok().filter(|len| *len <= PROGRAM_LEN_MAX).ok_or_else(too_large)?;
        let program_hash = hash("update program", &[program]);
        let (version, machine) = (version.to_owned(), machine.to_owned());
        let manifest = Manifest { version, number, machine, program_len, program_hash, next_key };
        let manifest = crate::record::wire::encode(&manifest);
        let signature = Opener::from_seed(&self.0).signing_pair().sign(&signed_bytes(&manifest));
        let packed = zstd::bulk::compress(program, ZSTD_LEVEL).map_err(|_unlikely| too_large())?;
        let len = u32::try_from(manifest.len()).map_err(|_unlikely| too_large())?;
        Ok([MAGIC, &len.to_be_bytes(), &manifest, signature.as_ref(), &packed].concat())
    }
}

impl ReleasePublic {
    /// The text of its file.
    pub fn file(&self) -> String {
        format!("{PUBLIC_HEADER}\nkey {}\n", HEXLOWER.encode(&self.0))
    }

    /// All keys of such a text: a file may hold several, one after the other.
    ///
    /// # Errors
    /// [`ReleaseError::NotKey`].
    pub fn read_all(text: &str) -> Result<Vec<Self>, ReleaseError> {
        let blocks: Vec<&str> = text.split_inclusive('\n').collect();
        let read = |block: &[&str]| line(&block.concat(), PUBLIC_HEADER, "key ").map(Self);
        let keys: Option<Vec<Self>> = blocks.chunks(2).map(read).collect();
        keys.filter(|keys| !keys.is_empty()).ok_or(ReleaseError::NotKey { what: "release public key" })
    }
}

/// Manifest and program of an update that one of the pinned keys signed. Nothing of an unsigned file is decompressed.
///
/// # Errors
/// [`ReleaseError`].
pub fn open(bytes: &[u8], pinned: &[ReleasePublic]) -> Result<(Manifest, Vec<u8>), ReleaseError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(ReleaseError::NotUpdate)?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or(ReleaseError::NotUpdate)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= MANIFEST_LEN_MAX);
    let (manifest, rest) = len.and_then(|len| rest.split_at_checked(len)).ok_or(ReleaseError::NotUpdate)?;
    let (signature, packed) = rest.split_at_checked(SIGNATURE_LEN).ok_or(ReleaseError::NotUpdate)?;
    let message = signed_bytes(manifest);
    let is_signed = |key: &ReleasePublic| UnparsedPublicKey::new(&ED25519, key.0).verify(&message, signature).is_ok();
    if !pinned.iter().any(is_signed) {
        return Err(ReleaseError::NotSigned);
    }
    let manifest: Manifest = minicbor::decode(manifest).map_err(|_other| ReleaseError::NotUpdate)?;
    let program = unpack(packed, &manifest)?;
    Ok((manifest, program))
}

fn unpack(packed: &[u8], manifest: &Manifest) -> Result<Vec<u8>, ReleaseError> {
    if manifest.program_len > PROGRAM_LEN_MAX {
        return Err(ReleaseError::TooLarge { bytes: manifest.program_len });
    }
    let mut program = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_bad| ReleaseError::Damaged)?;
    decoder.take(manifest.program_len.saturating_add(1)).read_to_end(&mut program).map_err(|_bad| ReleaseError::Damaged)?;
    let is_it = u64::try_from(program.len()) == Ok(manifest.program_len)
        && hash("update program", &[&program]) == manifest.program_hash;
    if is_it { Ok(program) } else { Err(ReleaseError::Damaged) }
}

fn signed_bytes(manifest: &[u8]) -> [u8; 32] {
    hash("update", &[manifest])
}

fn line(text: &str, header: &str, name: &str) -> Option<[u8; 32]> {
    let mut lines = text.lines();
    let is_ours = lines.next()?.trim() == header;
    let bytes = Zeroizing::new(HEXLOWER.decode(lines.next()?.strip_prefix(name)?.trim().as_bytes()).ok()?);
    <[u8; 32]>::try_from(&bytes[..]).ok().filter(|_| is_ours)
}

#[cfg(test)]
mod tests;
