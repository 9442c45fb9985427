//! Helping patients' phones onto the Wi-Fi: what phones say and what to do then, and the sheet on the wall.

use super::super::Site;
use super::super::error::Trouble;
use super::super::form::Fields;
use super::super::lang::phrase::Text;
use super::super::lang::{DeskMessages, Lang};
use super::super::page::{self, Frame};
use super::super::poster::{Address, Poster, PosterError, Wifi, WifiError};
use super::AtDesk;
use crate::clinic::unlock::WriteRefusal;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Template)]
#[template(path = "staff_connect.html")]
struct ConnectPage {
    f: Frame,
    phones: [(&'static Text, &'static [[Text; 2]]); 3],
}

pub(super) async fn connect(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    let c = &at_desk.lang.desk().connect;
    let f = at_desk.frame(&site, c.title.plain());
    let phones: [(&Text, &[[Text; 2]]); 3] =
        [(&c.common_title, &c.common), (&c.iphone_title, &c.iphone), (&c.android_title, &c.android)];
    page::html(StatusCode::OK, &ConnectPage { f, phones })
}

#[derive(Template)]
#[template(path = "staff_poster.html")]
struct PosterPage {
    f: Frame,
    wrong: Option<&'static Text>,
    wifi: String,
    address: String,
    typed: String,
    chosen: Vec<Lang>,
}

impl PosterPage {
    fn is_chosen(&self, lang: &Lang) -> bool {
        self.chosen.contains(lang)
    }
}

/// All but the one that those who read Japanese can read as well.
fn usual() -> Vec<Lang> {
    Lang::ALL.into_iter().filter(|lang| *lang != Lang::EasyJapanese).collect()
}

pub(super) async fn poster_form(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    let f = at_desk.frame(&site, at_desk.lang.desk().poster.title.plain());
    let blank = String::new;
    let page = PosterPage { f, wrong: None, wifi: blank(), address: blank(), typed: blank(), chosen: usual() };
    page::html(StatusCode::OK, &page)
}

/// Wiped when it is done with: it holds the Wi-Fi's password, which is kept nowhere.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct PosterFields {
    csrf: String,
    wifi: String,
    #[serde(default)]
    password: String,
    address: String,
    #[serde(default)]
    typed: String,
    // A check box for each language: what is not checked is not sent.
    #[serde(default, rename = "ja")]
    ja: Option<String>,
    #[serde(default, rename = "ja-easy")]
    ja_easy: Option<String>,
    #[serde(default)]
    en: Option<String>,
    #[serde(default)]
    zh: Option<String>,
    #[serde(default)]
    ko: Option<String>,
    #[serde(default)]
    vi: Option<String>,
    #[serde(default)]
    pt: Option<String>,
}

impl PosterFields {
    fn languages(&self) -> Vec<Lang> {
        let is_checked = |lang: &Lang| match lang {
            Lang::Japanese => self.ja.is_some(),
            Lang::EasyJapanese => self.ja_easy.is_some(),
            Lang::English => self.en.is_some(),
            Lang::Chinese => self.zh.is_some(),
            Lang::Korean => self.ko.is_some(),
            Lang::Vietnamese => self.vi.is_some(),
            Lang::Portuguese => self.pt.is_some(),
        };
        Lang::ALL.into_iter().filter(is_checked).collect()
    }

    fn poster(&self, clinic: &str) -> Result<String, PosterError> {
        let password = Some(self.password.as_str()).filter(|password| !password.is_empty());
        let typed = self.typed.trim();
        let poster = Poster {
            clinic: clinic.to_owned(),
            wifi: Wifi::new(self.wifi.trim(), password)?,
            address: Address::read(&self.address)?,
            typed: (!typed.is_empty()).then(|| typed.to_owned()),
            languages: self.languages(),
        };
        poster.page(false)
    }
}

/// The sheet itself; where it cannot be made, the form once more with what is wrong. The password is asked for again.
pub(super) async fn poster(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(fields): Fields<PosterFields>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    let error = match fields.poster(site.clinic.name()) {
        Ok(page) => return Ok(Html(page).into_response()),
        Err(error) => error,
    };
    let d = at_desk.lang.desk();
    let wrong = Some(sentence(d, &error).ok_or_else(|| Trouble::AtDesk(WriteRefusal::Failed(error.to_string())))?);
    let mut f = at_desk.frame(&site, d.poster.title.plain());
    // An answer to a form cannot be asked for again in another language.
    f.can_switch = false;
    let (wifi, address, typed) = (fields.wifi.clone(), fields.address.clone(), fields.typed.clone());
    let page = PosterPage { f, wrong, wifi, address, typed, chosen: fields.languages() };
    page::html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// What staff can mend; none where it is the program's own.
fn sentence(d: &'static DeskMessages, error: &PosterError) -> Option<&'static Text> {
    match error {
        PosterError::Wifi(WifiError::Name { .. }) => Some(&d.poster.wrong_name),
        PosterError::Wifi(WifiError::Password) => Some(&d.poster.wrong_password),
        PosterError::Address(_) => Some(&d.poster.wrong_address),
        PosterError::NoLanguage => Some(&d.poster.wrong_languages),
        PosterError::Code(_) | PosterError::Drawing(_) => None,
    }
}
