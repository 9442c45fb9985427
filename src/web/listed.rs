//! Routes that are listed as they are added, so that a test can ask of each who may come to it.

use super::Site;
use axum::Router;
use axum::routing::MethodRouter;
use std::sync::Arc;

/// A router that knows its paths.
pub(super) struct Listed {
    router: Router<Arc<Site>>,
    paths: Vec<String>,
}

impl Listed {
    /// Without any route.
    pub(super) fn new() -> Self {
        Self { router: Router::new(), paths: Vec::new() }
    }

    /// With one more.
    pub(super) fn route(mut self, path: &str, handlers: MethodRouter<Arc<Site>>) -> Self {
        self.paths.push(path.to_owned());
        Self { router: self.router.route(path, handlers), paths: self.paths }
    }

    /// With those of another.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        Self { router: self.router.merge(other.router), paths: self.paths }
    }

    /// With layers around those that are there.
    pub(super) fn layered(self, around: impl FnOnce(Router<Arc<Site>>) -> Router<Arc<Site>>) -> Self {
        Self { router: around(self.router), paths: self.paths }
    }

    /// The paths, as they were added.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }

    /// The router.
    pub(super) fn into_router(self) -> Router<Arc<Site>> {
        self.router
    }
}
