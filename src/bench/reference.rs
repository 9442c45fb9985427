//! The reference: the same accept loop with one page from memory.

use crate::app::serve::Limits;
use crate::app::{self, Listeners};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Serves the bytes of `page` at `/` until it is killed.
pub(super) fn serve(page: &Path, out: &mut dyn Write) -> anyhow::Result<u8> {
    let page: &'static [u8] = Box::leak(std::fs::read(page)?.into_boxed_slice());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        writeln!(out, "ready: http://{}", listener.local_addr()?)?;
        out.flush()?;
        let answer = move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response() };
        let router = Router::new().route("/", get(answer));
        app::run_router(router, Listeners::new(listener, None)?, Limits::default(), CancellationToken::new()).await;
        Ok(0)
    })
}
