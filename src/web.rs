//! The patients' pages and the first of staff's: HTML first, nothing from elsewhere, no script needed.

mod card;
mod conceal;
mod door;
mod envelope;
pub mod error;
mod form;
mod front;
mod guard;
mod history;
mod kept;
pub mod lang;
mod listed;
mod looks;
mod notes;
pub mod page;
mod photo;
mod picture;
mod places;
pub mod poster;
mod print;
pub mod reading;
mod record;
pub mod session;
mod share;
mod staff;
mod upload;
mod wifi;
mod words;

#[cfg(test)]
mod tests;

use crate::access::keeper::Keeper;
use crate::access::{Ladder, Rung};
use crate::clinic::Clinic;
use crate::membership::Member;
use crate::portal::Portal;
use crate::sync::look::Asking;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use listed::Listed;
use session::{IDLE_MAX, STAFF_LIFE_MAX, Sessions, Uptime};
use staff::Desk;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// Photos that may come in at one time; one of them is decoded.
const UPLOADS_MAX: usize = 4;
/// Badges that are looked at at one time.
const SIGNING_IN_MAX: usize = 4;

/// What the pages of one listener share.
pub struct Site {
    clinic: Clinic,
    sessions: Sessions,
    /// Staff's, which have nothing in common with patients'.
    desks: Sessions<Desk>,
    /// The only names that are answered to, with the port where it is not the scheme's own.
    hosts: Vec<String>,
    is_tls: bool,
    /// By what those come who see these pages.
    rung: Rung,
    ladder: Ladder,
    keeper: Option<Keeper>,
    uploads: Semaphore,
    decoding: Arc<Semaphore>,
    /// Room for what was opened of records, in the sessions that have their keys.
    opened: Arc<Semaphore>,
    /// Badges wait in line for a thread, as PINs do.
    signing_in: Semaphore,
    /// Where the clinic's own Wi-Fi leads here.
    portal: Option<Arc<Portal>>,
    /// The clinic's part in a region, where it is served: outside badges need it.
    member: Option<Member>,
    /// Where it asks the other boxes of the region.
    asking: Option<Asking>,
    uptime: Uptime,
}

impl Site {
    /// The pages of `clinic` under the names `hosts`, over TLS or not.
    pub fn new(clinic: Clinic, hosts: Vec<String>, is_tls: bool, uptime: Uptime) -> Self {
        let desks = Sessions::lasting(Arc::clone(&uptime), IDLE_MAX, STAFF_LIFE_MAX);
        let (uploads, decoding) = (Semaphore::new(UPLOADS_MAX), Arc::new(Semaphore::new(1)));
        let opened = Arc::new(Semaphore::new(kept::ALL_BYTES_MAX));
        let signing_in = Semaphore::new(SIGNING_IN_MAX);
        let ladder = Ladder::new(clinic.store().clock().clone());
        let (sessions, rung) = (Sessions::new(Arc::clone(&uptime)), if is_tls { Rung::A } else { Rung::Within });
        let (keeper, portal, member, asking) = (None, None, None, None);
        Self {
            clinic,
            sessions,
            desks,
            hosts,
            is_tls,
            rung,
            ladder,
            keeper,
            uploads,
            decoding,
            opened,
            signing_in,
            portal,
            member,
            asking,
            uptime,
        }
    }

    /// The same for those who come by a rung of a ladder.
    #[must_use]
    pub fn on(self, rung: Rung, ladder: Ladder, keeper: Option<Keeper>) -> Self {
        Self { is_tls: rung.is_tls(), rung, ladder, keeper, ..self }
    }

    /// By which rung those come who see these pages. Each request carries it as an extension, too.
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// With the page that phones are sent to when they join the clinic's own Wi-Fi.
    #[must_use]
    pub fn behind(self, portal: Option<Arc<Portal>>) -> Self {
        Self { portal, ..self }
    }

    /// With the clinic's part in a region.
    #[must_use]
    pub fn with_member(mut self, member: Option<Member>) -> Self {
        self.member = member;
        self
    }

    /// With a way to ask the other boxes.
    #[must_use]
    pub fn with_asking(mut self, asking: Option<Asking>) -> Self {
        self.asking = asking;
        self
    }

    /// Since some fixed moment; never goes back. Ages of sessions are told by it.
    fn now(&self) -> std::time::Duration {
        (self.uptime)()
    }

    /// The same by the clinic's own clock.
    fn clinic_now(&self) -> std::time::Duration {
        self.clinic.store().clock().monotonic()
    }

    /// Ends the sessions that are over, and what staff opened too long ago: keys must not wait in memory for somebody to come.
    pub fn sweep(&self) {
        self.sessions.sweep();
        self.clinic.lock_overdue();
        self.forget_people();
    }

