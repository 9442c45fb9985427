//! Answers for a handful of names: the region-wide one, the clinic's, and with the portal the hosts that phones look for. Nothing else, nothing
//! forwarded, nothing longer than the question but for one address.

mod meter;

use super::probe;
use crate::tasks::Tasks;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{AnswerBuilder, StaticCompressor};
use domain::base::{Message, MessageBuilder, Name, ParsedName, Question};
use domain::rdata::{A, Aaaa};
use meter::Meter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};
use std::str::FromStr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// How long an answer may be kept, in seconds: a box that is replaced has another address.
const TTL_S: u32 = 60;
/// The same for what is answered only as long as the portal is there.
const PROBE_TTL_S: u32 = 5;
/// No longer question is read.
const QUESTION_LEN_MAX: usize = 512;

/// What Windows expects for its own name when there is an internet (its documentation of NCSI).
const NCSI_NAME: &str = "dns.msftncsi.com";
const NCSI_V4: Ipv4Addr = Ipv4Addr::new(131, 107, 255, 255);
const NCSI_V6: Ipv6Addr = Ipv6Addr::new(0xfd3e, 0x4f5a, 0x5b81, 0, 0, 0, 0, 1);

/// Why names cannot be answered for.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// All addresses of the machine would be open, also those that are not the LAN's.
    #[error(
        "names are answered for at one address of the clinic's own network, not at all of them: write that address instead of {0}"
    )]
    Everywhere(SocketAddr),
    /// No name.
    #[error("{0:?} is no name that could be answered for: letters, digits, hyphens and dots")]
    Name(String),
    /// The port is taken, or not permitted.
    #[error(
        "names cannot be answered for at {0} ({1}): is another program (dnsmasq, systemd-resolved) there? An installed box may not open a \
         port below 1024 itself: it needs a socket unit for it (docs/install.md, \"port 53\")"
    )]
    Bind(SocketAddr, std::io::Error),
}

type Octets = Vec<u8>;

/// Whether a name, without a dot at its end, stands for the box besides: asked with each question, since names change while it runs.
pub type Also = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What is answered.
pub struct Names {
    own: Vec<Name<Octets>>,
    also: Also,
    probes: Vec<Name<Octets>>,
    ncsi: Option<Name<Octets>>,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

/// What a name stands for.
struct Known<'n> {
    v4: &'n [Ipv4Addr],
    v6: &'n [Ipv6Addr],
    ttl_s: u32,
}

impl Names {
    /// `own` names, and with the portal those of the probes too, at these addresses.
    ///
    /// # Errors
    /// Where a name is none.
    pub fn new(own: &[String], has_portal: bool, addresses: &[IpAddr]) -> Result<Self, NamesError> {
        let read = |name: &str| Name::<Octets>::from_str(name).map_err(|_unread| NamesError::Name(name.to_owned()));
        let own = own.iter().map(String::as_str).map(read).collect::<Result<_, _>>()?;
        let probes = probe::hosts().filter(|_| has_portal).map(read).collect::<Result<_, _>>()?;
        let v4 = addresses.iter().filter_map(|ip| if let IpAddr::V4(v4) = ip { Some(*v4) } else { None }).collect();
        let v6 = addresses.iter().filter_map(|ip| if let IpAddr::V6(v6) = ip { Some(*v6) } else { None }).collect();
        Ok(Self { own, also: Box::new(|_name| false), probes, ncsi: has_portal.then(|| read(NCSI_NAME)).transpose()?, v4, v6 })
    }

    /// The same, with names that somebody else knows of.
    #[must_use]
    pub fn also(self, also: Also) -> Self {
        Self { also, ..self }
    }

    /// The answer to a question; none to what is no question.
    pub fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let message = Message::from_octets(question).ok()?;
        if message.header().qr() {
            return None;
        }
        if message.header().opcode() != Opcode::QUERY {
            return Some(refusal(&message, Rcode::NOTIMP));
        }
        let Ok(asked) = message.sole_question() else { return Some(refusal(&message, Rcode::FORMERR)) };
        match self.find(&asked) {
            Some(known) => records(&message, &asked, &known),
            None => Some(unknown(&message)),
        }
    }

    fn find(&self, asked: &Question<ParsedName<&[u8]>>) -> Option<Known<'_>> {
        if asked.qclass() != Class::IN {
            return None;
        }
        let is = |name: &Name<Octets>| name == asked.qname();
        if self.own.iter().any(is) || (self.also)(&asked.qname().to_string()) {
            return Some(Known { v4: &self.v4, v6: &self.v6, ttl_s: TTL_S });
        }
        if self.probes.iter().any(is) {
            return Some(Known { v4: &self.v4, v6: &self.v6, ttl_s: PROBE_TTL_S });
        }
        self.ncsi.iter().any(is).then_some(Known { v4: &[NCSI_V4], v6: &[NCSI_V6], ttl_s: PROBE_TTL_S })
    }
}

