//! The documents of S3: those that a provider answers with, read with bounds, and those that it is sent.

use portcullis_xml::Bounds;
pub(super) use portcullis_xml::{Malformed, Node};

/// A page of 1,000 versions with a dozen elements each fits several times.
const BOUNDS: Bounds = Bounds { depth: 8, elements: 60_000 };

/// Reads a whole document whose root has this name.
pub(super) fn parse(document: &[u8], root: &str) -> Result<Node, Malformed> {
    portcullis_xml::parse(document, root, BOUNDS)
}

/// Writes `<name>text</name>` with the text escaped.
pub(super) fn element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' | '\n' | '\t' => {
                out.push_str(&format!("&#{};", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_page_fits_and_no_flood_does() {
        let version = "<Version><Key>a</Key><VersionId>b</VersionId><IsLatest>true</IsLatest><LastModified/><ETag/><Size>1</Size>\
                       <Owner><ID/><DisplayName/></Owner><StorageClass/></Version>";
        let page = |count: usize| format!("<Page>{}</Page>", version.repeat(count));
        assert_eq!(parse(page(1_000).as_bytes(), "Page").unwrap().all("Version").count(), 1_000);
        assert_eq!(parse(page(6_000).as_bytes(), "Page"), Err(Malformed));
        assert_eq!(parse(b"<html></html>", "Page"), Err(Malformed));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[ -~\\r\\n\\t\u{e9}\u{1f600}]{0,40}") {
            let mut out = String::new();
            element(&mut out, "T", &text);
            let node = parse(out.as_bytes(), "T").unwrap();
            prop_assert_eq!(node.text, text);
        }
    }
}
