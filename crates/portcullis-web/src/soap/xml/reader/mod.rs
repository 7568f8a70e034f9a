//! Markup, piece by piece.

use std::io;
use std::time::Duration;

use quick_xml::XmlVersion;
use quick_xml::errors::{Error as XmlError, IllFormedError, SyntaxError};
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};
use tokio::time::{Instant, timeout_at};

use super::Metered;
use super::meter::OverLimit;
use crate::dav::xml::Name;
use crate::soap::base64::Decoder;
use crate::soap::fault::{Code, Fault, Result};
use crate::soap::mtom::RelatedFault;
use crate::soap::source::of_related;

/// Bytes that are not content of a file.
const MOST: usize = 64 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_ATTRIBUTES: usize = 64;
const MAX_BINDINGS: usize = 64;
/// How long what is not content of a file may take to come, before the content and after it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The start of an element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: Name,
    attributes: Vec<(Name, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, space: &str, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.is(space, local)).map(|(_, value)| value.as_str())
    }
}

/// A piece of markup.
#[derive(Debug)]
pub(crate) enum Token {
    Start(Element),
    End,
    Text(String),
    Eof,
}

/// Reads an envelope.
pub(crate) struct XmlReader<R> {
    inner: NsReader<Metered<R>>,
    buffer: Vec<u8>,
    depth: usize,
    /// The element that was begun last is empty: its end is next, though nothing of it is read any more.
    empty: bool,
    /// Whether the root was there.
    begun: bool,
    patience: Duration,
    deadline: Instant,
}

impl<R: AsyncBufRead + Unpin> XmlReader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self::with_patience(source, PATIENCE)
    }

    /// A reader that waits for so long for what is not content.
    fn with_patience(source: R, patience: Duration) -> Self {
        let mut inner = NsReader::from_reader(Metered::new(source, MOST));
        inner.resolver_mut().set_max_namespace_bindings(MAX_BINDINGS);
        inner.config_mut().check_comments = false;
        let deadline = Instant::now() + patience;
        Self { inner, buffer: Vec::new(), depth: 0, empty: false, begun: false, patience, deadline }
    }

    /// The next piece.
    ///
    /// # Errors
    /// A fault if it is not well-formed, is something that no envelope has, or there is too much of it or it takes too long.
    pub(crate) async fn next(&mut self) -> Result<Token> {
        loop {
            if std::mem::take(&mut self.empty) {
                self.depth -= 1;
                return Ok(Token::End);
            }
            self.buffer.clear();
            let reading = self.inner.read_event_into_async(&mut self.buffer);
            let event = timeout_at(self.deadline, reading).await.map_err(|_| too_slow())?.map_err(of_xml)?;
            let text = match event {
                Event::Start(tag) => {
                    let element = element(self.inner.resolver(), &tag)?;
                    return self.begin(element, false);
                }
                Event::Empty(tag) => {
                    let element = element(self.inner.resolver(), &tag)?;
                    return self.begin(element, true);
                }
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or_else(malformed)?;
                    return Ok(Token::End);
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(reference) => {
                    portcullis_xml::character(&reference).map_err(|_| malformed())?.to_string()
                }
                Event::Decl(declared) => {
                    is_utf8(&declared)?;
                    continue;
                }
                Event::Comment(_) => continue,
                Event::DocType(_) => {
                    return Err(Fault::invalid(
                        "An envelope has no document type (SOAP 1.2 part 1 section 5).",
                    ));
                }
                Event::PI(_) => {
                    return Err(Fault::invalid(
                        "An envelope has no processing instructions (SOAP 1.2 part 1 section 5).",
                    ));
                }
                Event::Eof if self.depth == 0 && self.begun => return Ok(Token::Eof),
                Event::Eof => return Err(Fault::broken()),
            };
            if text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
                return Err(malformed());
            }
            if self.depth > 0 {
                return Ok(Token::Text(text));
            }
            if !text.trim().is_empty() {
                return Err(malformed());
            }
        }
    }

    fn begin(&mut self, element: Element, empty: bool) -> Result<Token> {
        if self.depth == 0 && std::mem::replace(&mut self.begun, true) {
            return Err(malformed());
        }
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(Code::RequestTooLarge, "Elements lie too deep in each other."));
        }
        self.depth += 1;
        self.empty = empty;
        Ok(Token::Start(element))
    }

    /// The next start of an element, or the end of the one that this is in; text that is not blank is refused.
    pub(crate) async fn child(&mut self) -> Result<Option<Element>> {
        loop {
            match self.next().await? {
                Token::Start(element) => return Ok(Some(element)),
                Token::End => return Ok(None),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) => return Err(Fault::invalid("There is text where elements are expected.")),
                Token::Eof => return Err(malformed()),
            }
        }
    }

    /// The text of the element that was just begun, to its end. Elements in it are refused.
    pub(crate) async fn text(&mut self) -> Result<String> {
        let mut all = String::new();
        loop {
            match self.next().await? {
                Token::Text(text) => all.push_str(&text),
                Token::End => return Ok(all),
                Token::Start(_) => return Err(Fault::invalid("There is an element where text is expected.")),
                Token::Eof => return Err(malformed()),
            }
        }
    }

    /// Leaves out the rest of the element that was just begun.
    pub(crate) async fn skip(&mut self) -> Result<()> {
        let above = self.depth.saturating_sub(1);
        while self.depth > above {
            self.next().await?;
        }
        Ok(())
    }

    /// Decodes some of the base64 that is the text of the element which was just begun; false at its end, where markup follows.
    /// What was decoded is in the decoder. Nothing of it is bounded but by what it is stored as.
    pub(crate) async fn base64(&mut self, decoder: &mut Decoder) -> Result<bool> {
        if self.empty {
            return Ok(false);
        }
        // Past the reader of markup, which would hold all of it.
        let raw = self.inner.get_mut();
        let bounded = raw.limit(None);
        let read = raw.fill_buf().await.map_err(|error| of_io(&error));
        let taken = match &read {
            Ok([]) => Err(Fault::broken()),
            Ok(bytes) => decoder.take(bytes),
            Err(fault) => Err(fault.clone()),
        };
        if let Ok(taken) = &taken {
            raw.consume(taken.bytes);
        }
        raw.limit(bounded);
        let goes_on = taken?.goes_on;
        if !goes_on {
            // The patience with what is not content begins anew.
            self.deadline = Instant::now() + self.patience;
        }
        Ok(goes_on)
    }

    /// What the envelope was read from.
    pub(crate) fn into_inner(self) -> R {
        self.inner.into_inner().into_inner()
    }
}

