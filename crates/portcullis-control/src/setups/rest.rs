//! Set-ups for keys that open the REST API.

use super::quote::{Curl, Shell};
use super::text::{Text, put};
use super::{Setup, SetupKind};

/// The set-ups for a REST key: `portcullis` (the command line) and `curl`. `bearer` is the whole token.
#[must_use]
pub fn for_rest(bearer: &str) -> Vec<Setup> {
    let setup = |tool, title, text: Text| Setup {
        tool,
        title,
        kind: SetupKind::Shell,
        file_name: None,
        text: text.into_inner(),
    };
    vec![
        setup("portcullis", "Portcullis command line", command_line(bearer)),
        setup("curl", "curl", curl(bearer)),
    ]
}

fn command_line(bearer: &str) -> Text {
    let mut out = Text::new();
    put!(out, "# The address of this server, as you reach it");
    put!(out, "export PORTCULLIS_SERVER=http://127.0.0.1:8080");
    put!(out, "export PORTCULLIS_API_KEY={}", Shell(bearer));
    put!(out, "portcullis storage list");
    out
}

fn curl(bearer: &str) -> Text {
    let mut out = Text::new();
    put!(out, "# The address of this server, as you reach it");
    put!(out, "PORTCULLIS_SERVER=http://127.0.0.1:8080");
    put!(
        out,
        "# The key comes through standard input: what a program is called with is seen by everybody on the machine"
    );
    put!(out, "curl -fsS -K - \"$PORTCULLIS_SERVER/api/v1/me\" <<'END'");
    put!(out, "header = \"Authorization: Bearer {}\"", Curl(bearer));
    put!(out, "END");
    out
}