    /// Forgets what sessions keep that would not be used again. One after the other, with others in between: what a thousand records leave takes a
    /// tenth of a second to be overwritten, and phones would wait for it.
    pub async fn sweep_shelves(&self) {
        for session in self.sessions.all() {
            if let Some(session) = session.upgrade() {
                session.shelf.sweep(&kept::Basis::now(self, &session));
            }
            tokio::task::yield_now().await;
        }
    }

    /// With the last session of staff's, what they could find people by is forgotten. Whoever has gone without a word, or was there before the box was
    /// locked, is no session.
    fn forget_people(&self) {
        let locked = self.clinic.times_locked();
        self.desks.sweep();
        self.desks.keep(|desk| desk.is_since(locked));
        if self.desks.is_empty() {
            self.clinic.forget_people();
        }
    }

    /// Without TLS the cookie has a name of its own, so that it can never be taken for one that came over TLS; and one more on the network than
    /// within this machine. Which sessions a cookie can name is settled by the site: each rung has sessions of its own.
    fn cookie_name(&self) -> &'static str {
        match self.rung {
            Rung::A | Rung::B => "__Host-kusuribako",
            Rung::C => "kusuribako_http",
            Rung::Within => "kusuribako_local",
        }
    }

    /// The same for staff.
    fn desk_cookie_name(&self) -> &'static str {
        if self.is_tls { "__Host-kusuribako-staff" } else { "kusuribako_staff_local" }
    }

    /// A cookie for so many seconds; with 0, it is taken away.
    fn cookie(&self, name: &str, token: &str, seconds: u64) -> String {
        let secure = if self.is_tls { "; Secure" } else { "" };
        format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }

    fn session_cookie(&self, token: &str) -> String {
        self.cookie(self.cookie_name(), token, session::LIFE_MAX.as_secs())
    }

    fn ended_cookie(&self) -> String {
        self.cookie(self.cookie_name(), "", 0)
    }
}

/// The address at this machine that a connection came in at: an extension that the accept loop gives each request.
#[derive(Debug, Clone, Copy)]
pub struct LocalAddress(pub std::net::SocketAddr);

/// The paths of all pages, as they were added: what a test asks of each who may come to it.
pub fn paths(site: &Arc<Site>) -> Vec<String> {
    listed(site).into_paths()
}

/// All pages.
pub fn router(site: Arc<Site>) -> Router {
    listed(&site)
        .into_router()
        // Bodies are read within their own limits of size and time, in `form`.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&site), guard::layer))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(site)
}

fn listed(site: &Arc<Site>) -> Listed {
    let way_in = Listed::new()
        .route("/", get(front::front))
        .route("/c/{code}", get(front::card))
        .route("/open", post(front::open))
        .route("/photo", post(front::photo))
        .route("/lost-pin", get(front::lost_pin))
        .route("/wifi", get(wifi::welcome))
        .route("/wifi/stay", post(wifi::stay))
        .route(crate::portal::STATE, get(wifi::state))
        .route("/you", get(front::you).post(front::say_you))
        .route("/finish", post(front::finish))
        .route("/envelope", get(envelope::show).post(envelope::open));
    let record = Listed::new()
        .route("/record", get(record::show))
        .route("/record/history", get(history::show))
        .route("/record/visit/{fact}", get(history::show_one))
        .route("/record/notes", get(notes::show))
        .route("/record/notes/own", post(notes::add_own))
        .route("/record/notes/otc", post(notes::add_otc))
        .route("/record/conceal/{fact}", get(conceal::show).post(conceal::turn))
        .route("/record/looks", get(looks::show))
        .route("/record/qr", get(share::qr))
        .route("/record/qr/codes", get(share::codes))
        .route("/record/save", get(share::save))
        .route("/record/save/picture", get(share::save_shown))
        .route("/record/save/picture.svg", get(share::save_picture))
        .route("/record/print", get(print::choose))
        .route("/record/print/{paper}", get(print::show));
    way_in.merge(record).merge(staff::routes(site)).route("/assets/{file}", get(asset))
}

/// The front door: what plain http on the network gets.
pub fn door(site: Arc<Site>) -> Router {
    router(Arc::clone(&site)).layer(from_fn_with_state(site, door::layer))
}

async fn asset(Path(file): Path<String>) -> Response {
    let (kind, body) = match file.as_str() {
        "style.css" => ("text/css; charset=utf-8", page::STYLE),
        "desk.css" => ("text/css; charset=utf-8", page::DESK_STYLE),
        "poster.css" => ("text/css; charset=utf-8", poster::STYLE),
        "print.js" => ("text/javascript; charset=utf-8", include_str!("../templates/print.js")),
        "scan.js" => ("text/javascript; charset=utf-8", include_str!("../templates/scan.js")),
        "icon.svg" => ("image/svg+xml", include_str!("../templates/icon.svg")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=604800")], body).into_response()
}
