//! The chains of the audit trail.

use portcullis_domain::trail::{Checkpoint, CheckpointKind, Head, Summary, Verifier, chain_of};
use portcullis_domain::{AuditEvent, SiteId, Timestamp};
use portcullis_metadata::{AuditFilter, Metadata, PageRequest};

use crate::audit::event;
use crate::world::{World, at};

/// Everything of a chain, verified from its first entry that is there; signatures are not of interest here.
async fn verified(metadata: &Metadata, site: Option<SiteId>) -> Summary {
    let chain = chain_of(site);
    let mut verifier = Verifier::new(chain.clone(), |_: &[u8], _: &[u8; 64]| true);
    let removed = metadata.last_checkpoint(&chain, CheckpointKind::Removed).await.unwrap();
    let mut after = 0;
    if let Some(removed) = &removed {
        verifier.checkpoint(removed, &[0; 32]).unwrap();
        after = removed.head.seq;
    }
    loop {
        let entries = metadata.audit_chain(&chain, after, 7).await.unwrap();
        let Some(last) = entries.last() else { break };
        after = last.seq;
        entries.iter().for_each(|entry| verifier.entry(entry).unwrap());
    }
    let head = metadata.audit_head(&chain).await.unwrap().unwrap_or_else(|| Head::empty(chain));
    let end = Checkpoint::signed(CheckpointKind::End, head, at(0), Some([0; 32]), |_| [0; 64]);
    verifier.checkpoint(&end, &[0; 32]).unwrap();
    verifier.finish().unwrap()
}

fn of(site: Option<SiteId>, n: i64) -> AuditEvent {
    // Longer than what is kept of it: what is hashed is what is kept.
    AuditEvent { site, tool: "t".repeat(300), object: Some("a\0b".to_owned()), ..event(n, &format!("r{n}")) }
}

pub(crate) async fn a_batch_over_several_sites(world: &World) {
    let metadata = world.open().await;
    let sites = [Some(SiteId::generate()), None, Some(SiteId::generate())];
    for round in 0..3 {
        let events: Vec<_> =
            (0..600i64).map(|n| of(sites[usize::try_from(n + round).unwrap() % 3], n)).collect();
        metadata.append_audit(&events).await.unwrap();
    }
    for site in sites {
        let summary = verified(&metadata, site).await;
        assert_eq!((summary.entries, summary.first, summary.last), (600, 1, 600));
    }
    assert_eq!(verified(&metadata, Some(SiteId::generate())).await.entries, 0);
    // One that fails as a whole leaves no trace in the chain.
    world.execute("DELETE FROM audit_heads WHERE chain = ''").await;
    assert!(metadata.append_audit(&[of(sites[0], 1), of(None, 1)]).await.is_err(), "number 1 is taken");
    assert_eq!(verified(&metadata, sites[0]).await.last, 600);
}

