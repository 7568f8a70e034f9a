//! The audit trail as a chain: checkpoints, copies, and what goes when its time is over.

use std::time::Duration;

use portcullis_access::{Change, SiteAdmin, is_signed_by};
use portcullis_control::{Control, ControlError, SiteDraft, TrailPart};
use portcullis_domain::Clock as _;
use portcullis_domain::trail::{CheckpointKind, Fault, Summary, Verifier, chain_of};

use crate::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DIGEST: [u8; 32] = [5; 32];

/// A copy, verified with the real signatures.
async fn copied(control: &Control, admin: &SiteAdmin, of_no_site: bool) -> Result<Summary, Fault> {
    let mut copy = control.copy_trail(admin, of_no_site).await.unwrap();
    let key = control.trail_key();
    let mut verifier = Verifier::new(copy.chain().to_owned(), |statement: &[u8], signature: &[u8; 64]| {
        is_signed_by(&key, statement, signature)
    });
    loop {
        let parts = copy.next().await.unwrap();
        if parts.is_empty() {
            break;
        }
        for part in parts {
            match part {
                TrailPart::Before(event) => verifier.before_chain(&event)?,
                TrailPart::Entry(entry) => verifier.entry(&entry)?,
                TrailPart::Checkpoint(checkpoint) => verifier.checkpoint(&checkpoint, &DIGEST)?,
            }
        }
    }
    verifier.checkpoint(&copy.end(DIGEST), &DIGEST)?;
    verifier.finish()
}

impl World {
    /// So many entries in the trail of this admin's site.
    async fn deeds(&self, admin: &SiteAdmin, count: usize) {
        for _ in 0..count {
            self.control.record_export(admin).await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_chain_is_signed_once_an_hour_if_something_was_added() {
    let world = World::new().await;
    let stranger = world.stranger().await;
    world.deeds(&world.admin, 3).await;
    world.deeds(&stranger, 1).await;
    let sign = || async { world.control.sign_trails(&world.system).await.unwrap() };
    assert_eq!(sign().await, 2);
    assert_eq!(sign().await, 0);
    world.deeds(&world.admin, 1).await;
    assert_eq!(sign().await, 0, "the last is too young");
    world.clock.advance(HOUR);
    assert_eq!(sign().await, 1);
    let summary = copied(&world.control, &world.admin, false).await.unwrap();
    assert_eq!(summary.checkpoints, 3);
    // The sign-in, four deeds, and that the copy was made.
    assert_eq!((summary.entries, summary.first, summary.last), (6, 1, 6));
    assert_eq!(copied(&world.control, &stranger, false).await.unwrap().checkpoints, 2);
}

#[tokio::test]
async fn a_copy_holds_one_site_and_is_recorded() {
    let world = World::new().await;
    let draft = SiteDraft { name: "north".to_owned(), parent: None, rules: Default::default() };
    let north = world.control.create_site(&world.admin, &draft).await.unwrap().site.id;
    let below = world.admin_in(north).await;
    world.deeds(&world.admin, 600).await;
    let own = copied(&world.control, &world.admin, false).await.unwrap();
    assert!(own.entries > 600, "more than a page");
    assert!(copied(&world.control, &below, false).await.unwrap().entries < 100);
    let refused = world.control.copy_trail(&below, true).await.unwrap_err();
    assert!(matches!(refused, ControlError::Invalid(problems) if problems[0].field == "unassigned"));
    // Somebody knocks with a key that nobody has.
    drop(world.access.authenticate_bearer(crate::world::origin("192.0.2.9"), "nonsense").await);
    assert_eq!(copied(&world.control, &world.admin, true).await.unwrap().entries, 1);
    let again = copied(&world.control, &world.admin, false).await.unwrap();
    assert_eq!(again.entries, own.entries + 2, "each copy is in the next");
}

#[tokio::test]
async fn what_is_done_to_the_database_shows() {
    for (deed, expected) in [
        ("UPDATE audit SET actor = 'user:bob' WHERE seq = 4 AND chain <> ''", Fault::Changed(4)),
        ("DELETE FROM audit WHERE seq = 4 AND chain <> ''", Fault::Missing(4, 4)),
        ("DELETE FROM audit WHERE seq < 4 AND chain <> ''", Fault::Missing(1, 3)),
    ] {
        let world = World::new().await;
        world.deeds(&world.admin, 5).await;
        world.execute(deed).await;
        assert_eq!(copied(&world.control, &world.admin, false).await, Err(expected), "{deed}");
    }
    // The newest are gone and the head was set back: what was signed before still knows.
    let world = World::new().await;
    world.deeds(&world.admin, 8).await;
    world.control.sign_trails(&world.system).await.unwrap();
    world
        .execute(
            "UPDATE audit_heads SET seq = 3, hash = (SELECT a.hash FROM audit a \
             WHERE a.chain = audit_heads.chain AND a.seq = 3) WHERE chain <> '';
             DELETE FROM audit WHERE seq > 3 AND chain <> ''",
        )
        .await;
    // The sign-in was the first of nine; the copy's own entry takes the number of one that is gone.
    assert_eq!(copied(&world.control, &world.admin, false).await, Err(Fault::Missing(5, 9)));
    // A note that entries were removed cannot be written by whoever has only the database.
    let world = World::new().await;
    world.deeds(&world.admin, 5).await;
    world.control.sign_trails(&world.system).await.unwrap();
    world
        .execute(
            "UPDATE audit_checkpoints SET kind = 'removed'; DELETE FROM audit WHERE seq <= 6 AND chain <> ''",
        )
        .await;
    assert_eq!(copied(&world.control, &world.admin, false).await, Err(Fault::Signature(6)));
}

#[tokio::test]
async fn old_entries_go_and_leave_a_signed_note() {
    let world = World::new().await;
    world.deeds(&world.admin, 5).await;
    world.control.sign_trails(&world.system).await.unwrap();
    world.clock.advance(2 * HOUR);
    let limit = world.clock.now();
    world.deeds(&world.admin, 2).await;
    assert_eq!(world.control.remove_old_trail(&world.system, limit).await.unwrap(), 6);
    assert_eq!(world.control.remove_old_trail(&world.system, limit).await.unwrap(), 0);
    let summary = copied(&world.control, &world.admin, false).await.unwrap();
    assert_eq!((summary.first, summary.last, summary.removed), (7, 9, Some((6, limit))));
    let chain = chain_of(Some(world.admin.site()));
    let kept = world.metadata.last_checkpoint(&chain, CheckpointKind::Removed).await.unwrap().unwrap();
    assert_eq!(kept.head.seq, 6);
}

#[tokio::test]
async fn who_is_no_admin_any_more_gets_no_more_of_a_copy() {
    let world = World::new().await;
    let stranger = world.stranger().await;
    world.deeds(&stranger, 600).await;
    let mut copy = world.control.copy_trail(&stranger, false).await.unwrap();
    assert_eq!(copy.next().await.unwrap().len(), 500);
    world.execute("UPDATE users SET state = 'disabled' WHERE username = 'eve'").await;
    world.access.applied(Change::User(stranger.user().unwrap())).await.unwrap();
    assert!(matches!(copy.next().await, Err(ControlError::Access(_))));
}
