//! The content of a request, wherever its bytes are: in the envelope, or in a part beside it.

use bytes::Bytes;

use super::Call;
use crate::soap::base64::Decoder;
use crate::soap::envelope;
use crate::soap::fault::{Fault, Result};
use crate::soap::source::Source;
use crate::soap::xml::XmlReader;

/// The namespace of what stands in the place of bytes that are in another part.
const XOP: &str = "http://www.w3.org/2004/08/xop/include";

/// Content as it comes. The start of its element was just read.
pub(super) struct Incoming {
    stage: Stage,
}

enum Stage {
    Inline(Box<XmlReader<Source>>, Decoder),
    Beside(Box<Source>),
    /// All of the request has come.
    Ended,
}

impl Incoming {
    pub(super) fn new(reader: XmlReader<Source>) -> Self {
        Self { stage: Stage::Inline(Box::new(reader), Decoder::default()) }
    }

    /// The next bytes; none when all of the request has come, to the end of its envelope and of the parts beside it.
    ///
    /// # Errors
    /// A fault if the content is damaged, or something follows that does not belong there, or too little. There are no more bytes then.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Ended => return Ok(None),
                Stage::Inline(mut reader, mut decoder) => {
                    // A future that is given up here is that of a request that is over.
                    let goes_on = reader.base64(&mut decoder).await?;
                    let bytes = decoder.decoded();
                    if goes_on {
                        self.stage = Stage::Inline(reader, decoder);
                    } else {
                        decoder.finish()?;
                        self.stage = end_of_element(*reader, &decoder).await?;
                    }
                    if !bytes.is_empty() {
                        return Ok(Some(bytes));
                    }
                }
                Stage::Beside(mut source) => match source.chunk().await? {
                    Some(bytes) => {
                        self.stage = Stage::Beside(source);
                        return Ok(Some(bytes));
                    }
                    None => source.end().await?,
                },
            }
        }
    }
}

/// Reads what follows the text of the content: its end, or the place of bytes that are elsewhere; then the rest of the envelope.
async fn end_of_element(mut reader: XmlReader<Source>, decoder: &Decoder) -> Result<Stage> {
    let mut cid = None;
    while let Some(child) = reader.child().await? {
        let href = child.attribute("", "href").and_then(|href| href.strip_prefix("cid:"));
        if decoder.any || cid.is_some() || !child.name.is(XOP, "Include") || href.is_none() {
            return Err(Fault::invalid(
                "The content is base64, or one xop:Include that names a part with cid:.",
            ));
        }
        cid = href.map(str::to_owned);
        if reader.child().await?.is_some() {
            return Err(Fault::invalid("Nothing is in an xop:Include."));
        }
    }
    if reader.child().await?.is_some() {
        return Err(Fault::invalid(
            "The content comes last, after everything else that the operation is given.",
        ));
    }
    let mut source = envelope::end(reader).await?;
    match cid {
        Some(cid) => {
            source.attachment(&cid).await?;
            Ok(Stage::Beside(Box::new(source)))
        }
        None => {
            source.end().await?;
            Ok(Stage::Ended)
        }
    }
}

impl Call {
    /// Refuses a request that ended before its content.
    pub(super) fn no_content() -> Fault {
        Fault::invalid("content is needed, after everything else that the operation is given.")
    }
}
