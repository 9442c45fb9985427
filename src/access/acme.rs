//! One certificate by ACME (RFC 8555) with challenges in the DNS: account, order, challenges, certificate.

use super::config::Acme;
use super::dns::{self, Challenge, DnsError};
use super::files::{self, Kept};
use super::http::{Client, HttpError};
use super::pair::{Pair, PairError};
use crate::sentence::Sentence;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use std::time::Duration;

/// For the server to look at the challenges, and to make the certificate.
const POLLING_MAX: Duration = Duration::from_secs(120);
const NO_SUCH_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";
const RATE_LIMITED: &str = "urn:ietf:params:acme:error:rateLimited";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server is not there: no internet, or it is down.
    #[error("the certificate server cannot be reached: {0}")]
    Unreachable(String),
    /// It was asked too often.
    #[error("the certificate server wants to be asked less often: {detail}")]
    RateLimited {
        /// What it says.
        detail: String,
        /// After how many seconds it may be asked again, if it said.
        retry_after_s: Option<u64>,
    },
    /// It refused.
    #[error("the certificate server refused: {0}")]
    Refused(String),
    /// It did not find the challenge, or a wrong one.
    #[error("the certificate server did not find the right challenge in the DNS: {0}")]
    Challenge(String),
    /// The challenge did not get into the DNS.
    #[error("the challenge did not get into the DNS: {0}")]
    Dns(#[from] DnsError),
    /// What it gave is not to be used.
    #[error("the certificate that came is not used: {0}")]
    Certificate(#[from] PairError),
    /// The disk.
    #[error("what must be kept of certificates cannot be written: {0}")]
    Disk(#[from] std::io::Error),
    /// The client.
    #[error(transparent)]
    Client(HttpError),
}

impl Failure {
    /// For programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::RateLimited { .. } => "rate-limited",
            Self::Refused(_) => "refused",
            Self::Challenge(_) => "challenge",
            Self::Dns(_) => "dns",
            Self::Certificate(_) => "certificate",
            Self::Disk(_) => "disk",
            Self::Client(_) => "client",
        }
    }

    /// What went wrong, and what to do.
    pub fn sentence(&self) -> Sentence {
        let (ja, en) = match self {
            Self::Unreachable(_) => (
                "証明書サーバーに届きません。インターネットが戻れば自動でやり直します。いまは何もしなくてかまいません。",
                "It is tried again by itself when the internet is back; nothing to do now.",
            ),
            Self::RateLimited { .. } => (
                "証明書サーバーが、回数が多すぎると言っています。時間をおいて自動でやり直します。",
                "It is tried again later by itself; do not ask for it by hand in the meantime.",
            ),
            Self::Refused(_) => (
                "証明書サーバーに断られました。access.json の名前と、連絡先を確かめてください。",
                "Check the names and the contact in access.json.",
            ),
            Self::Challenge(_) => (
                "確認用の値が DNS で見つかりません。_acme-challenge の委任（CNAME）と、DNS の設定を確かめてください。",
                "Check that _acme-challenge of each name is in the zone that is changed, or delegated to it by CNAME.",
            ),
            Self::Dns(_) => (
                "確認用の値を DNS に書けません。access.json の dns の設定（サーバー、鍵、権限）を確かめてください。",
                "Check \"dns\" in access.json: server, key and what the key may change.",
            ),
            Self::Certificate(_) => (
                "届いた証明書が使えません。access.json の profile と名前を確かめてください。",
                "Check the profile and the names in access.json.",
            ),
            Self::Disk(_) => (
                "証明書を保存できません。ディスクの空きと、データディレクトリの権限を確かめてください。",
                "Check the space on the disk and who owns the data directory.",
            ),
            Self::Client(_) => (
                "証明書サーバーの確認に使う証明書がありません。パッケージ ca-certificates を入れてください。",
                "Install the package ca-certificates.",
            ),
        };
        Sentence { ja: format!("{ja}（{self}）"), en: format!("{self}. {en}") }
    }

    /// After how many failures in a row, how long to wait: seconds, without jitter. What a person has to mend is not asked for often.
    pub fn wait_s(&self, failures: u32) -> u64 {
        let doubled = |first: u64, most: u64| first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(most);
        match self {
            Self::Unreachable(_) | Self::Client(_) | Self::Disk(_) => doubled(60, 3600),
            Self::RateLimited { retry_after_s, .. } => retry_after_s.unwrap_or(3600).clamp(60, 7 * 24 * 3600),
            Self::Refused(_) | Self::Challenge(_) | Self::Dns(_) | Self::Certificate(_) => doubled(900, 12 * 3600),
        }
    }

    fn of(error: Error, client: &Client) -> Self {
        match error {
            Error::Api(problem) if problem.r#type.as_deref() == Some(RATE_LIMITED) || problem.status == Some(429) => {
                Self::RateLimited { detail: problem.to_string(), retry_after_s: client.take_retry_after_s() }
            }
            // Nothing that a person could mend: the next try has a fresh one (RFC 8555, 6.5).
            Error::Api(problem) if problem.r#type.as_deref() == Some(BAD_NONCE) => Self::Unreachable(problem.to_string()),
            Error::Api(problem) => Self::Refused(problem.to_string()),
            Error::Other(error) => match error.downcast::<HttpError>() {
                Ok(error) => Self::Unreachable(error.to_string()),
                Err(other) => Self::Unreachable(other.to_string()),
            },
            // What is no answer of such a server at all comes from something in between: a captive portal, a proxy, a server that is down.
            Error::Json(error) => Self::Unreachable(format!("the answer is not that of a certificate server: {error}")),
            error @ (Error::Crypto
            | Error::KeyRejected
            | Error::Http(_)
            | Error::InvalidUri(_)
            | Error::Timeout(_)
            | Error::Unsupported(_)
            | Error::Str(_)
            | _) => Self::Refused(error.to_string()),
        }
    }
}

