//! A store that answers is alive; one whose threads hang is not; one that rebuilds is.

use super::*;
use crate::clinic::Clinic;
use crate::clinic::setup::Location;
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

const SOON: Duration = Duration::from_millis(200);

fn store() -> (tempfile::TempDir, Store) {
    let temp = tempfile::tempdir().unwrap();
    let mut at = Location::new(temp.path().join("data"));
    at.reserve_bytes = 4_096;
    let profile =
        SiteProfile { name: "見本薬局".into(), card_base: "http://kusuri.internal".into(), ..SiteProfile::default() };
    let clinic = Clinic::found(&at, &profile, Clock::system()).unwrap();
    let store = clinic.store().clone();
    (temp, store)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn readers_that_hang_are_no_sign_of_life() {
    let (_temp, store) = store();
    block_on(async {
        assert!(answers(&store, ANSWER_MAX).await);
        let (go_on, waiting) = (0..2).map(|_| mpsc::channel::<()>()).unzip::<_, _, Vec<_>, Vec<_>>();
        let hung: Vec<_> = waiting.into_iter().map(|wait| store.read(move |_| Ok(wait.recv().is_ok()))).collect();
        assert!(!answers(&store, SOON).await);
        drop(go_on);
        for read in hung {
            read.await.unwrap();
        }
        assert!(answers(&store, ANSWER_MAX).await);
    });
}

#[test]
fn a_writer_that_hangs_is_no_sign_of_life_but_a_rebuild_is_work() {
    let (_temp, store) = store();
    block_on(async {
        let (go_on, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let begun = std::sync::Mutex::new(Some(begun));
        let rebuilt = store.rebuild(Box::new(move |_| {
            let _ = begun.lock().unwrap().take().map(|begun| begun.send(()));
            let _ = wait.lock().unwrap().recv();
            Vec::new()
        }));
        has_begun.await.unwrap();
        assert!(store.is_rebuilding() && answers(&store, SOON).await);
        assert!(tokio::time::timeout(SOON, store.ping()).await.is_err(), "the writer itself is busy");
        drop(go_on);
        rebuilt.await.unwrap();
        assert!(!store.is_rebuilding() && answers(&store, ANSWER_MAX).await);
    });
}

#[test]
fn the_first_sign_of_life_says_ready_and_they_stop_with_the_store() {
    let (_temp, store) = store();
    block_on(async {
        let (firsts, all) = (AtomicU32::new(0), AtomicU32::new(0));
        let beating = beat(&store, Some(SOON), |is_first| {
            firsts.fetch_add(u32::from(is_first), Ordering::SeqCst);
            all.fetch_add(1, Ordering::SeqCst);
        });
        let hanging = async {
            while all.load(Ordering::SeqCst) < 3 {
                tokio::task::yield_now().await;
            }
            let (go_on, waiting) = (0..2).map(|_| mpsc::channel::<()>()).unzip::<_, _, Vec<_>, Vec<_>>();
            let hung: Vec<_> = waiting.into_iter().map(|wait| store.read(move |_| Ok(wait.recv().is_ok()))).collect();
            let before = all.load(Ordering::SeqCst);
            assert!(!answers(&store, 3 * SOON).await);
            assert!(all.load(Ordering::SeqCst) <= before + 1, "one may have been on its way");
            drop((go_on, hung));
        };
        tokio::select! { () = beating => {}, () = hanging => {} }
        assert_eq!(firsts.load(Ordering::SeqCst), 1);
    });
}
