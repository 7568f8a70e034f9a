//! What the head of a part means in `multipart/form-data` (RFC 7578).

use crate::content_type::{ContentType, Quoting, parameter};
use crate::head::Head;

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormField {
    /// Its name; none if it has none, which RFC 7578 does not allow and some tools send.
    pub name: Option<String>,
    /// The name that the sender gave the file; none for a field that is no file.
    pub filename: Option<String>,
    /// The content type that the sender gave it.
    pub content_type: Option<String>,
}

impl FormField {
    /// The field with this head; none if it does not say, or says twice, that it is one.
    #[must_use]
    pub fn of(head: &Head, quoting: Quoting) -> Option<Self> {
        if head.count("content-disposition") != 1 {
            return None;
        }
        let disposition = head.get("content-disposition")?;
        let (_, parameters) = disposition.split_once(';')?;
        if !ContentType::new(disposition).is("form-data") {
            return None;
        }
        Some(Self {
            name: parameter(parameters, "name", quoting),
            filename: parameter(parameters, "filename", quoting),
            content_type: head.get("content-type").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<FormField> {
        FormField::of(&Head::parse(text)?, Quoting::Escaped)
    }

    #[test]
    fn fields_of_forms() {
        let head = read(
            "Content-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: text/plain",
        );
        let head = head.unwrap();
        assert_eq!(head.name.as_deref(), Some("file"));
        assert_eq!(head.filename.as_deref(), Some("a \"b\".txt"));
        assert_eq!(head.content_type.as_deref(), Some("text/plain"));
        let nameless = read("content-disposition:Form-Data; x=y").unwrap();
        assert_eq!(nameless, FormField::default());
        for wrong in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: form-data",
            "Content-Disposition: attachment; name=a",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=a",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
