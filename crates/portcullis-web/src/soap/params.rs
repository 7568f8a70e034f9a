//! What an operation is given: the children of its element, each once.

use portcullis_domain::Timestamp;
use portcullis_files::{FileError, TreePath};
use tokio::io::AsyncBufRead;

use super::answer::NAMESPACE;
use super::fault::{Code, Fault, Result};
use super::xml::XmlReader;

/// The namespace of `nil`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The element with the bytes of a file, the last of its operation.
pub(super) const CONTENT: &str = "content";

/// Values by name.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(&'static str, String)>);

/// Where reading them stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the end of the operation's element.
    End,
    /// At the content, whose start was read.
    Content,
}

impl Params {
    /// Reads what has one of these names, up to the end or to the content, if the operation takes any.
    ///
    /// # Errors
    /// A fault for a name that the operation does not have, and for one that is there twice.
    pub(super) async fn read<R: AsyncBufRead + Unpin>(
        reader: &mut XmlReader<R>,
        names: &[&'static str],
    ) -> Result<(Self, Stop)> {
        let mut params = Self::default();
        while let Some(child) = reader.child().await? {
            let known = names.iter().find(|name| child.name.is(NAMESPACE, name));
            let Some(name) = known else {
                let names = names.join(", ");
                return Err(Fault::invalid(format!(
                    "This operation takes, in the namespace {NAMESPACE}: {names}."
                )));
            };
            if *name == CONTENT {
                return Ok((params, Stop::Content));
            }
            let is_nil = matches!(child.attribute(XSI, "nil"), Some("true" | "1"));
            let text = reader.text().await?;
            if params.0.iter().any(|(other, _)| other == name) {
                return Err(Fault::invalid(format!("{name} is there twice.")));
            }
            if !is_nil {
                params.0.push((name, text));
            }
        }
        Ok((params, Stop::End))
    }

    /// A text; none if it is not there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    /// A text that has to be there.
    ///
    /// # Errors
    /// A fault if it is not.
    pub(super) fn needed(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| Fault::invalid(format!("{name} is needed.")))
    }

    /// A path from the top: what the key reaches.
    ///
    /// # Errors
    /// A fault if it is not there or no path.
    pub(super) fn path(&self, name: &str) -> Result<TreePath> {
        let text = self.needed(name)?;
        // Whoever writes dots means something that would not be where they look for it.
        if text.split('/').any(|part| part == "." || part == "..") {
            let message = format!("{name}: the parts of a path are neither . nor ..");
            return Err(Fault::new(Code::InvalidPath, message));
        }
        TreePath::top().join(text.as_bytes()).map_err(|error| FileError::Path(error).into())
    }

    /// A number that is not negative; none if it is not there.
    ///
    /// # Errors
    /// A fault if it is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.trim().parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
        number.map(Some).ok_or_else(|| Fault::invalid(format!("{name} is a number, 0 or more.")))
    }

    /// Whether something is to be; not if it is not there.
    ///
    /// # Errors
    /// A fault if it is neither true nor false.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name).map(str::trim) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Fault::invalid(format!("{name} is true or false."))),
        }
    }

    /// A time; none if it is not there.
    ///
    /// # Errors
    /// A fault if it is none.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        time(text)
            .map(Some)
            .ok_or_else(|| Fault::invalid(format!("{name} is a time such as 2027-01-31T18:00:00Z.")))
    }
}

/// A time as XML Schema writes it (part 2, section 3.2.7). One without a zone is in UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(inside: &str) -> Result<Params> {
        let text = format!("<o xmlns=\"urn:portcullis:files:1\" xmlns:i=\"{XSI}\">{inside}</o>");
        let mut reader = XmlReader::new(text.as_bytes());
        reader.child().await?;
        Ok(Params::read(&mut reader, &["path", "number", "flag", "time"]).await?.0)
    }

    #[tokio::test]
    async fn values() {
        let params = read(
            "<path>/a/b&amp;c</path><number> 12 </number><flag>1</flag><time>2026-01-02T03:04:05</time>",
        );
        let params = params.await.unwrap();
        assert_eq!(params.path("path").unwrap().names(), ["a", "b&c"]);
        assert_eq!(params.number("number").unwrap(), Some(12));
        assert!(params.flag("flag").unwrap());
        assert_eq!(params.time("time").unwrap().unwrap().to_string(), "2026-01-02T03:04:05Z");
        let none = read("<number i:nil=\"true\"/>").await.unwrap();
        assert_eq!(none.number("number").unwrap(), None);
        assert!(!none.flag("flag").unwrap());
        assert!(none.path("path").is_err());
    }

    #[tokio::test]
    async fn what_is_refused() {
        for wrong in [
            "<other/>",
            "<path xmlns=\"\">a</path>",
            "<path>a</path><path>a</path>",
            "<path><b/></path>",
            "text",
        ] {
            assert!(read(wrong).await.is_err(), "{wrong}");
        }
        for (wrong, name) in
            [("-1", "number"), ("9223372036854775808", "number"), ("x", "number"), ("", "number")]
        {
            let params = read(&format!("<{name}>{wrong}</{name}>")).await.unwrap();
            assert!(params.number(name).is_err(), "{wrong}");
        }
        for path in ["a/../b", "..", "./a"] {
            assert!(read(&format!("<path>{path}</path>")).await.unwrap().path("path").is_err(), "{path}");
        }
        assert!(read("<flag>yes</flag>").await.unwrap().flag("flag").is_err());
        assert!(read("<time>today</time>").await.unwrap().time("time").is_err());
    }
}
