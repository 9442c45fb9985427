//! The challenge by a dynamic update (RFC 2136), signed with a TSIG key that the zone's server knows.

use super::super::config::Dns;
use super::query::{exchange, name};
use super::{Challenge, DnsError};
use data_encoding::BASE64;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{RData, Record, RecordSet, TSigner};
use hickory_proto::serialize::binary::BinEncodable;

const TTL_S: u32 = 60;
/// How far the clocks may be apart, in seconds: the usual of RFC 8945.
const FUDGE_S: u16 = 300;

/// Adds the challenge to what stands at its name, or takes just it away. `now_s`: seconds since 1970 UTC.
pub(super) async fn change(dns: &Dns, challenge: &Challenge, is_set: bool, now_s: u64) -> Result<(), DnsError> {
    let Dns::Rfc2136 { server, zone, .. } = dns else { return Ok(()) };
    let (server, zone, at) = (*server, name(zone)?, name(&challenge.name)?);
    if !zone.zone_of(&at) {
        return Err(DnsError::Name(format!("{at} (not in the zone {zone})")));
    }
    let record = Record::from_rdata(at, TTL_S, RData::TXT(TXT::new(vec![challenge.value.clone()])));
    let set = RecordSet::from(record);
    let mut message = match is_set {
        true => update_message::append(set, zone, false, false),
        false => update_message::delete_by_rdata(set, zone, false),
    };
    let key_error = |e: &dyn std::fmt::Display| DnsError::Key(e.to_string());
    let verifier = message.finalize(&signer(dns)?, now_s).map_err(|e| key_error(&e))?;
    let answer = exchange(server, &message.to_bytes().map_err(|e| key_error(&e))?).await?;
    let read = Message::from_vec(&answer).map_err(|e| DnsError::Unreachable { server, why: e.to_string() })?;
    if read.metadata.response_code != ResponseCode::NoError {
        return Err(DnsError::Refused { server, code: read.metadata.response_code.to_string() });
    }
    let signed = verifier.map(|mut verifier| verifier.verify(&answer).map(drop)).transpose();
    signed.map(drop).map_err(|e| DnsError::Unsigned { server, why: e.to_string() })
}

fn signer(dns: &Dns) -> Result<TSigner, DnsError> {
    let Dns::Rfc2136 { key_name, algorithm, secret, .. } = dns else { return Err(DnsError::Key("there is none".to_owned())) };
    let algorithm = match algorithm.as_str() {
        "hmac-sha256" => TsigAlgorithm::HmacSha256,
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        other => return Err(DnsError::Key(format!("{other:?} is not hmac-sha256, hmac-sha384 or hmac-sha512"))),
    };
    let key = BASE64.decode(secret.trim().as_bytes()).map_err(|e| DnsError::Key(format!("the secret is no base64: {e}")))?;
    TSigner::new(key, algorithm, name(key_name)?, FUDGE_S).map_err(|e| DnsError::Key(e.to_string()))
}
