//! What the address of the list asks for, and addresses that ask for something else.

use portcullis_control::UserQuery;
use portcullis_domain::{Role, UserState};

use super::super::fields::Fields;

/// The longest search, in characters.
const LONGEST: usize = 200;
/// The longest place in a list, in bytes.
const LONGEST_PLACE: usize = 400;

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What is looked for; empty for everything.
    pub(super) search: String,
    pub(super) role: Option<Role>,
    pub(super) state: Option<UserState>,
    /// Where the page begins; none for the first.
    pub(super) after: Option<String>,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        Self {
            search: search(fields),
            role: fields.get("role").parse().ok(),
            state: fields.get("state").parse().ok(),
            after: after(fields),
        }
    }

    pub(super) fn query(&self) -> UserQuery {
        let search = Some(self.search.clone()).filter(|search| !search.is_empty());
        UserQuery { search, role: self.role, state: self.state }
    }

    /// The address of the page that begins there.
    pub(super) fn at(&self, after: Option<&str>) -> String {
        let words = [
            ("role", self.role.map(Role::as_str)),
            ("state", self.state.map(UserState::as_str)),
            ("after", after),
        ];
        address("/users", &self.search, &words)
    }
}

/// What the search field of a list holds.
pub(in super::super) fn search(fields: &Fields) -> String {
    fields.get("q").trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Where a page of a list begins.
pub(in super::super) fn after(fields: &Fields) -> Option<String> {
    fields.filled("after").filter(|after| after.len() <= LONGEST_PLACE).map(str::to_owned)
}

/// The address of a list.
pub(in super::super) fn address(path: &str, search: &str, words: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !search.is_empty() {
        query.append_pair("q", search);
    }
    for (name, word) in words {
        word.map(|word| query.append_pair(name, word));
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
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
        let all = wanted("q=a%26b+c&role=admin&state=invited&after=x%2Fy");
        assert_eq!(all.at(all.after.as_deref()), "/users?q=a%26b+c&role=admin&state=invited&after=x%2Fy");
        assert_eq!(all.at(None), "/users?q=a%26b+c&role=admin&state=invited");
    }

    #[test]
    fn what_nobody_understands_is_left_out() {
        let long = format!("after={}", "a".repeat(401));
        for strange in ["", "role=king&state=&after=", "q=%00%0A+&role=ADMIN", long.as_str()] {
            assert_eq!(wanted(strange), Wanted::default(), "{strange}");
        }
    }
}
