//! The envelope around an operation.

use tokio::io::AsyncBufRead;

use super::answer::NAMESPACE;
use super::fault::{Code, Fault, Result};
use super::operation::SoapOperation;
use super::security::{self, Security, WSSE};
use super::source::Source;
use super::version::Version;
use super::xml::{Element, Token, XmlReader};

/// The role of whoever comes next on a message's way, which is us.
const NEXT: [&str; 3] = [
    "http://schemas.xmlsoap.org/soap/actor/next",
    "http://www.w3.org/2003/05/soap-envelope/role/next",
    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
];

/// Reads the start of the envelope: its namespace is its version.
///
/// # Errors
/// A fault with `VersionMismatch` if it is no envelope that is known.
pub(super) async fn begin<R: AsyncBufRead + Unpin>(reader: &mut XmlReader<R>) -> Result<Version> {
    let Some(root) = reader.child().await? else { return Err(Fault::broken()) };
    let version = [Version::V11, Version::V12]
        .into_iter()
        .find(|version| root.name.is(version.namespace(), "Envelope"));
    version.ok_or_else(|| Fault::new(Code::VersionMismatch, "Send an Envelope of SOAP 1.1 or 1.2."))
}

/// Reads the headers, up to where the body begins.
///
/// # Errors
/// A fault with `MustUnderstand` for a header that has to be understood and is not.
pub(super) async fn headers<R: AsyncBufRead + Unpin>(
    reader: &mut XmlReader<R>,
    version: Version,
) -> Result<Security> {
    let space = version.namespace();
    let mut security = None;
    let mut first = reader.child().await?;
    if first.as_ref().is_some_and(|child| child.name.is(space, "Header")) {
        while let Some(header) = reader.child().await? {
            if header.name.is(WSSE, "Security") {
                if security.replace(security::read(reader).await?).is_some() {
                    return Err(Fault::invalid("There is more than one header Security."));
                }
            } else if must_be_understood(&header, version)? {
                let message = format!("The header {} is not understood here.", header.name.local);
                return Err(Fault::new(Code::MustUnderstand, message));
            } else {
                reader.skip().await?;
            }
        }
        first = reader.child().await?;
    }
    match first {
        Some(body) if body.name.is(space, "Body") => Ok(security.unwrap_or_default()),
        _ => Err(Fault::invalid("An envelope has a Body, after its Header if it has one, and nothing else.")),
    }
}

fn must_be_understood(header: &Element, version: Version) -> Result<bool> {
    let space = version.namespace();
    let (role, yes) = match version {
        Version::V11 => ("actor", &["1"][..]),
        Version::V12 => ("role", &["1", "true"][..]),
    };
    let asked = header.attribute(space, "mustUnderstand").map(str::trim);
    if asked.is_some_and(|asked| !["0", "false", "1", "true"].contains(&asked)) {
        return Err(Fault::invalid("mustUnderstand is true or false."));
    }
    // A header for somebody else on the way is none of ours.
    let ours = header.attribute(space, role).is_none_or(|role| role.is_empty() || NEXT.contains(&role));
    Ok(ours && asked.is_some_and(|asked| yes.contains(&asked)))
}

/// Reads the start of the one element in the body.
///
/// # Errors
/// A fault with `UnknownOperation` if it names none.
pub(super) async fn operation<R: AsyncBufRead + Unpin>(reader: &mut XmlReader<R>) -> Result<SoapOperation> {
    let Some(child) = reader.child().await? else { return Err(Fault::invalid("The Body is empty.")) };
    let known = Some(&child.name)
        .filter(|name| name.space == NAMESPACE)
        .and_then(|name| SoapOperation::of(&name.local));
    known.ok_or_else(|| {
        let message = format!(
            "There is no such operation in the namespace {NAMESPACE}; the description is at /soap?wsdl."
        );
        Fault::new(Code::UnknownOperation, message)
    })
}

/// Reads what follows the operation's element: the ends of body and envelope, and nothing else. Then the envelope has come as a
/// whole.
///
/// # Errors
/// A fault if something else follows, or nothing.
pub(super) async fn end(mut reader: XmlReader<Source>) -> Result<Source> {
    for what in ["The Body holds one element.", "Nothing follows the Body."] {
        if reader.child().await?.is_some() {
            return Err(Fault::invalid(what));
        }
    }
    match reader.next().await? {
        Token::Eof => Ok(reader.into_inner()),
        Token::Start(_) | Token::End | Token::Text(_) => Err(Fault::invalid("Nothing follows the Envelope.")),
    }
}
