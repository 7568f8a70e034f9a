//! What both sides agree on after a run.

use std::collections::BTreeMap;

use portcullis_backend::Etag;
use portcullis_domain::Timestamp;
use portcullis_sync::{
    Action, Agreed, AsPlanned, BasePages, Copied, Evidence, Journal, Mark, NewPage, Op, PAGE, Reason, Seen,
    Settled, Side, Sides, Step, StepState, decode, encode, settle,
};

use crate::store::key;
use crate::world::{Pages, Steps};

fn mark(content: &str) -> Mark {
    Mark { etag: Etag::Opaque(content.into()), size: content.len() as u64 }
}

fn both(content: &str) -> Sides<Mark> {
    Sides { storage: mark(content), bucket: mark(content) }
}

fn action(at: &str, op: Op, reason: Reason) -> Action {
    let seen =
        |content: &str| Some(Seen { mark: mark(content), modified: Timestamp::default(), archived: false });
    Action {
        seq: 0,
        key: key(at),
        op,
        reason,
        evidence: Evidence::None,
        seen: Sides { storage: seen("new"), bucket: seen("new") },
        agreed: None,
    }
}

fn step(seq: u64, at: &str, state: StepState, agreed: Option<Sides<Mark>>) -> Step {
    Step {
        seq,
        key: key(at),
        state,
        kept: Vec::new(),
        wrote: Sides::default(),
        copy: None,
        before: None,
        agreed,
        upload: None,
        moved: 0,
        told: String::new(),
    }
}

fn pages(actions: &[Action]) -> Pages {
    let actions: Vec<Action> = actions
        .iter()
        .enumerate()
        .map(|(seq, action)| Action { seq: seq as u64, ..action.clone() })
        .collect();
    let pages = actions.chunks(PAGE).enumerate().map(|(no, actions)| NewPage {
        no: no as u64,
        first_seq: actions[0].seq,
        first_key: actions[0].key.clone(),
        entries: actions.len(),
        data: encode(actions).unwrap(),
    });
    Pages(std::sync::Mutex::new(pages.collect()))
}

async fn settled(
    base: &[(&str, &str)],
    actions: &[Action],
    steps: &[Step],
) -> (BTreeMap<String, String>, Settled) {
    let base: BTreeMap<_, _> = base.iter().map(|(at, content)| (key(at), both(content))).collect();
    let (base, sink, journal) = (Pages::of(&base), Pages::default(), Steps::default());
    journal.write(steps).await.unwrap();
    let known: Option<&dyn BasePages> = Some(&base);
    let told = settle(known, &pages(actions), &AsPlanned, &journal, &sink).await.unwrap();
    let mut all: Vec<Agreed> = Vec::new();
    for page in sink.0.lock().unwrap().iter() {
        all.extend(decode::<Agreed>(&page.data).unwrap());
    }
    assert!(all.is_sorted_by(|one, other| one.key < other.key));
    assert_eq!(told.keys, all.len() as u64);
    (all.into_iter().map(|one| (one.key.to_string(), one.marks.bucket.etag.to_string())).collect(), told)
}

fn map(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(key, content)| ((*key).to_owned(), (*content).to_owned())).collect()
}

#[tokio::test]
async fn what_was_done_counts_and_what_was_not_stays() {
    let write = || Op::Write { to: Side::Bucket };
    let actions = [
        action("b agree", Op::Agree, Reason::Same),
        action("c forget", Op::Forget, Reason::DelBoth),
        action("d done", write(), Reason::EditStorage),
        action("e deleted", Op::Delete { on: Side::Bucket }, Reason::DelStorage),
        action("f changed", write(), Reason::EditStorage),
        action("g halfway", write(), Reason::EditStorage),
        action("h not begun", write(), Reason::EditStorage),
        action("i left", Op::Leave, Reason::Unverified),
    ];
    let base: Vec<(&str, &str)> =
        ["a", "c forget", "d done", "e deleted", "f changed", "g halfway", "h not begun", "i left", "z"]
            .map(|at| (at, "old"))
            .to_vec();
    let steps = [
        step(2, "d done", StepState::Done, Some(both("new"))),
        step(3, "e deleted", StepState::Done, None),
        step(4, "f changed", StepState::Changed, Some(both("old"))),
        step(5, "g halfway", StepState::Kept, None),
    ];
    let expected = [
        ("a", "old"),
        ("b agree", "new"),
        ("d done", "new"),
        ("f changed", "old"),
        ("g halfway", "old"),
        ("h not begun", "old"),
        ("i left", "old"),
        ("z", "old"),
    ];
    assert_eq!(settled(&base, &actions, &steps).await.0, map(&expected));
}

#[tokio::test]
async fn other_names_find_their_place_among_the_keys() {
    let keep = |copy: &str| Op::KeepBoth { from: Side::Storage, copy: key(copy) };
    let actions = [
        action("m.txt", keep("m (other).txt"), Reason::ConflictNewNew),
        action("n", keep("a first"), Reason::ConflictNewNew),
        action("o", keep("zz last"), Reason::ConflictNewNew),
        action("p", keep("only there"), Reason::ConflictNewNew),
    ];
    let copied = |seq, at: &str, copy: &str, there: bool| Step {
        copy: Some(Copied {
            key: key(copy),
            wrote: Sides { storage: Some(mark("copy")), bucket: there.then(|| mark("copy")) },
        }),
        ..step(seq, at, StepState::Done, Some(both("won")))
    };
    let steps = [
        copied(0, "m.txt", "m (other).txt", true),
        copied(1, "n", "a first", true),
        copied(2, "o", "zz last", true),
        copied(3, "p", "only there", false),
    ];
    let expected = [
        ("a first", "copy"),
        ("b", "old"),
        ("m (other).txt", "copy"),
        ("m.txt", "won"),
        ("n", "won"),
        ("o", "won"),
        ("p", "won"),
        ("zz last", "copy"),
    ];
    assert_eq!(settled(&[("b", "old")], &actions, &steps).await.0, map(&expected));
}

#[tokio::test]
async fn many_pages_of_everything() {
    let old: Vec<String> = (0..3000).map(|at| format!("k{at:05}")).collect();
    let base: Vec<(&str, &str)> = old.iter().map(|at| (at.as_str(), "old")).collect();
    let actions: Vec<Action> =
        (0..3000).step_by(2).map(|at| action(&format!("k{at:05}x"), Op::Agree, Reason::Same)).collect();
    let (now, told) = settled(&base, &actions, &[]).await;
    assert_eq!((now.len(), told.pages), (4500, 9));
    // Actions out of order, as a restore has them.
    let mixed = [action("k02", Op::Agree, Reason::Same), action("k01", Op::Agree, Reason::Same)];
    let (now, _) = settled(&[("k01", "old")], &mixed, &[]).await;
    assert_eq!(now, map(&[("k01", "new"), ("k02", "new")]));
}

#[tokio::test]
async fn an_agreement_that_did_not_count_is_gone() {
    let sink = Pages::default();
    let actions = pages(&[action("k", Op::Agree, Reason::Same)]);
    let told = settle(None, &actions, &AsPlanned, &Steps::default(), &sink).await.unwrap();
    assert_eq!(told, Settled { keys: 1, pages: 1 });
}
