//! What people decide for keys of a plan.

use portcullis_control::{
    ActionQuery, Choice, ChoiceDraft, ControlError, OpWord, PageRequest, PlanView, Reason, RunDraft, RunState,
};

use super::Two;
use crate::world::{fields, problems};

fn for_key(key: &str, choice: &str) -> ChoiceDraft {
    ChoiceDraft { key: Some(key.to_owned()), choice: choice.to_owned(), ..ChoiceDraft::default() }
}

/// Three conflicts that nobody has decided, and a new file.
async fn undecided() -> (Two, PlanView) {
    let two = Two::new().await;
    for key in ["a/1", "a/2", "b"] {
        two.put(&two.left, key, "left").await;
        two.put(&two.right, key, "right!").await;
    }
    two.put(&two.left, "new", "new").await;
    let mut draft = two.draft("two_way");
    draft.conflicts = Some("ask".to_owned());
    let plan = two.planned(&draft).await;
    (two, plan)
}

#[tokio::test]
async fn what_is_undecided_waits_and_the_rest_is_done() {
    let (two, plan) = undecided().await;
    let open = ActionQuery { only_open: true, ..ActionQuery::default() };
    let keys: Vec<_> = two.actions(&plan, &open).await.into_iter().map(|action| action.key).collect();
    assert_eq!(keys, ["a/1", "a/2", "b"]);
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.get(&two.right, "new").await.as_deref(), Some("new"));
    assert_eq!(two.get(&two.left, "b").await.as_deref(), Some("left"));
    assert_eq!(two.get(&two.right, "b").await.as_deref(), Some("right!"));
    // They are still there to be decided.
    let mut draft = two.draft("two_way");
    draft.conflicts = Some("ask".to_owned());
    let again = two.planned(&draft).await;
    assert_eq!(two.actions(&again, &open).await.len(), 3);
}

#[tokio::test]
async fn a_choice_for_a_key_comes_before_rules_and_both_change_the_totals() {
    let (two, plan) = undecided().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let choices = [
        for_key("a/2", "storage"),
        ChoiceDraft { prefix: Some("a/".to_owned()), choice: "bucket".to_owned(), ..ChoiceDraft::default() },
        ChoiceDraft {
            reason: Some("new_storage".to_owned()),
            choice: "skip".to_owned(),
            ..ChoiceDraft::default()
        },
    ];
    let chosen = control.choose(admin, plan.id, Some(plan.version), &choices).await.unwrap();
    assert_eq!(chosen.choices.len(), 3);
    let totals = chosen.totals.as_ref().unwrap();
    assert_eq!((totals.overwrite.storage.files, totals.overwrite.bucket.files), (1, 1));
    assert_eq!(totals.left, [(Reason::NewStorage, 1), (Reason::ConflictNewNew, 1)]);
    let actions = two.actions(&chosen, &ActionQuery::default()).await;
    let said: Vec<_> = actions.iter().map(|action| (action.op, action.chosen)).collect();
    assert_eq!(
        said,
        [
            (OpWord::WriteToStorage, Some(Choice::Bucket)),
            (OpWord::WriteToBucket, Some(Choice::Storage)),
            (OpWord::Leave, None),
            (OpWord::Leave, Some(Choice::Skip)),
        ]
    );
    // Whoever saw the plan before neither changes nor runs it.
    let stale = control.choose(admin, plan.id, Some(plan.version), &[]).await;
    assert!(matches!(stale, Err(ControlError::Stale)));
    let draft = RunDraft { version: Some(plan.version), ..RunDraft::default() };
    assert!(matches!(control.run_sync_plan(admin, plan.id, &draft).await, Err(ControlError::Stale)));
    assert_eq!(two.ran(&chosen).await.state, RunState::Done);
    assert_eq!(two.get(&two.left, "a/1").await.as_deref(), Some("right!"));
    assert_eq!(two.get(&two.right, "a/2").await.as_deref(), Some("left"));
    assert_eq!(two.get(&two.right, "new").await, None);
    assert!(super::not_now(control.choose(admin, plan.id, None, &[]).await).contains("done"));
}

#[tokio::test]
async fn every_choice_that_makes_no_sense_is_named() {
    let (two, plan) = undecided().await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let choices = [
        for_key("a/1", "left"),
        for_key("nowhere", "skip"),
        ChoiceDraft { choice: "skip".to_owned(), ..ChoiceDraft::default() },
        ChoiceDraft { reason: Some("why".to_owned()), choice: "skip".to_owned(), ..ChoiceDraft::default() },
        ChoiceDraft { prefix: Some("a".to_owned()), ..for_key("a/1", "skip") },
    ];
    let said = fields(control.choose(admin, plan.id, None, &choices).await);
    assert_eq!(
        said,
        ["choices[0].choice", "choices[1].key", "choices[2].key", "choices[3].reason", "choices[4].key"]
    );
    let many = vec![for_key("a/1", "skip"); 1_001];
    assert_eq!(fields(control.choose(admin, plan.id, None, &many).await), ["choices"]);
    // Words of a list are checked too.
    let query =
        ActionQuery { op: Some("move".to_owned()), reason: Some("x".to_owned()), ..ActionQuery::default() };
    let page = PageRequest::first(10);
    let said = problems(control.sync_actions(admin, plan.id, &query, &page).await);
    assert_eq!(said.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["op", "reason"]);
    assert!(said[0].1.contains("write_to_bucket") && said[1].1.contains("new_bucket"));
    let page = PageRequest { limit: 10, after: Some("x".to_owned()) };
    assert_eq!(
        fields(control.sync_actions(admin, plan.id, &ActionQuery::default(), &page).await),
        ["cursor"]
    );
}

#[tokio::test]
async fn a_choice_can_make_a_guard_stop_the_plan() {
    let two = Two::new().await;
    for number in 0..20 {
        two.put(&two.left, &format!("{number:02}"), "x").await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(plan.guards, []);
    let all =
        ChoiceDraft { prefix: Some(String::new()), choice: "bucket".to_owned(), ..ChoiceDraft::default() };
    let chosen = two.world.control.choose(&two.world.admin, plan.id, None, &[all]).await.unwrap();
    assert_eq!(chosen.totals.as_ref().unwrap().delete.storage.files, 20);
    assert_eq!(chosen.guards.iter().map(|guard| guard.code.as_str()).collect::<Vec<_>>(), ["mass_deletion"]);
    assert_eq!(fields(two.start(&chosen, &[]).await), ["approve"]);
}
