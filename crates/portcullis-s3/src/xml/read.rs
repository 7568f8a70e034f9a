//! Documents that clients send.

pub(crate) use portcullis_xml::{Malformed as MalformedXml, Node};

/// 10,000 parts with six elements each fit.
const BOUNDS: portcullis_xml::Bounds = portcullis_xml::Bounds { depth: 8, elements: 80_000 };

/// Reads a whole document whose root must have this name.
///
/// # Errors
/// [`MalformedXml`], whatever is wrong.
pub(crate) fn parse(document: &[u8], root: &str) -> Result<Node, MalformedXml> {
    portcullis_xml::parse(document, root, BOUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_fit_and_no_flood_does() {
        let part = "<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>a</ChecksumCRC32><ChecksumSHA1>a</ChecksumSHA1>\
                    <ChecksumSHA256>a</ChecksumSHA256></Part>";
        let parts = |count: usize| format!("<Complete>{}</Complete>", part.repeat(count));
        let node = parse(parts(10_000).as_bytes(), "Complete").unwrap();
        assert_eq!(node.all("Part").count(), 10_000);
        assert_eq!(parse(parts(14_000).as_bytes(), "Complete"), Err(MalformedXml));
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(deep(8).as_bytes(), "a").is_ok());
        assert_eq!(parse(deep(9).as_bytes(), "a"), Err(MalformedXml));
    }
}
