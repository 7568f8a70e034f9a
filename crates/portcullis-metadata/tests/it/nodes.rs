//! Processes that share the database.

use std::time::Duration;

use portcullis_domain::KeyId;
use portcullis_metadata::{ChangeKind, Metadata, NodeCut};

use crate::world::{World, at};

const ALWAYS: Duration = Duration::from_secs(3_600);

async fn node(world: &World, name: &str) -> Metadata {
    let node = world.open().await.as_node(name);
    node.join(at(0)).await.unwrap();
    node
}

pub(crate) async fn who_lives_and_what_they_have_seen(world: &World) {
    let (a, b) = (node(world, "one").await, node(world, "two").await);
    if world.dir.is_some() {
        // A file has one process.
        assert_eq!((a.node(), b.node()), (None, None));
        assert!(a.other_nodes().await.unwrap().is_empty());
        a.beat(5, &[], at(1)).await.unwrap();
        assert!(world.numbers("SELECT beat FROM nodes").await.is_empty());
        return;
    }
    let seen = a.other_nodes().await.unwrap();
    let [other] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((other.name.as_str(), other.seen_seq), ("two", 0));
    assert_eq!(Some(other.id.as_str()), b.node().map(|(id, _)| id));
    b.beat(7, &[], at(1)).await.unwrap();
    let later = a.other_nodes().await.unwrap().remove(0);
    assert_eq!(later.seen_seq, 7);
    assert!(later.quiet <= other.quiet + ALWAYS);
    // One that gives no sign of life is told by that its number stays.
    let first = a.other_nodes().await.unwrap().remove(0).quiet;
    let second = a.other_nodes().await.unwrap().remove(0).quiet;
    assert!(second > first, "{first:?} {second:?}");
    b.beat(7, &[], at(2)).await.unwrap();
    assert!(a.other_nodes().await.unwrap().remove(0).quiet < second);
    b.leave().await.unwrap();
    assert!(a.other_nodes().await.unwrap().is_empty());
    // It was only slow: its next sign of life makes it known again.
    b.beat(8, &[], at(3)).await.unwrap();
    assert_eq!(a.other_nodes().await.unwrap().remove(0).seen_seq, 8);
    a.purge_nodes(at(3 + 86_400)).await.unwrap();
    assert_eq!(a.other_nodes().await.unwrap().len(), 1);
    a.purge_nodes(at(4 + 86_400)).await.unwrap();
    assert!(a.other_nodes().await.unwrap().is_empty());
}

pub(crate) async fn what_others_cut(world: &World) {
    let (a, b) = (node(world, "one").await, node(world, "two").await);
    let (mine, theirs) = (KeyId::from_u128(1).to_string(), KeyId::from_u128(2).to_string());
    a.cut_transfer(&mine).await.unwrap();
    a.cut_transfer(&theirs).await.unwrap();
    let latest = a.latest_change().await.unwrap();
    assert_eq!(b.changes_after(latest - 2, 10).await.unwrap()[0].kind, ChangeKind::Transfer);
    let last_byte = Some(Duration::from_micros(38_000));
    let cuts = [
        NodeCut { seq: latest - 1, transfers: 12, last_byte },
        NodeCut { seq: latest, transfers: 3, last_byte: None },
    ];
    b.beat(latest, &cuts, at(1)).await.unwrap();
    let asked = [(ChangeKind::Transfer, mine.clone())];
    let found = a.cuts_elsewhere(latest - 2, &asked).await.unwrap();
    if world.dir.is_some() {
        assert!(found.is_empty());
        return;
    }
    assert_eq!(found.iter().map(|cut| cut.transfers).collect::<Vec<_>>(), [12]);
    assert!(b.cuts_elsewhere(latest - 2, &asked).await.unwrap().is_empty(), "its own it knows itself");
    assert!(a.cuts_elsewhere(latest - 1, &asked).await.unwrap().is_empty(), "it was before");
    assert!(a.cuts_elsewhere(0, &[(ChangeKind::Key, mine)]).await.unwrap().is_empty());
}

pub(crate) async fn what_others_show(world: &World) {
    let (a, b) = (node(world, "one").await, node(world, "two").await);
    assert_eq!(b.last_look().await.unwrap(), None);
    a.note_look(at(1)).await.unwrap();
    let first = b.last_look().await.unwrap();
    a.note_look(at(2)).await.unwrap();
    assert!(first.is_some() && b.last_look().await.unwrap() != first, "each look leaves another mark");
    b.show_transfers("[1]", at(2)).await.unwrap();
    let shown = a.shown_transfers(ALWAYS).await.unwrap();
    if world.dir.is_some() {
        assert!(shown.is_empty());
        return;
    }
    assert_eq!((shown[0].name.as_str(), shown[0].json.as_str()), ("two", "[1]"));
    assert!(a.shown_transfers(Duration::ZERO).await.unwrap().is_empty(), "what the dead showed last is over");
}