fn malformed() -> Fault {
    Fault::invalid("The envelope is not well-formed XML.")
}

fn too_slow() -> Fault {
    Fault::invalid("The request takes too long to come.")
}

fn of_xml(error: XmlError) -> Fault {
    match error {
        XmlError::Io(error) => of_io(&error),
        XmlError::Syntax(
            SyntaxError::UnclosedTag | SyntaxError::UnclosedComment | SyntaxError::UnclosedCData,
        )
        | XmlError::IllFormed(IllFormedError::MissingEndTag(_)) => Fault::broken(),
        XmlError::Syntax(_)
        | XmlError::IllFormed(_)
        | XmlError::InvalidAttr(_)
        | XmlError::Encoding(_)
        | XmlError::Escape(_)
        | XmlError::Namespace(_) => malformed(),
    }
}

/// What the layers below say through a reader.
fn of_io(error: &io::Error) -> Fault {
    if error.get_ref().is_some_and(|inner| inner.is::<OverLimit>()) {
        let message = "What is not the content of a file has at most 64 KiB; send files as content.";
        return Fault::new(Code::RequestTooLarge, message);
    }
    RelatedFault::of(error).map_or_else(Fault::broken, of_related)
}

/// Text in other encodings is refused before it is taken for something else.
fn is_utf8(declared: &BytesDecl<'_>) -> Result<()> {
    match declared.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => {
            Ok(())
        }
        Some(Ok(_)) => Err(Fault::invalid("An envelope is in UTF-8.")),
        Some(Err(_)) => Err(malformed()),
    }
}

fn element(resolver: &NamespaceResolver, tag: &BytesStart<'_>) -> Result<Element> {
    let (space, local) = resolver.resolve_element(tag.name());
    let name = named(&space, local.into_inner())?;
    let mut attributes = Vec::new();
    for (count, attribute) in tag.attributes().enumerate() {
        let attribute = attribute.map_err(|_| malformed())?;
        if count == MAX_ATTRIBUTES {
            return Err(Fault::new(Code::RequestTooLarge, "An element has too many attributes."));
        }
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| malformed())?;
        let (space, local) = resolver.resolve_attribute(attribute.key);
        let name = named(&space, local.into_inner())?;
        if attributes.iter().any(|(other, _)| *other == name) {
            return Err(malformed());
        }
        attributes.push((name, value.into_owned()));
    }
    Ok(Element { name, attributes })
}

fn named(space: &ResolveResult<'_>, local: &str) -> Result<Name> {
    let space = match space {
        ResolveResult::Bound(space) => space.into_inner(),
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => return Err(malformed()),
    };
    Ok(Name::new(space, local))
}

#[cfg(test)]
mod tests;
