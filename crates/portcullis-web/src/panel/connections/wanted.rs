//! What the address of the list asks for, and addresses that ask for something else.

use portcullis_control::{ConnectionSort, ConnectionsQuery, S3Filter};
use portcullis_domain::{Health, Provider};

use super::super::HOME;
use super::super::fields::Fields;

/// The longest search, in characters.
const LONGEST: usize = 200;

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What is looked for; empty for everything.
    pub(super) search: String,
    pub(super) provider: Option<Provider>,
    pub(super) s3: Option<S3Filter>,
    pub(super) health: Option<Health>,
    pub(super) sort: ConnectionSort,
    pub(super) descending: bool,
    /// From 1.
    pub(super) page: u32,
}

/// Whether an order is more useful backwards: the largest, the newest first.
pub(super) fn falls_first(sort: ConnectionSort) -> bool {
    match sort {
        ConnectionSort::Name => false,
        ConnectionSort::Used | ConnectionSort::Files | ConnectionSort::Created | ConnectionSort::LastUsed => {
            true
        }
    }
}

/// The word for an order in the address: `used`, or `-used` for backwards.
pub(super) fn sort_word(sort: ConnectionSort, descending: bool) -> String {
    format!("{}{}", if descending { "-" } else { "" }, sort.as_str())
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        let sort = fields.get("sort");
        let (word, descending) = sort.strip_prefix('-').map_or((sort, false), |word| (word, true));
        let known = word.parse().ok();
        Self {
            search: fields.get("q").trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect(),
            provider: fields.get("provider").parse().ok(),
            s3: fields.get("s3").parse().ok(),
            health: fields.get("health").parse().ok(),
            sort: known.unwrap_or_default(),
            descending: known.is_some() && descending,
            page: fields.get("page").parse().unwrap_or(1),
        }
    }

    pub(super) fn query(&self) -> ConnectionsQuery {
        ConnectionsQuery {
            search: Some(self.search.clone()).filter(|search| !search.is_empty()),
            provider: self.provider,
            s3: self.s3,
            health: self.health,
            sort: self.sort,
            descending: self.descending,
            page: self.page,
            ..ConnectionsQuery::default()
        }
    }

    /// Whether anything is left out of the list.
    pub(super) fn narrows(&self) -> bool {
        !self.search.is_empty() || self.provider.is_some() || self.s3.is_some() || self.health.is_some()
    }

    /// The address of another page of the same list.
    pub(super) fn at_page(&self, page: u32) -> String {
        Self { page, ..self.clone() }.address()
    }

    /// The address of the list sorted by a column, the other way round if it is sorted by that already.
    pub(super) fn sorted_by(&self, word: &str) -> String {
        let sort = word.parse().unwrap_or_default();
        let descending = if self.sort == sort { !self.descending } else { falls_first(sort) };
        Self { sort, descending, page: 1, ..self.clone() }.address()
    }

    /// The address of the whole list in the same order.
    pub(super) fn cleared(&self) -> String {
        Self { sort: self.sort, descending: self.descending, ..Self::default() }.address()
    }

    fn address(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        let words = [
            ("provider", self.provider.map(Provider::as_str)),
            ("s3", self.s3.map(S3Filter::as_str)),
            ("health", self.health.map(Health::as_str)),
        ];
        for (name, word) in words {
            word.map(|word| query.append_pair(name, word));
        }
        if self.sort != ConnectionSort::default() || self.descending {
            query.append_pair("sort", &sort_word(self.sort, self.descending));
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => HOME.to_owned(),
            query => format!("{HOME}?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::of(&Fields::parse(query.as_bytes()))
    }

    #[test]
    fn an_address_says_what_it_asks_for() {
        let all = "q=a%26b+c&provider=aws&s3=not_active&health=degraded&sort=-last_used&page=7";
        assert_eq!(wanted(all).address(), format!("/connections?{all}"));
        assert_eq!(wanted(all).at_page(1), format!("/connections?{}", all.strip_suffix("&page=7").unwrap()));
        assert_eq!(wanted(all).cleared(), "/connections?sort=-last_used");
        assert!(wanted(all).narrows() && !wanted("sort=used&page=2").narrows());
    }

    #[test]
    fn what_nobody_understands_is_left_out() {
        for strange in
            ["", "sort=%27--&provider=x&s3=&health=all&page=-1", "sort=-none&q=%00%0A+&page=99999999999"]
        {
            assert_eq!(wanted(strange).address(), "/connections", "{strange}");
        }
        assert_eq!(wanted(&format!("q={}", "\u{fc}".repeat(300))).search.chars().count(), 200);
    }

    #[test]
    fn a_column_turns_round() {
        assert_eq!(wanted("").sorted_by("name"), "/connections?sort=-name");
        assert_eq!(wanted("sort=-name&page=3").sorted_by("name"), "/connections");
        assert_eq!(wanted("q=x").sorted_by("used"), "/connections?q=x&sort=-used");
        assert_eq!(wanted("sort=-used").sorted_by("used"), "/connections?sort=used");
    }
}
