//! The table `[oidc]`: the provider by which people sign in.
//!
//! Its settings are fields of the file (`oidc.issuer`) and environment variables (`PORTCULLIS_OIDC_ISSUER`), not flags: there are
//! many, and they belong together.

use std::path::PathBuf;

use super::{Raw, env};

/// The fields of the table.
pub(super) const FIELDS: &[&str] = &[
    "issuer",
    "client_id",
    "client_secret_file",
    "ca_file",
    "name",
    "scopes",
    "username_claim",
    "groups_claim",
    "follow_groups",
    "admin_group",
    "member_group",
    "site",
    "create_users",
    "trust_second_factor",
    "second_factor_acr",
];

/// The variable that holds the client's secret itself.
const SECRET: &str = "PORTCULLIS_OIDC_CLIENT_SECRET";

/// Where the client's secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientSecretSource {
    /// Nowhere: a public client.
    None,
    /// In `PORTCULLIS_OIDC_CLIENT_SECRET`.
    Environment,
    /// In a file.
    File(PathBuf),
}

/// The provider by which people sign in.
#[derive(Clone, Debug)]
pub(crate) struct OidcConfig {
    /// Its issuer, letter by letter.
    pub(crate) issuer: String,
    /// Under which name it knows this installation.
    pub(crate) client_id: String,
    /// Where the secret is that proves it.
    pub(crate) client_secret: ClientSecretSource,
    /// Further certificate authorities that vouch for it.
    pub(crate) ca_file: Option<PathBuf>,
    /// What it is called on the sign-in page.
    pub(crate) name: String,
    /// Scopes besides `openid`, `profile` and `email`.
    pub(crate) scopes: Vec<String>,
    /// The claim with the user's name.
    pub(crate) username_claim: String,
    /// The claim with the names of the groups.
    pub(crate) groups_claim: Option<String>,
    /// Whether people are put into the groups that it names.
    pub(crate) follow_groups: bool,
    /// The group of the admins.
    pub(crate) admin_group: Option<String>,
    /// The group of those who may become users.
    pub(crate) member_group: Option<String>,
    /// The site in which users are made.
    pub(crate) site: Option<String>,
    /// Whether users are made.
    pub(crate) create_users: bool,
    /// Whether a second factor shown there counts here.
    pub(crate) trust_second_factor: bool,
    /// Values of `acr` that mean a second factor.
    pub(crate) second_factor_acr: Vec<String>,
}

