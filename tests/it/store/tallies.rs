//! What is kept beside the entries is compared with them, and `rebuild` puts it right.

use super::*;

#[test]
fn counts_tips_and_lists_that_differ_from_the_entries_are_named_with_their_cure() {
    let (temp, store) = new_store();
    store.append(vec![draft(1, b"warfarin"), draft(2, b"insulin")], Urgency::Normal).wait().unwrap();
    store.append(vec![draft(1, b"inhaler")], Urgency::Normal).wait().unwrap();
    verify_clean(&store);
    let conn = raw(temp.path());
    let mischief = [
        ("UPDATE holding SET entries = entries + 1", "holding.entries says 5, and the entries give 4"),
        ("UPDATE holding SET missing = 3", "holding.missing says 3, and the entries give 0"),
        ("DELETE FROM tip", "row 4: missing in table tip"),
        ("INSERT INTO tip (chain, row) VALUES (1, 2)", "row 2: does not belong in table tip"),
        ("INSERT INTO lacking (holding, row) VALUES (1, 3)", "row 3: does not belong in table lacking"),
    ];
    for (sql, expected) in mischief {
        conn.execute_batch(sql).unwrap();
        let (_, faults) = verify(&store).unwrap();
        let [fault] = &faults[..] else { panic!("{sql}: {faults:?}") };
        let said = fault.to_string();
        assert!(said.contains(expected) && said.contains("kusuribako rebuild"), "{sql}: {said}");
        store.rebuild(Box::new(project)).wait().unwrap();
        verify_clean(&store);
    }
    // A body that is gone is missing from the list of those that are to be fetched again.
    conn.execute_batch("DELETE FROM body WHERE row = 3").unwrap();
    let (_, faults) = verify(&store).unwrap();
    assert!(faults.iter().any(|fault| fault.to_string().contains("row 3: missing in table lacking")), "{faults:?}");
    store.rebuild(Box::new(|entry| entry.body.is_some().then(|| project(entry)).unwrap_or_default())).wait().unwrap();
    let (_, faults) = verify(&store).unwrap();
    assert!(!faults.iter().any(|fault| matches!(fault, StoreFault::Kept { .. } | StoreFault::Count { .. })), "{faults:?}");
}
