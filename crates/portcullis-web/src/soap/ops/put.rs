//! `PutFile`: a file is there when all of the request has come, and until then what was there is there.

use axum::response::Response;
use portcullis_access::{ContentHeaders, Digest, DigestAlgorithm, Digester, Etag};
use portcullis_files::{Entry, FileError, Kind, TreePath, Upload, WriteOptions};

use super::get::unquoted;
use super::incoming::Incoming;
use super::{Call, entry};
use crate::soap::fault::{Fault, Result};
use crate::soap::params::{Params, Stop};
use crate::soap::source::Source;
use crate::soap::xml::XmlReader;

const NAMES: [&str; 8] =
    ["path", "createOnly", "ifMatch", "contentType", "modified", "length", "sha256", "content"];
/// The longest content type that is kept, in bytes.
const LONGEST_KIND: usize = 255;

pub(super) async fn put(call: &Call, mut reader: XmlReader<Source>) -> Result<Response> {
    let (params, stop) = Params::read(&mut reader, &NAMES).await?;
    if stop == Stop::End {
        return Err(Call::no_content());
    }
    let path = params.path("path")?;
    if path.is_top() {
        return Err(FileError::IsFolder.into());
    }
    let digest = digest(&params)?;
    let content = ContentHeaders { content_type: content_type(&params)?, ..ContentHeaders::default() };
    let (length, modified) = (params.number("length")?, params.time("modified")?);
    let (create_only, if_match) = (params.flag("createOnly")?, params.text("ifMatch").map(unquoted));
    let blind = call.is_blind(&path).await?;
    if blind && (create_only || if_match.is_some()) {
        // The answer would say whether something is there. Such a key is made create-only instead.
        return Err(FileError::Denied.into());
    }
    let only_if = only_if(call, &path, create_only, if_match).await?;
    let options = WriteOptions { length, only_if, content, modified, ..WriteOptions::default() };
    let mut upload = call.tree.write(&path, options).await?;
    if !blind {
        call.free_to_put(&path).await?;
    }
    let mut digester = Digester::new(digest.as_ref().map(|digest| digest.algorithm).as_slice());
    store(&mut upload, Incoming::new(reader), |bytes| digester.update(bytes)).await?;
    if digest.is_some_and(|digest| digester.finish().first() != Some(&digest)) {
        return Err(FileError::Mismatch.into());
    }
    if !blind {
        // It may have been locked meanwhile.
        call.free_to_put(&path).await?;
    }
    let stored = upload.finish().await.map_err(|error| told(error, create_only))?;
    let mut answer = call.answer();
    entry::write(&mut answer, &path, &stored);
    Ok(answer.finish(call.operation))
}

/// Feeds an upload with content. To let go of the upload leaves what was there.
async fn store(upload: &mut Upload, mut content: Incoming, mut seen: impl FnMut(&[u8])) -> Result<()> {
    loop {
        // A client that sends nothing is told all the same that its right is gone.
        let piece = tokio::select! {
            piece = content.next() => piece?,
            error = upload.ended() => return Err(error.into()),
        };
        let Some(piece) = piece else { return Ok(()) };
        seen(&piece);
        upload.write(piece).await?;
    }
}

/// What has to be there, or not, in the moment in which the file is stored.
async fn only_if(
    call: &Call,
    path: &TreePath,
    create_only: bool,
    if_match: Option<&str>,
) -> Result<Option<Option<Vec<Etag>>>> {
    match (create_only, if_match) {
        (true, Some(_)) => Err(Fault::invalid("createOnly and ifMatch exclude each other.")),
        (true, None) => match call.tree.stat(path).await {
            Ok(_) => Err(FileError::Exists.into()),
            Err(FileError::NotFound) => Ok(Some(None)),
            Err(error) => Err(error.into()),
        },
        (false, None) => Ok(None),
        (false, Some(tag)) => match call.tree.stat(path).await {
            Ok(Entry { kind: Kind::File { etag, .. }, .. }) if etag.to_string() == tag => {
                Ok(Some(Some(vec![etag])))
            }
            Ok(_) | Err(FileError::NotFound) => Err(FileError::Changed.into()),
            Err(error) => Err(error.into()),
        },
    }
}

/// Whoever wanted to make a file is told that there is one, not that it changed.
fn told(error: FileError, create_only: bool) -> Fault {
    if create_only && matches!(error, FileError::Changed) {
        return FileError::Exists.into();
    }
    error.into()
}

/// The digest that the bytes are to have: 64 hexadecimal digits.
fn digest(params: &Params) -> Result<Option<Digest>> {
    let Some(text) = params.text("sha256") else { return Ok(None) };
    let value = hex::decode(text.trim()).ok().filter(|value| value.len() == DigestAlgorithm::Sha256.length());
    let value = value.ok_or_else(|| Fault::invalid("sha256 is 64 hexadecimal digits."))?;
    Ok(Some(Digest { algorithm: DigestAlgorithm::Sha256, value }))
}

/// The content type to keep.
pub(super) fn content_type(params: &Params) -> Result<Option<String>> {
    let Some(text) = params.text("contentType").map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let plain = text.len() <= LONGEST_KIND && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain {
        return Ok(Some(text.to_owned()));
    }
    Err(Fault::invalid("contentType is a media type of at most 255 ASCII characters."))
}