/// The provider that file and environment name; none if they say nothing of one.
pub(super) fn read(from_file: &[(String, Raw)], problems: &mut Vec<String>) -> Option<OidcConfig> {
    let raw = |name: &str| {
        let variable = format!("PORTCULLIS_OIDC_{}", name.to_ascii_uppercase());
        let given = env(&variable).map(|value| Raw { value, origin: variable });
        let in_file = || from_file.iter().find(|(field, _)| field.strip_prefix("oidc.") == Some(name));
        given.or_else(|| in_file().map(|(_, raw)| raw.clone())).filter(|raw| !raw.value.is_empty())
    };
    if FIELDS.iter().all(|name| raw(name).is_none()) {
        return None;
    }
    let text = |name: &str| raw(name).map(|raw| raw.value);
    let path = |name: &str| text(name).map(PathBuf::from);
    let list = |name: &str| -> Vec<String> {
        let text = text(name).unwrap_or_default();
        text.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let mut must = |name: &str, example: &str| {
        text(name).unwrap_or_else(|| {
            problems.push(format!("oidc.{name}: missing; {example}"));
            String::new()
        })
    };
    let issuer = must("issuer", "the provider's address, such as https://id.example.com/realms/main");
    let client_id = must("client_id", "the name under which the provider knows this installation");
    let groups_claim = text("groups_claim");
    for name in ["admin_group", "member_group"] {
        if let (Some(raw), None) = (raw(name), &groups_claim) {
            problems.push(format!("{}: needs groups_claim too, the claim with the groups", raw.origin));
        }
    }
    let client_secret = match (env(SECRET).is_some(), raw("client_secret_file")) {
        (true, Some(raw)) => {
            problems.push(format!("{}: give this or {SECRET}, not both", raw.origin));
            ClientSecretSource::Environment
        }
        (true, None) => ClientSecretSource::Environment,
        (false, Some(raw)) => ClientSecretSource::File(PathBuf::from(raw.value)),
        (false, None) => ClientSecretSource::None,
    };
    let mut yes = |name: &str, default: bool| flag(raw(name), default, problems);
    Some(OidcConfig {
        follow_groups: yes("follow_groups", true) && groups_claim.is_some(),
        create_users: yes("create_users", false),
        trust_second_factor: yes("trust_second_factor", false),
        name: text("name").unwrap_or_else(|| host_of(&issuer)),
        issuer,
        client_id,
        client_secret,
        ca_file: path("ca_file"),
        scopes: list("scopes"),
        username_claim: text("username_claim").unwrap_or_else(|| "preferred_username".to_owned()),
        groups_claim,
        admin_group: text("admin_group"),
        member_group: text("member_group"),
        site: text("site"),
        second_factor_acr: list("second_factor_acr"),
    })
}

fn flag(raw: Option<Raw>, default: bool, problems: &mut Vec<String>) -> bool {
    let Some(raw) = raw else { return default };
    raw.value.parse().unwrap_or_else(|_| {
        problems.push(format!("{}: \"{}\" is neither true nor false", raw.origin, raw.value));
        default
    })
}

/// The host in an address, for a button that nobody gave a name.
fn host_of(issuer: &str) -> String {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::load_text;
    use super::*;

    const LEAST: &str = "[oidc]\nissuer = \"https://id.example.com/realms/main\"\nclient_id = \"gate\"\n";

    #[test]
    fn nothing_and_the_least() {
        assert!(load_text("").unwrap().oidc.is_none());
        let oidc = load_text(LEAST).unwrap().oidc.unwrap();
        assert_eq!(
            (oidc.name.as_str(), oidc.username_claim.as_str()),
            ("id.example.com", "preferred_username")
        );
        assert_eq!(oidc.client_secret, ClientSecretSource::None);
        assert!(!oidc.create_users && !oidc.trust_second_factor && !oidc.follow_groups);
    }

    #[test]
    fn all_of_it() {
        let more = "client_secret_file = \"/run/secrets/oidc\"\nname = \"Example\"\nscopes = [\"groups\", \"roles\"]\n\
                    groups_claim = \"groups\"\nadmin_group = \"Gate, admins\"\nmember_group = \"gate\"\nsite = \"main\"\n\
                    create_users = true\ntrust_second_factor = true\nsecond_factor_acr = [\"urn:gold\"]\nca_file = \"ca.pem\"\n";
        let oidc = load_text(&format!("web = \"127.0.0.1:1\"\n{LEAST}{more}")).unwrap().oidc.unwrap();
        assert_eq!(oidc.scopes, ["groups", "roles"]);
        assert_eq!(oidc.admin_group.as_deref(), Some("Gate, admins"));
        assert_eq!(oidc.client_secret, ClientSecretSource::File("/run/secrets/oidc".into()));
        assert!(oidc.create_users && oidc.trust_second_factor && oidc.follow_groups);
    }

    #[test]
    fn every_problem_is_told() {
        let text = "[oidc]\nname = \"x\"\nadmin_group = \"a\"\ncreate_users = \"maybe\"\nclient_secret = \"hunter2\"\nscopes = 5\n";
        let told = load_text(text).unwrap_err().to_string();
        for expected in [
            "oidc.issuer: missing",
            "oidc.client_id: missing",
            "portcullis.toml:3: oidc.admin_group: needs groups_claim",
            "portcullis.toml:4: oidc.create_users: \"maybe\" is neither true nor false",
            "portcullis.toml:5: oidc.client_secret: unknown setting",
            "client_secret_file or PORTCULLIS_OIDC_CLIENT_SECRET",
            "portcullis.toml:6: oidc.scopes: expected",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in\n{told}");
        }
        assert!(!told.contains("hunter2"));
        assert!(load_text("oidc = \"x\"").unwrap_err().to_string().contains("oidc: expected a table"));
    }
}