pub(crate) async fn writers_at_once_leave_no_gap(world: &World) {
    let nodes = [world.open().await, world.open().await];
    let sites = [Some(SiteId::generate()), None];
    let writers = (0..8usize).map(|writer| {
        let metadata = nodes[writer % 2].clone();
        async move {
            for n in 0..10 {
                // In opposite orders, so that they would wait for each other if the order counted.
                let pair = [of(sites[writer % 2], n), of(sites[(writer + 1) % 2], n)];
                metadata.append_audit(&pair).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(writers).await;
    for site in sites {
        assert_eq!(verified(&nodes[0], site).await.last, 80);
    }
}

pub(crate) async fn checkpoints_and_what_is_due(world: &World) {
    let metadata = world.open().await;
    let (one, other) = (Some(SiteId::generate()), Some(SiteId::generate()));
    metadata.append_audit(&[of(one, 1), of(other, 1), of(one, 2)]).await.unwrap();
    let due = |until: Timestamp| {
        let metadata = metadata.clone();
        async move { metadata.heads_to_sign(until, 10).await.unwrap() }
    };
    let heads = due(at(0)).await;
    assert_eq!(heads.len(), 2);
    let head = heads.iter().find(|head| head.chain == chain_of(one)).unwrap().clone();
    assert_eq!((head.seq, Some(&head)), (2, metadata.audit_head(&head.chain).await.unwrap().as_ref()));
    let signed = Checkpoint::signed(CheckpointKind::Reached, head, at(10), None, |_| [9; 64]);
    metadata.add_checkpoint(&signed).await.unwrap();
    metadata.add_checkpoint(&Checkpoint { at: at(11), ..signed.clone() }).await.unwrap();
    let chain = chain_of(one);
    let kept = metadata.checkpoints(&chain, CheckpointKind::Reached, 1, 10).await.unwrap();
    assert_eq!(kept, [signed], "the first stays");
    assert!(metadata.checkpoints(&chain, CheckpointKind::Reached, 3, 10).await.unwrap().is_empty());
    assert_eq!(due(at(99)).await.len(), 1, "nothing was added to it");
    metadata.append_audit(&[of(one, 3)]).await.unwrap();
    assert_eq!(due(at(9)).await.len(), 1, "the last is too young");
    assert_eq!(due(at(10)).await.len(), 2);
}

pub(crate) async fn a_removed_beginning_leaves_a_note(world: &World) {
    let metadata = world.open().await;
    let (site, young) = (Some(SiteId::generate()), Some(SiteId::generate()));
    // The clock went back once: an old time after a young one.
    let times = [1, 2, 3, 50, 4, 60];
    let events: Vec<_> = times.iter().map(|n| of(site, *n)).chain([of(young, 70)]).collect();
    metadata.append_audit(&events).await.unwrap();
    let chain = chain_of(site);
    let heads = metadata.audit_expired(at(40), None, 10).await.unwrap();
    assert_eq!(heads.iter().map(|head| (head.chain.as_str(), head.seq)).collect::<Vec<_>>(), [(&*chain, 3)]);
    assert!(metadata.audit_expired(at(40), Some(&chain), 10).await.unwrap().is_empty());
    let note =
        |head: &Head| Checkpoint::signed(CheckpointKind::Removed, head.clone(), at(90), None, |_| [1; 64]);
    let early = Checkpoint::signed(CheckpointKind::Reached, heads[0].clone(), at(5), None, |_| [2; 64]);
    metadata.add_checkpoint(&early).await.unwrap();
    assert_eq!(metadata.remove_audited(&note(&heads[0]), 2).await.unwrap(), 2);
    let summary = verified(&metadata, site).await;
    assert_eq!(
        (summary.first, summary.last, summary.removed),
        (4, 6, Some((3, at(90)))),
        "between two steps"
    );
    assert_eq!(metadata.remove_audited(&note(&heads[0]), 2).await.unwrap(), 1);
    assert!(metadata.checkpoints(&chain, CheckpointKind::Reached, 0, 10).await.unwrap().is_empty());
    assert!(metadata.audit_expired(at(40), None, 10).await.unwrap().is_empty(), "nothing more to do");
    let all = metadata.audit_expired(at(1_000), None, 10).await.unwrap();
    let own = all.iter().find(|head| head.chain == chain).unwrap();
    assert_eq!(metadata.remove_audited(&note(own), 100).await.unwrap(), 3);
    assert_eq!(verified(&metadata, site).await.removed, Some((6, at(90))));
    metadata.append_audit(&[of(site, 80)]).await.unwrap();
    let summary = verified(&metadata, site).await;
    assert_eq!((summary.entries, summary.first), (1, 7), "numbers go on");
}

pub(crate) async fn what_stands_before_the_chain(world: &World) {
    let metadata = world.open().await;
    let site = SiteId::generate();
    let columns = "at_us, request_id, site_id, actor, channel, peer, tool, action, allowed, reason";
    for (n, owner) in [(1, format!("'{site}'")), (2, "NULL".to_owned()), (3, format!("'{site}'"))] {
        let time = at(n).micros();
        let values = format!("{time}, 'old{n}', {owner}, 'user:ada', 's3', '::1', '', 'get', 1, ''");
        world.execute(&format!("INSERT INTO audit ({columns}) VALUES ({values})")).await;
    }
    metadata.append_audit(&[of(Some(site), 9)]).await.unwrap();
    let before = metadata.audit_before_chain(Some(site), 0, 1).await.unwrap();
    assert_eq!(before[0].1.request_id, "old1");
    let before = metadata.audit_before_chain(Some(site), before[0].0, 10).await.unwrap();
    assert_eq!(before.iter().map(|(_, event)| event.request_id.as_str()).collect::<Vec<_>>(), ["old3"]);
    assert_eq!(metadata.audit_before_chain(None, 0, 10).await.unwrap()[0].1.request_id, "old2");
    assert_eq!(verified(&metadata, Some(site)).await.last, 1);
    assert_eq!(metadata.purge_audit(at(100), 1).await.unwrap(), 1);
    assert_eq!(metadata.purge_audit(at(100), 10).await.unwrap(), 2);
    let left = metadata.audit(&AuditFilter::default(), &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(left.len(), 1, "what is in a chain stays");
}
