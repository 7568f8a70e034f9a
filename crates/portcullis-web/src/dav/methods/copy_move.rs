//! `COPY` and `MOVE`. A file replaces a file in one step. A folder that is to be replaced is put aside until the new one stands, so that
//! nothing that fails on the way costs anybody what was there.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use portcullis_files::{CopyDepth, Entry, FileError, IfThere, TreePath};

use crate::dav::call::{Call, Depth};
use crate::dav::locks::Change;
use crate::dav::reply::{Refusal, Result};

/// Which of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Copy(CopyDepth),
    Move,
}

pub(super) async fn copy(call: &Call) -> Result<Response> {
    let depth = match call.depth()? {
        Some(Depth::Zero) => CopyDepth::Itself,
        None | Some(Depth::Infinity) => CopyDepth::All,
        Some(Depth::One) => return Err(Refusal::bad("For COPY the header Depth is 0 or infinity.")),
    };
    transfer(call, Deed::Copy(depth)).await
}

pub(super) async fn rename(call: &Call) -> Result<Response> {
    if !matches!(call.depth()?, None | Some(Depth::Infinity)) {
        return Err(Refusal::bad("For MOVE the header Depth is infinity."));
    }
    transfer(call, Deed::Move).await
}

async fn transfer(call: &Call, deed: Deed) -> Result<Response> {
    call.needs_to_see().await?;
    let (to, overwrite) = (call.destination()?, call.overwrite()?);
    let source = call.tree.stat(&call.path).await?;
    call.holds().await?;
    if call.path.is_top() || to.is_top() {
        return Err(FileError::Denied.into());
    }
    let inside = to.is_within(&call.path) && (source.is_folder() || to.names() == call.path.names());
    if inside || call.path.is_within(&to) {
        return Err(Refusal::forbidden(
            "Nothing is copied or moved onto itself, into itself, or onto a folder that it is in.",
        ));
    }
    let target = call.there(&to).await?;
    if deed == Deed::Move {
        call.free(&call.path, Change::Remove).await?;
    }
    let replaces = target.is_some();
    if replaces && !overwrite {
        return Err(Refusal::precondition());
    }
    match &target {
        None => call.free(&to, Change::Create).await?,
        Some(target) if target.is_folder() || source.is_folder() => call.free(&to, Change::Remove).await?,
        Some(_) => call.free(&to, Change::Write).await?,
    }
    match target {
        Some(target) if target.is_folder() || source.is_folder() => replace(call, &target, &to, deed).await?,
        Some(_) => carry_out(call, &to, deed, IfThere::Replace).await?,
        None => carry_out(call, &to, deed, IfThere::Refuse).await?,
    }
    if deed == Deed::Move {
        // A lock does not go along (RFC 4918 section 7.7).
        call.unlocked(&call.path).await?;
    }
    let status = if replaces { StatusCode::NO_CONTENT } else { StatusCode::CREATED };
    Ok(status.into_response())
}

async fn carry_out(call: &Call, to: &TreePath, deed: Deed, there: IfThere) -> Result<()> {
    let done = match deed {
        Deed::Copy(depth) => call.tree.copy(&call.path, to, there, depth).await,
        Deed::Move => call.tree.rename(&call.path, to, there).await,
    };
    match done {
        Ok(_) => Ok(()),
        // Somebody else made it meanwhile.
        Err(FileError::Exists) => Err(Refusal::precondition()),
        Err(error) => Err(error.into()),
    }
}

/// Where a folder, or a file, is that another takes the place of. What was there before is put aside under a name that says so, and
/// goes when the new one stands; if that fails it comes back, or stays where somebody finds it.
async fn replace(call: &Call, target: &Entry, to: &TreePath, deed: Deed) -> Result<()> {
    let empty = target.is_folder() && call.tree.page(to, None, 1).await?.entries.is_empty();
    if empty {
        call.tree.remove_folder(to).await?;
        call.unlocked(to).await?;
        let done = carry_out(call, to, deed, IfThere::Refuse).await;
        if done.is_err() && call.there(to).await?.is_none() {
            call.tree.make_folder(to).await?;
        }
        return done;
    }
    let name = to.name().unwrap_or_default();
    let seconds = call.app.access.now().seconds();
    let aside = to.parent().child(&format!("{name} (replaced {seconds})"));
    call.tree.rename(to, &aside, IfThere::Refuse).await?;
    call.unlocked(to).await?;
    if let Err(refusal) = carry_out(call, to, deed, IfThere::Refuse).await {
        // Only onto an empty place: what came there already may be all that there is of it.
        if call.there(to).await?.is_none() {
            call.tree.rename(&aside, to, IfThere::Refuse).await?;
        }
        return Err(refusal);
    }
    if target.is_folder() {
        call.tree.remove_all(&aside).await?;
    } else {
        call.tree.remove_file(&aside, None).await?;
    }
    Ok(())
}
