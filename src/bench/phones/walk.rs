//! One phone with one card: front page, card and PIN, "is this you?", the record.

use super::line::{Line, Way};
use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A page that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A phone.
pub(super) struct Phone {
    way: Arc<Way>,
    from: Option<IpAddr>,
    line: Option<Line>,
    cookie: String,
    /// How often it has connected.
    pub(super) calls: usize,
}

/// What a walk took.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) requests: usize,
    pub(super) bytes: usize,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// Head and body, as good as can be told from outside of the connection.
    fn len(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + self.body.len()
    }
}

impl Phone {
    pub(super) fn new(way: &Arc<Way>, from: Option<IpAddr>) -> Self {
        Self { way: Arc::clone(way), from, line: None, cookie: String::new(), calls: 0 }
    }

    pub(super) fn hang_up(&mut self) {
        self.line = None;
    }

    /// What the camera opens, and on to the record.
    pub(super) async fn open(&mut self, code: &str, pin: &str) -> anyhow::Result<Walked> {
        let mut walked = Walked::default();
        let card = self.ask(Method::GET, &format!("/c/{code}"), "", true).await?;
        walked.expect(&card, StatusCode::OK, "the card")?;
        let opened = self.ask(Method::POST, "/open", &format!("code={code}&pin={pin}"), true).await?;
        walked.expect(&opened, StatusCode::SEE_OTHER, "card and PIN")?;
        let cookie = opened
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|c| c.to_str().ok())
            .find(|c| c.contains("kusuribako"));
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("no session was opened")?;
        cookie.clone_into(&mut self.cookie);
        // Not compressed, since its form is read here.
        let you = self.ask(Method::GET, "/you", "", false).await?;
        walked.expect(&you, StatusCode::OK, "\"is this you?\"")?;
        let page = String::from_utf8_lossy(&you.body);
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = format!("csrf={}&answer=yes", csrf.context("\"is this you?\" has no form")?);
        walked.expect(&self.ask(Method::POST, "/you", &form, true).await?, StatusCode::SEE_OTHER, "\"yes\"")?;
        walked.expect(&self.ask(Method::GET, "/record", "", true).await?, StatusCode::OK, "the record")?;
        Ok(walked)
    }

    /// One page that must come; its bytes.
    pub(super) async fn page(&mut self, path: &str) -> anyhow::Result<usize> {
        let answer = self.ask(Method::GET, path, "", true).await?;
        match answer.status {
            StatusCode::OK if !answer.body.is_empty() => Ok(answer.len()),
            other => bail!("{path} answered {other}"),
        }
    }

    async fn ask(&mut self, method: Method, path: &str, form: &str, is_compressed: bool) -> anyhow::Result<Answer> {
        tokio::time::timeout(PATIENCE, self.ask_at_last(method, path, form, is_compressed)).await.context("nothing came")?
    }

    async fn ask_at_last(&mut self, method: Method, path: &str, form: &str, is_compressed: bool) -> anyhow::Result<Answer> {
        let mut line = match self.line.take().filter(|line| !line.is_closed()) {
            Some(line) => line,
            None => {
                self.calls += 1;
                self.way.connect(self.from).await?
            }
        };
        let address = format!("{}://{}{path}", self.way.scheme(), self.way.host);
        let target = if matches!(line, Line::Tls(_)) { address.as_str() } else { path };
        let mut request = Request::builder().method(method.clone()).uri(target);
        if matches!(line, Line::Plain(_)) {
            request = request.header(header::HOST, self.way.host.as_str());
        }
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, self.cookie.as_str());
        }
        if is_compressed {
            request = request.header(header::ACCEPT_ENCODING, "gzip");
        }
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let response = line.send(request.body(Full::from(Bytes::copy_from_slice(form.as_bytes())))?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        self.line = Some(line);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl Walked {
    fn expect(&mut self, answer: &Answer, status: StatusCode, what: &str) -> anyhow::Result<()> {
        self.requests += 1;
        self.bytes += answer.len();
        if answer.status == status { Ok(()) } else { bail!("{what} answered {}", answer.status) }
    }
}
