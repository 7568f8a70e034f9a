//! `Delete`, `Move` and `MakeFolder`.

use axum::response::Response;
use portcullis_access::EtagCondition;
use portcullis_files::{FileError, IfThere, TreePath};

use super::get::unquoted;
use super::{Call, entry};
use crate::dav::{Change, Place};
use crate::soap::fault::{Fault, Result};
use crate::soap::params::Params;

pub(super) async fn delete(call: &Call, params: Params) -> Result<Response> {
    let (path, recursive) = (params.path("path")?, params.flag("recursive")?);
    let if_match = params.text("ifMatch").map(|tag| EtagCondition::OneOf(vec![unquoted(tag).to_owned()]));
    call.needs_to_see(&path).await?;
    let found = call.tree.stat(&path).await?;
    if path.is_top() {
        return Err(FileError::Denied.into());
    }
    call.free(&path, Change::Remove).await?;
    match (found.is_folder(), if_match) {
        (true, Some(_)) => return Err(Fault::invalid("A folder has no tag that ifMatch could name.")),
        (true, None) if recursive => call.tree.remove_all(&path).await?,
        (true, None) => call.tree.remove_folder(&path).await?,
        (false, if_match) => call.tree.remove_file(&path, if_match).await?,
    }
    unlocked(call, &path).await;
    Ok(call.done())
}

pub(super) async fn rename(call: &Call, params: Params) -> Result<Response> {
    let (from, to) = (params.path("path")?, params.path("to")?);
    let there = if params.flag("replace")? { IfThere::Replace } else { IfThere::Refuse };
    call.needs_to_see(&from).await?;
    call.needs_to_see(&to).await?;
    if from.is_top() || to.is_top() {
        return Err(FileError::Denied.into());
    }
    call.free(&from, Change::Remove).await?;
    call.free_to_put(&to).await?;
    call.tree.rename(&from, &to, there).await?;
    if from.names() != to.names() {
        unlocked(call, &from).await;
    }
    let moved = call.tree.stat(&to).await?;
    let mut answer = call.answer();
    entry::write(&mut answer, &to, &moved);
    Ok(answer.finish(call.operation))
}

pub(super) async fn make_folder(call: &Call, params: Params) -> Result<Response> {
    let path = params.path("path")?;
    if path.is_top() {
        return Err(FileError::Exists.into());
    }
    if !call.is_blind(&path).await? {
        call.free(&path, Change::Create).await?;
    }
    call.tree.make_folder(&path).await?;
    Ok(call.done())
}

/// What was there is gone, and the locks with it.
async fn unlocked(call: &Call, path: &TreePath) {
    if let Ok((storage, key)) = call.tree.place(path).await {
        call.app.locks.forget(&Place { storage, key });
    }
}
