//! What a client of the made-up provider asks for.

use std::io::BufRead;

/// The head of a request.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) length: usize,
    if_match: Option<String>,
    if_none_match: Option<String>,
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Asked {
    /// A request line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (bucket, key) = path.strip_prefix('/')?.split_once('/').unwrap_or((path.strip_prefix('/')?, ""));
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("x-id="))
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), decoded(&value.replace('+', " "))))
            .collect();
        Some(Self {
            method: method.to_owned(),
            bucket: bucket.to_owned(),
            key: decoded(key),
            query,
            length: 0,
            if_match: None,
            if_none_match: None,
        })
    }

    /// The headers that matter here.
    pub(crate) fn read_headers(&mut self, reader: &mut impl BufRead) -> anyhow::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(()) };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => self.length = value.parse()?,
                "if-match" => self.if_match = Some(value.replace('"', "")),
                "if-none-match" => self.if_none_match = Some(value.to_owned()),
                _ => {}
            }
        }
    }

    /// A value of the query.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the query names it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
    }

    /// Whether a condition does not hold of what is there.
    pub(crate) fn forbids(&self, etag: Option<&str>) -> bool {
        let none = self.if_none_match.is_some() && etag.is_some();
        none || self.if_match.as_deref().is_some_and(|wanted| Some(wanted) != etag)
    }
}
