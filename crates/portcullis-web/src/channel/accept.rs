//! Which of a few forms an answer has (RFC 9110 section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// The forms that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// For programs.
    Json,
    /// For browsers, and for clients that read links out of pages.
    Html,
    /// For people at a terminal.
    Text,
}

impl Accepted {
    /// How exactly a media range names it; none if it does not.
    fn named_by(self, range: &str) -> Option<u8> {
        let (exact, family): (&[&str], _) = match self {
            Self::Json => (&["application/json", "application/problem+json"], "application/*"),
            Self::Html => (&["text/html", "application/xhtml+xml"], "text/*"),
            Self::Text => (&["text/plain"], "text/*"),
        };
        match range {
            range if exact.iter().any(|exact| range.eq_ignore_ascii_case(exact)) => Some(2),
            range if range.eq_ignore_ascii_case(family) => Some(1),
            "*/*" => Some(0),
            _ => None,
        }
    }
}

/// The one of these forms that a client likes best, the first of those that it likes alike; none if it takes none of them, or says nothing.
pub(crate) fn wanted(headers: &HeaderMap, forms: &[Accepted]) -> Option<Accepted> {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let ranges: Vec<(&str, u16)> = lines.flat_map(|line| line.split(',')).take(64).map(range).collect();
    let weight = |form: Accepted| {
        let named = ranges.iter().filter_map(|(range, weight)| Some((form.named_by(range)?, *weight)));
        // What names a form most exactly counts.
        named.max_by_key(|(exactness, _)| *exactness).map_or(0, |(_, weight)| weight)
    };
    let best = forms.iter().copied().map(|form| (form, weight(form))).rev().max_by_key(|(_, weight)| *weight);
    best.filter(|(_, weight)| *weight > 0).map(|(form, _)| form)
}

/// A media range and its weight in thousandths.
fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(1000, |weight| {
        let weight = weight.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
        [1000u16, 750, 500, 250, 1].into_iter().find(|step| weight >= f32::from(*step) / 1000.0).unwrap_or(0)
    });
    (range, weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_best_of_what_is_accepted() {
        let both = [Accepted::Json, Accepted::Html];
        for (value, best) in [
            (None, None),
            (Some("*/*"), Some(Accepted::Json)),
            (Some("application/json"), Some(Accepted::Json)),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Some(Accepted::Html)),
            (Some("text/*"), Some(Accepted::Html)),
            (Some("application/json;q=0.5, text/html;q=0.4"), Some(Accepted::Json)),
            (Some("application/json;q=0.3, text/html"), Some(Accepted::Html)),
            (Some("text/html;q=0, */*"), Some(Accepted::Json)),
            (Some("image/png"), None),
            (Some("text/html;q=x"), None),
        ] {
            let headers = value.map(|value| (ACCEPT, HeaderValue::from_static(value))).into_iter().collect();
            assert_eq!(wanted(&headers, &both), best, "{value:?}");
        }
    }
}
