//! Questions to name servers, over TCP: no answer is cut short, and nobody beside the way can forge one.

use super::DnsError;
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const EXCHANGE_MAX: Duration = Duration::from_secs(10);
const PORT: u16 = 53;

pub(super) fn name(text: &str) -> Result<Name, DnsError> {
    let mut name = Name::from_ascii(text).map_err(|_unfit| DnsError::Name(text.to_owned()))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Sends a message and gives the answer's bytes.
pub(super) async fn exchange(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, DnsError> {
    let unreachable = |why: String| DnsError::Unreachable { server, why };
    let talk = async {
        let len = u16::try_from(message.len()).map_err(std::io::Error::other)?;
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&[&len.to_be_bytes()[..], message].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(EXCHANGE_MAX, talk).await;
    answer.map_err(|_late| unreachable("no answer".to_owned()))?.map_err(|e| unreachable(e.to_string()))
}

async fn ask(server: SocketAddr, name: Name, kind: RecordType, is_recursive: bool) -> Result<Message, DnsError> {
    let mut message = Message::query();
    message.metadata.recursion_desired = is_recursive;
    message.add_query(Query::query(name, kind));
    let broken = |e: &dyn std::fmt::Display| DnsError::Unreachable { server, why: e.to_string() };
    let bytes = message.to_bytes().map_err(|e| broken(&e))?;
    let answer = Message::from_vec(&exchange(server, &bytes).await?).map_err(|e| broken(&e))?;
    if answer.metadata.id != message.metadata.id {
        return Err(broken(&"an answer to another question"));
    }
    Ok(answer)
}

/// The texts that a server has at a name.
///
/// # Errors
/// [`DnsError::Name`], [`DnsError::Unreachable`].
pub async fn texts(server: SocketAddr, at: &str) -> Result<Vec<String>, DnsError> {
    let answer = ask(server, name(at)?, RecordType::TXT, false).await?;
    let text = |data: &RData| {
        let RData::TXT(txt) = data else { return None };
        Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect::<String>())
    };
    Ok(answer.answers.iter().filter_map(|record| text(&record.data)).collect())
}

/// The servers that are responsible for a name, as this machine's resolver knows them; none where it cannot be asked.
pub async fn authoritative(at: &str) -> Vec<SocketAddr> {
    let (Some(resolver), Ok(mut zone)) = (resolver(), name(at)) else { return Vec::new() };
    while zone.num_labels() > 1 {
        let found = ask(resolver, zone.clone(), RecordType::NS, true).await;
        let hosts: Vec<String> =
            found.iter().flat_map(|message| &message.answers).filter_map(|r| server_name(&r.data)).collect();
        if !hosts.is_empty() {
            let mut servers = Vec::new();
            for host in hosts {
                servers.extend(tokio::net::lookup_host((host.as_str(), PORT)).await.into_iter().flatten().take(1));
            }
            return servers;
        }
        zone = zone.base_name();
    }
    Vec::new()
}

fn server_name(data: &RData) -> Option<String> {
    if let RData::NS(ns) = data { Some(ns.0.to_ascii()) } else { None }
}

fn resolver() -> Option<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    servers.filter_map(|rest| rest.trim().parse::<IpAddr>().ok()).map(|ip| SocketAddr::new(ip, PORT)).next()
}
