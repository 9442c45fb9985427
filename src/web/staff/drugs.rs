//! Drugs: searched by name, ingredient, code and maker; the clinic's own master, imported by its admin.

use super::super::error::Trouble;
use super::super::form::Fields;
use super::super::lang::phrase::{Html, escaped, japanese};
use super::super::page::{self, Frame};
use super::super::{Site, upload};
use super::blocking;
use super::gate::AtDesk;
use crate::clinic::ClinicError;
use crate::clinic::drug_master::{DrugMaster, MasterError, Taken};
use crate::clinic::staff::Act;
use crate::drugs::groups::Group;
use crate::web::lang::Lang;
use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;

/// Products that are shown.
const SHOWN_MAX: usize = 50;

#[derive(Template)]
#[template(path = "staff_drugs.html")]
struct DrugsPage {
    f: Frame,
    words: String,
    rows: Option<Vec<Row>>,
    has_more: bool,
    sources: Vec<Html>,
    known: usize,
    can_import: bool,
    done: Option<(Html, Option<Html>)>,
    refused: Option<Html>,
}

/// A product.
struct Row {
    name: String,
    ingredient: String,
    codes: String,
    maker: String,
    care: Option<Html>,
}

impl DrugsPage {
    fn new(f: Frame, master: &DrugMaster, can_import: bool) -> Self {
        let d = &f.d.drugs;
        let sources =
            master.sources.iter().map(|source| d.master_of.with(source.products, escaped(&source.on), japanese(&source.file)));
        let (sources, known) = (sources.collect(), master.master.len());
        Self { f, words: String::new(), rows: None, has_more: false, sources, known, can_import, done: None, refused: None }
    }
}

fn rows(f: &Frame, master: &DrugMaster, words: &str) -> Vec<Row> {
    let found = master.master.search(words, SHOWN_MAX + 1);
    let is_english = f.lang.at_desk() == Lang::English;
    let row = |entry: &crate::drugs::master::Entry| {
        let product = &entry.row;
        let codes = [product.code.as_str()]
            .into_iter()
            .chain(product.receipt.iter().map(String::as_str))
            .chain([product.hot9.as_str()]);
        let care = entry.substance.and_then(Group::of).map(Group::called);
        Row {
            name: product.name.clone(),
            ingredient: product.ingredient.clone(),
            codes: codes.filter(|code| !code.is_empty()).collect::<Vec<_>>().join(" "),
            maker: product.maker.clone(),
            care: care.map(|care| escaped(if is_english { &care.en } else { &care.ja })),
        }
    };
    found.into_iter().map(|(entry, _)| row(entry)).collect()
}

async fn master(site: &Site) -> Result<Arc<DrugMaster>, Trouble> {
    blocking(site, |clinic| Ok(clinic.drug_master()?)).await
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    let f = at_desk.frame(&site, at_desk.lang.desk().drugs.title.plain());
    let master = master(&site).await?;
    page::html(StatusCode::OK, &DrugsPage::new(f, &master, at_desk.staff(Act::Drugs).is_ok()))
}

#[derive(Deserialize)]
pub(super) struct SearchForm {
    csrf: String,
    words: String,
}

pub(super) async fn search(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<SearchForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let mut f = at_desk.frame(&site, at_desk.lang.desk().drugs.title.plain());
    f.can_switch = false;
    let master = master(&site).await?;
    let mut found = rows(&f, &master, &form.words);
    let has_more = found.len() > SHOWN_MAX;
    found.truncate(SHOWN_MAX);
    let page = DrugsPage::new(f, &master, at_desk.staff(Act::Drugs).is_ok());
    page::html(StatusCode::OK, &DrugsPage { words: form.words, rows: Some(found), has_more, ..page })
}

pub(super) async fn import(State(site): State<Arc<Site>>, at_desk: AtDesk, request: Request) -> Result<Response, Trouble> {
    at_desk.staff(Act::Drugs)?;
    let mut uploaded = upload::files(&site, request, "table").await?;
    at_desk.check(&uploaded.csrf)?;
    let (name, bytes) = uploaded.files.pop().ok_or(Trouble::BadForm)?;
    let imported = blocking(&site, move |clinic| match clinic.import_drugs(&name, &bytes) {
        Ok(taken) => Ok(Ok(taken)),
        Err(MasterError::Table { error, .. }) => Ok(Err(error)),
        Err(other) => Err(ClinicError::from(other)),
    });
    let imported = imported.await?;
    let mut f = at_desk.frame(&site, at_desk.lang.desk().drugs.title.plain());
    f.can_switch = false;
    let d = &f.d.drugs;
    let (status, done, refused) = match &imported {
        Ok(Taken { products, oddities, known }) => {
            let odd = (!oddities.is_empty()).then(|| d.odd.with(oddities.len()));
            (StatusCode::OK, Some((d.imported.with(*products, *known), odd)), None)
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, None, Some(d.refused.with(escaped(&error.to_string())))),
    };
    let master = master(&site).await?;
    page::html(status, &DrugsPage { done, refused, ..DrugsPage::new(f, &master, true) })
}
