//! While an old pair still works: until when, who has moved, and the forms that end it or let it go on.

use std::time::Duration;

use portcullis_control::{ControlError, KeyView, Moved, Mover, Overlap, OverlapChange, OverlapView};
use portcullis_domain::{KeyId, Timestamp};

use super::super::connection::Chip;
use super::super::error::PanelError;
use super::super::fields::Fields;
use super::super::{format, words};
use crate::app::App;
use crate::extract::Keeper;

/// By how many seconds an overlap is made longer, with the name of the text that says so.
const LONGER: [(u64, &str); 3] =
    [(3_600, "rotation.keep.hour"), (86_400, "rotation.keep.day"), (604_800, "rotation.keep.week")];
const LONGEST: &str = "longest";

/// A client that came with the old pair.
#[derive(Debug)]
pub(in super::super) struct Row {
    pub(in super::super) client: Mover,
    pub(in super::super) chip: Chip,
}

/// The section of a key's page.
#[derive(Debug)]
pub(in super::super) struct OverlapSection {
    /// The start of the addresses of its forms.
    pub(in super::super) action: String,
    pub(in super::super) access_key: String,
    /// Whether only the secret is another.
    pub(in super::super) same: bool,
    pub(in super::super) until: Timestamp,
    pub(in super::super) left: String,
    pub(in super::super) seen: String,
    /// How many clients have moved, in words.
    pub(in super::super) sentence: String,
    pub(in super::super) rows: Vec<Row>,
    pub(in super::super) more: bool,
    /// By how much it can be made longer; nothing if it can't.
    pub(in super::super) longer: Vec<(String, String)>,
}

/// The chip that counts down.
pub(in super::super) fn chip(view: &KeyView, now: Timestamp) -> Option<Chip> {
    let overlap = view.overlap.as_ref()?;
    let text = words::fill("overlap.chip", &[&format::left(now, overlap.until)]);
    Some(Chip { class: "warn", text })
}

fn seen(overlap: &Overlap) -> String {
    format!("{}:{}", overlap.generation, overlap.until.micros())
}

fn row((moved, client): (Moved, Mover)) -> Row {
    let (class, text) = match moved {
        Moved::Yes => ("ok", "overlap.moved.yes"),
        Moved::Partly => ("warn", "overlap.moved.partly"),
        Moved::No => ("bad", "overlap.moved.no"),
    };
    Row { client, chip: Chip { class, text: words::text(text).to_owned() } }
}

impl OverlapSection {
    /// The section for a key of which an old pair still works; none if none does.
    pub(in super::super) async fn load(
        app: &App,
        keeper: &Keeper,
        key: KeyId,
        own: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, PanelError> {
        match keeper.overlap(&app.control, key).await {
            Ok(view) => Ok(Some(Self::new(view, own, now))),
            Err(ControlError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn new(view: OverlapView, own: &str, now: Timestamp) -> Self {
        let count = |moved| u64::try_from(view.count(moved)).unwrap_or(u64::MAX);
        let (yes, partly, no) = (count(Moved::Yes), count(Moved::Partly), count(Moved::No));
        let sentence = match (yes, partly + no) {
            (0, 0) => words::text("overlap.nobody").to_owned(),
            (_, 0) => words::text("overlap.all").to_owned(),
            (yes, rest) => words::fill("overlap.some", &[&rest, &(yes + rest)]),
        };
        let OverlapView { key, overlap, latest_end, clients, more, .. } = view;
        let room = latest_end.since(overlap.until);
        let longer = LONGER.iter().filter(|(seconds, _)| Duration::from_secs(*seconds) < room);
        let longer = longer.map(|(seconds, text)| (seconds.to_string(), words::text(text).to_owned()));
        let last = words::fill("overlap.longest", &[&format::moment(latest_end)]);
        let last = (!room.is_zero()).then_some((LONGEST.to_owned(), last));
        Self {
            action: format!("{own}/overlap"),
            access_key: overlap.credential.to_string(),
            same: overlap.credential == key.credential,
            until: overlap.until,
            left: format::left(now, overlap.until),
            seen: seen(&overlap),
            sentence,
            rows: clients.into_iter().map(row).collect(),
            more,
            longer: longer.chain(last).collect(),
        }
    }
}

/// Stops the old pair, and says what to tell.
pub(in super::super) async fn stop(
    app: &App,
    keeper: &Keeper,
    key: KeyId,
    form: &Fields,
) -> Result<&'static str, PanelError> {
    let given = form.get("seen");
    match keeper.end_overlap_if(&app.control, key, |overlap| seen(overlap) == given).await {
        Ok(Some(_)) => Ok("done.overlap_ended"),
        Ok(None) => Err(PanelError::Stale),
        Err(ControlError::NotFound) => gone(app, keeper, key).await,
        Err(error) => Err(error.into()),
    }
}

/// Lets the old pair go on for longer, and says what to tell.
pub(in super::super) async fn extend(
    app: &App,
    keeper: &Keeper,
    key: KeyId,
    form: &Fields,
) -> Result<&'static str, PanelError> {
    let given = form.get("seen");
    let view = match keeper.overlap(&app.control, key).await {
        Err(ControlError::NotFound) => return gone(app, keeper, key).await,
        other => other?,
    };
    let longer = match form.get("longer") {
        LONGEST => view.latest_end,
        text => {
            let known = LONGER.iter().map(|(seconds, _)| *seconds);
            let seconds = known.into_iter().find(|seconds| seconds.to_string() == text);
            let seconds = seconds.ok_or(PanelError::Malformed)?;
            view.overlap.until.after(Duration::from_secs(seconds)).min(view.latest_end)
        }
    };
    let change = OverlapChange { until: Some(longer.to_string()), seconds: None };
    let moved = keeper.move_overlap_if(&app.control, key, &change, |overlap| seen(overlap) == given).await?;
    if moved.is_some() { Ok("done.overlap_moved") } else { Err(PanelError::Stale) }
}

/// The key is there, and its old pair has stopped meanwhile.
async fn gone(app: &App, keeper: &Keeper, key: KeyId) -> Result<&'static str, PanelError> {
    keeper.key(&app.control, key).await?;
    Ok("done.overlap_over")
}
