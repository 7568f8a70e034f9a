//! The audit trail as a queue for places outside.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use portcullis_domain::SiteId;
use portcullis_metadata::{AuditEvent, Metadata, SinkBacklog, SinkBatch, SinkRow};

use crate::audit::event;
use crate::world::{World, at};

fn of(site: SiteId, n: i64) -> AuditEvent {
    AuditEvent { site: Some(site), ..event(n, &format!("r{n}")) }
}

fn told(batch: &SinkBatch) -> Vec<&str> {
    batch.entries.iter().map(|(_, entry)| entry.event.request_id.as_str()).collect()
}

pub(crate) async fn a_sink_goes_through_the_trail(world: &World) {
    let metadata = world.open().await;
    let (one, two) = (SiteId::generate(), SiteId::generate());
    metadata.append_audit(&[of(one, 0)]).await.unwrap();
    metadata.begin_sink("siem").await.unwrap();
    metadata.append_audit(&[of(one, 1), of(two, 2), of(one, 3), event(4, "r4")]).await.unwrap();
    // Who is known goes on where they were.
    metadata.begin_sink("siem").await.unwrap();
    let sent = metadata.hold_sink("siem", "a", at(10), at(20)).await.unwrap().unwrap();
    let batch = metadata.sink_batch(sent, None, 3).await.unwrap();
    assert_eq!(told(&batch), ["r1", "r2", "r3"], "and not what was there before it");
    assert_eq!(batch.reached, batch.entries[2].0);
    assert_eq!(batch.entries.iter().map(|(_, entry)| entry.seq).collect::<Vec<_>>(), [2, 1, 3]);
    let rest = metadata.sink_batch(batch.reached, None, 3).await.unwrap();
    assert_eq!((told(&rest), rest.reached), (vec!["r4"], rest.entries[0].0));
    let none = metadata.sink_batch(rest.reached, None, 3).await.unwrap();
    assert_eq!(none, SinkBatch { entries: Vec::new(), reached: rest.reached });
    // Of what is not for it nothing is sent, and it is behind it all the same.
    let only = metadata.sink_batch(sent, Some(&[two]), 3).await.unwrap();
    assert_eq!((told(&only), only.reached), (vec!["r2"], rest.reached));
    assert_eq!(told(&metadata.sink_batch(sent, Some(&[]), 3).await.unwrap()), Vec::<&str>::new());
    let backlog = metadata.sink_backlog(sent, Some(&[one])).await.unwrap();
    assert_eq!(backlog, SinkBacklog { entries: 2, oldest: Some(at(1)) });
    assert_eq!(metadata.sink_backlog(rest.reached, None).await.unwrap(), SinkBacklog::default());
}

pub(crate) async fn one_holds_a_sink_at_a_time(world: &World) {
    let metadata = world.open().await;
    metadata.append_audit(&[event(1, "r1")]).await.unwrap();
    metadata.begin_sink("siem").await.unwrap();
    let hold = async |who, now, until| metadata.hold_sink("siem", who, at(now), at(until)).await.unwrap();
    let sent = hold("a", 10, 20).await.unwrap();
    assert_eq!(hold("b", 19, 30).await, None);
    assert_eq!(hold("a", 19, 25).await, Some(sent), "who holds it may go on");
    assert_eq!(hold("b", 25, 40).await, Some(sent), "and who does not say so in time does not");
    assert!(!metadata.sink_has("siem", "a", sent + 1).await.unwrap(), "it is another's now");
    metadata.sink_failed("siem", at(26), "no answer").await.unwrap();
    metadata.sink_failed("siem", at(27), &"x".repeat(900)).await.unwrap();
    let row = metadata.sinks().await.unwrap().remove(0);
    assert_eq!((row.failing_since, row.problem.len(), row.sent), (Some(at(26)), 500, sent));
    assert!(metadata.sink_has("siem", "b", sent + 3).await.unwrap());
    assert!(metadata.sink_has("siem", "b", sent + 2).await.unwrap());
    let row = SinkRow { name: "siem".into(), sent: sent + 3, failing_since: None, problem: String::new() };
    assert_eq!(metadata.sinks().await.unwrap(), [row], "it never goes back");
    assert_eq!(metadata.hold_sink("other", "a", at(0), at(9)).await.unwrap(), None);
}

/// Entries of many sites are committed at once on several nodes: whoever follows the numbers sees each once, and of each site in order.
pub(crate) async fn a_sink_misses_nothing_while_many_write(world: &World) {
    const EACH: i64 = 25;
    let nodes = [world.open().await, world.open().await];
    let reader: Metadata = world.open().await;
    let sites: Vec<SiteId> = (0..6).map(|_| SiteId::generate()).collect();
    let write = async |node: &Metadata, site: SiteId| {
        for n in 0..EACH {
            node.append_audit(&[of(site, n)]).await.unwrap();
        }
    };
    let writers = join_all(sites.iter().enumerate().map(|(n, site)| write(&nodes[n % 2], *site)));
    let wanted = sites.len() * usize::try_from(EACH).unwrap();
    let follow = async {
        let (mut seen, mut after) = (Vec::new(), 0);
        while seen.len() < wanted {
            let batch = reader.sink_batch(after, None, 7).await.unwrap();
            after = batch.reached;
            seen.extend(
                batch.entries.into_iter().map(|(number, entry)| (number, entry.event.site, entry.seq)),
            );
        }
        seen
    };
    let (_, seen) = tokio::join!(writers, tokio::time::timeout(std::time::Duration::from_secs(60), follow));
    let seen = seen.expect("an entry was passed over");
    assert!(seen.is_sorted_by_key(|(number, ..)| *number));
    let distinct: BTreeSet<_> = seen.iter().map(|(_, site, seq)| (*site, *seq)).collect();
    assert_eq!((distinct.len(), seen.len()), (wanted, wanted));
    for site in sites {
        assert!(
            seen.iter()
                .filter(|(_, of, _)| *of == Some(site))
                .map(|(.., seq)| *seq)
                .eq(1..=EACH.unsigned_abs())
        );
    }
}