/// What an order needs.
pub struct Wanted<'a> {
    /// The settings.
    pub acme: &'a Acme,
    /// For these names.
    pub names: &'a [String],
    /// Where account and certificate are kept.
    pub kept: &'a Kept,
    /// The client.
    pub client: &'a Client,
    /// Milliseconds since 1970 UTC.
    pub now_ms: i64,
}

impl Wanted<'_> {
    fn now_s(&self) -> u64 {
        u64::try_from(self.now_ms / 1000).unwrap_or(0)
    }

    /// Gets a certificate and keeps it. Challenges that an earlier try left in the DNS are taken out first, its own in the end, however it went.
    ///
    /// # Errors
    /// [`Failure`]; the certificate before is untouched.
    pub async fn issue(&self) -> Result<Pair, Failure> {
        self.tidy_up().await;
        let issued = self.order().await;
        self.tidy_up().await;
        let (chain, key) = issued?;
        let pair = Pair::read(chain.as_bytes(), key.as_bytes())?;
        pair.check(self.names, self.now_ms)?;
        pair.server_config()?;
        self.kept.write(files::ACME, format!("{key}\n{chain}").as_bytes())?;
        Ok(pair)
    }

    async fn order(&self) -> Result<(String, String), Failure> {
        let failed = |error| Failure::of(error, self.client);
        let account = self.account().await?;
        let identifiers: Vec<Identifier> = self.names.iter().cloned().map(Identifier::Dns).collect();
        let mut wanted = NewOrder::new(&identifiers);
        if let Some(profile) = &self.acme.profile {
            wanted = wanted.profile(profile);
        }
        let first = account.new_order(&wanted).await;
        let is_forgotten = matches!(&first, Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_SUCH_ACCOUNT));
        let mut order = if is_forgotten {
            self.kept.remove(files::ACCOUNT)?;
            self.account().await?.new_order(&wanted).await.map_err(failed)?
        } else {
            first.map_err(failed)?
        };
        self.answer(&mut order).await?;
        let polling = RetryPolicy::new().timeout(POLLING_MAX);
        match order.poll_ready(&polling).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_not_ready) => return Err(Failure::Challenge(self.verdict(&mut order).await)),
            // What makes an order invalid is said of its challenges.
            Err(error) => {
                let why = failed(error);
                return Err(if let Failure::Refused(why) = why { Failure::Challenge(why) } else { why });
            }
        }
        let key = order.finalize().await.map_err(failed)?;
        let chain = order.poll_certificate(&polling).await.map_err(failed)?;
        Ok((chain, key))
    }

    /// Puts all challenges into the DNS, waits until they are to be seen, and tells the server.
    async fn answer(&self, order: &mut Order) -> Result<(), Failure> {
        let failed = |error| Failure::of(error, self.client);
        let mut challenges = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let host = authorization.identifier().to_string();
            let none = || Failure::Refused(format!("{host} cannot be confirmed by the DNS"));
            let challenge = authorization.challenge(ChallengeType::Dns01).ok_or_else(none)?;
            challenges.push(Challenge::of(self.acme, &host, challenge.key_authorization().dns_value()));
        }
        // Noted before anything is done, so that a power cut leaves nothing behind in the DNS for good.
        self.kept.write(files::LEFT, &serde_json::to_vec(&challenges).unwrap_or_default())?;
        for challenge in &challenges {
            dns::set(self.acme, self.client, challenge, self.now_s()).await?;
        }
        for challenge in &challenges {
            dns::shown(self.acme, challenge).await?;
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            if authorization.status == AuthorizationStatus::Pending
                && let Some(mut challenge) = authorization.challenge(ChallengeType::Dns01)
            {
                challenge.set_ready().await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What the server says of the challenges that it did not take.
    async fn verdict(&self, order: &mut Order) -> String {
        let mut said = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let Ok(mut authorization) = authorization else { continue };
            let Ok(state) = authorization.refresh().await else { continue };
            let host = state.identifier().to_string();
            let errors = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            said.extend(errors.map(|problem| format!("{host}: {problem}")));
        }
        if said.is_empty() { "the order became invalid".to_owned() } else { said.join("; ") }
    }

    /// The account that is kept, or a new one; of another server's there is none.
    async fn account(&self) -> Result<Account, Failure> {
        let failed = |error| Failure::of(error, self.client);
        let builder = || Account::builder_with_http(Box::new(self.client.clone()));
        let kept = self.kept.read(files::ACCOUNT)?.and_then(|bytes| serde_json::from_slice::<KeptAccount>(&bytes).ok());
        if let Some(kept) = kept.filter(|kept| kept.directory == self.acme.directory) {
            return builder().from_credentials(kept.credentials).await.map_err(failed);
        }
        let contact: Vec<&str> = self.acme.contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: self.acme.terms_agreed, only_return_existing: false };
        let (account, credentials) = builder().create(&new, self.acme.directory.clone(), None).await.map_err(failed)?;
        let kept = KeptAccount { directory: self.acme.directory.clone(), credentials };
        let bytes = serde_json::to_vec(&kept).map_err(std::io::Error::other)?;
        self.kept.write(files::ACCOUNT, &bytes)?;
        Ok(account)
    }

    /// Takes challenges out of the DNS that still stand there. What cannot be taken out now is tried again the next time.
    async fn tidy_up(&self) {
        let Ok(Some(bytes)) = self.kept.read(files::LEFT) else { return };
        let left: Vec<Challenge> = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut is_clean = true;
        for challenge in &left {
            if let Err(error) = dns::unset(self.acme, challenge, self.now_s()).await {
                tracing::warn!(%error, name = challenge.name, "a challenge still stands in the DNS");
                is_clean = false;
            }
        }
        if is_clean && let Err(error) = self.kept.remove(files::LEFT) {
            tracing::warn!(%error, "the note of what stood in the DNS could not be removed");
        }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct KeptAccount {
    directory: String,
    credentials: AccountCredentials,
}

/// The certificate that is kept.
///
/// # Errors
/// Where it cannot be read.
pub fn kept(kept: &Kept) -> Result<Option<Pair>, Failure> {
    let Some(bytes) = kept.read(files::ACME)? else { return Ok(None) };
    Ok(Some(Pair::read(&bytes, &bytes)?))
}