/// A name that is not ours. The question is repeated, since resolvers wait on where it is missing; but not where it would come back longer.
fn unknown(message: &Message<&[u8]>) -> Vec<u8> {
    let repeated = MessageBuilder::new_vec().start_answer(message, Rcode::REFUSED).map(AnswerBuilder::finish);
    let is_short = |answer: &Vec<u8>| answer.len() <= message.as_slice().len();
    repeated.ok().filter(is_short).unwrap_or_else(|| refusal(message, Rcode::REFUSED))
}

/// Says no, without repeating the question: names in it could be written shorter than they would come back.
fn refusal(message: &Message<&[u8]>, rcode: Rcode) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(message.header().id());
    header.set_qr(true);
    header.set_opcode(message.header().opcode());
    header.set_rd(message.header().rd());
    header.set_rcode(rcode);
    builder.finish()
}

/// The addresses of the kind asked for; with none of it, an empty answer. Nothing here grows with the question: its name is one of ours.
fn records(message: &Message<&[u8]>, asked: &Question<ParsedName<&[u8]>>, known: &Known<'_>) -> Option<Vec<u8>> {
    let compressed = MessageBuilder::from_target(StaticCompressor::new(Vec::new())).ok()?;
    let mut builder = compressed.start_answer(message, Rcode::NOERROR).ok()?;
    builder.header_mut().set_aa(true);
    let name = asked.qname();
    let wants = |kind: Rtype| asked.qtype() == kind || asked.qtype() == Rtype::ANY;
    for v4 in known.v4.iter().take(4).filter(|_| wants(Rtype::A)) {
        builder.push((name, known.ttl_s, A::new(*v4))).ok()?;
    }
    for v6 in known.v6.iter().take(4).filter(|_| wants(Rtype::AAAA)) {
        builder.push((name, known.ttl_s, Aaaa::new(*v6))).ok()?;
    }
    Some(builder.finish().into_target())
}

/// Sockets at the addresses that are answered for.
pub struct Sockets(Vec<StdSocket>);

impl Sockets {
    /// Takes the ports.
    ///
    /// # Errors
    /// Where one cannot be had, or an address stands for all.
    pub fn bind(at: &[SocketAddr]) -> Result<Self, NamesError> {
        Self::bind_by(at, StdSocket::bind)
    }

    /// The same, with somebody who takes them: the program itself may not open a port below 1024.
    ///
    /// # Errors
    /// As [`Sockets::bind`].
    pub fn bind_by(
        at: &[SocketAddr],
        mut bind: impl FnMut(SocketAddr) -> std::io::Result<StdSocket>,
    ) -> Result<Self, NamesError> {
        let bound = |at: &SocketAddr| {
            if at.ip().is_unspecified() {
                return Err(NamesError::Everywhere(*at));
            }
            let socket = bind(*at).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
            socket.map_err(|e| NamesError::Bind(*at, e))
        };
        at.iter().map(bound).collect::<Result<_, _>>().map(Self)
    }

    /// Where.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Answers until `shutdown`. To be called within the runtime.
    ///
    /// # Errors
    /// Where the runtime does not take a socket.
    pub fn serve(self, names: &Arc<Names>, tasks: &Tasks, shutdown: &CancellationToken) -> std::io::Result<()> {
        for socket in self.0 {
            let (socket, names, shutdown) = (UdpSocket::from_std(socket)?, Arc::clone(names), shutdown.clone());
            tasks.spawn("names", async move {
                shutdown.run_until_cancelled(answer_all(&socket, &names)).await;
            });
        }
        Ok(())
    }
}

async fn answer_all(socket: &UdpSocket, names: &Names) {
    let (mut question, mut meter) = ([0; QUESTION_LEN_MAX], Meter::default());
    loop {
        // What could not be received (a port that nobody listens at any more reports back here) says nothing of the next.
        let Ok((len, from)) = socket.recv_from(&mut question).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if !is_near(from.ip()) || !meter.lets(from.ip(), tokio::time::Instant::now()) {
            continue;
        }
        if let Some(answer) = names.answer(&question[..len]) {
            // It is asked again if this is lost.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// Only private networks are answered: whatever the box is plugged into, it is of no use to strangers.
fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

/// 100.64.0.0/10 (RFC 6598): some routers lend it.
fn is_shared(v4: Ipv4Addr) -> bool {
    let [first, second, ..] = v4.octets();
    first == 100 && second & 0b1100_0000 == 64
}

#[cfg(test)]
mod tests;
