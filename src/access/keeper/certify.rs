//! Getting and renewing the public certificate: a task beside the one that looks after everything else, since a server may let it wait for minutes.

use super::super::Held;
use super::super::acme::{Failure, Wanted};
use super::super::board::Doing;
use super::super::files::Kept;
use super::super::http::Client;
use super::{Keeper, LOOK_EVERY, Settings};
use tokio::sync::watch;

/// After a certificate came, no other is asked for within this time.
const AGAIN_AFTER_MS: i64 = 48 * 3600 * 1000;

/// What is remembered from try to try for a certificate.
#[derive(Default)]
pub(super) struct Trying {
    /// For which settings: what is read anew is tried at once.
    pub(super) settings: Settings,
    pub(super) failures: u32,
    pub(super) next_ms: Option<i64>,
}

impl Keeper {
    pub(super) async fn certify(&self, mut settings: watch::Receiver<Settings>) {
        let mut trying = Trying::default();
        loop {
            let wanted = settings.borrow_and_update().clone();
            if trying.settings.read_times != wanted.read_times {
                trying = Trying { settings: wanted, ..Trying::default() };
            }
            self.renew(&mut trying).await;
            self.rest(&mut trying, &mut settings).await;
        }
    }

    /// Until there is something to try.
    pub(super) async fn rest(&self, trying: &mut Trying, settings: &mut watch::Receiver<Settings>) {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            // Where nobody tells any more, the node is about to stop.
            Ok(()) = settings.changed() => {}
            // Somebody wants it tried at once.
            () = self.ladder.renewed() => trying.next_ms = None,
        }
    }

    /// Gets a certificate where there is none, or renews it at a third of its life left.
    async fn renew(&self, trying: &mut Trying) {
        let Some(config) = trying.settings.config.clone() else { return };
        let Some(acme) = &config.acme else { return };
        let now_ms = self.ladder.now_ms();
        let names = self.all_names(&config);
        let held = self.ladder.a();
        let usable = held.as_ref().filter(|held| names.iter().all(|name| held.pair.covers(name)));
        let is_forced = self.ladder.take_forced();
        let usable = usable.filter(|_| !is_forced);
        let due_ms = usable.map_or(now_ms, |held| held.pair.renew_from_ms().saturating_add(jitter_ms(held)));
        let at_ms = due_ms.max(trying.next_ms.unwrap_or(due_ms));
        self.ladder.next_try(Doing::Acme, Some(at_ms));
        if now_ms < at_ms {
            return;
        }
        let kept = Kept::of(&self.dir);
        let issued = match Client::new(acme.roots.as_deref()) {
            Err(error) => Err(Failure::Client(error)),
            Ok(client) => Wanted { acme, names: &names, kept: &kept, client: &client, now_ms }.issue().await,
        };
        match issued {
            Ok(pair) => {
                // Whatever this box's clock says: a server that is asked for one name again and again soon refuses.
                (trying.failures, trying.next_ms) = (0, Some(now_ms.saturating_add(AGAIN_AFTER_MS)));
                tracing::info!(names = names.join(", "), "a public certificate is in use");
                self.take_a(Doing::Acme, pair);
                self.ladder.next_try(Doing::Acme, None);
            }
            Err(failure) => {
                trying.failures = trying.failures.saturating_add(1);
                let wait_ms = i64::try_from(failure.wait_s(trying.failures)).unwrap_or(i64::MAX).saturating_mul(1000);
                // Up to a quarter more, so that the boxes of a region do not come back all at once.
                let next_ms = now_ms.saturating_add(wait_ms).saturating_add(random_below(wait_ms / 4));
                trying.next_ms = Some(next_ms);
                self.ladder.next_try(Doing::Acme, Some(next_ms));
                self.note(Doing::Acme, Some((failure.kind(), failure.sentence())));
            }
        }
    }
}

/// A twentieth of its life, at most, after the third began: the boxes of a region got theirs on one day.
fn jitter_ms(held: &Held) -> i64 {
    let life_ms = held.pair.not_after_ms.saturating_sub(held.pair.not_before_ms).max(0);
    let fraction = held.pair.fingerprint.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1000);
    life_ms / 20 * fraction / 1000
}

fn random_below(limit_ms: i64) -> i64 {
    use crate::seal::Entropy;
    let mut bytes = [0; 8];
    crate::entropy::SystemEntropy::default().fill(&mut bytes);
    let drawn = i64::from_be_bytes(bytes) & i64::MAX;
    drawn.checked_rem(limit_ms).unwrap_or(0)
}
