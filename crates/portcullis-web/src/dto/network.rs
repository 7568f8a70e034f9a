//! Networks: in as a text or with a note, out with a note.

use std::fmt;

use portcullis_control::NetworkDraft;
use portcullis_domain::Networks;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A network, alone or with a note.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(examples("203.0.113.0/24", json!({"network": "203.0.113.7", "note": "the office"})))]
pub(crate) enum NetworkIn {
    /// An address, a CIDR network, or a range `first-last`; IPv4 or IPv6.
    Alone(String),
    /// The same with a note.
    Noted(NotedNetwork),
}

/// A network with a note.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotedNetwork {
    /// An address, a CIDR network, or a range `first-last`; IPv4 or IPv6.
    #[schema(example = "203.0.113.0/24")]
    pub(crate) network: String,
    /// What it is, in a person's words; at most 200 characters.
    #[serde(default)]
    pub(crate) note: String,
}

impl<'de> Deserialize<'de> for NetworkIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NetworkIn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a network as text, or an object with network and note")
            }
            fn visit_str<E>(self, text: &str) -> Result<NetworkIn, E> {
                Ok(NetworkIn::Alone(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NetworkIn, A::Error> {
                NotedNetwork::deserialize(MapAccessDeserializer::new(map)).map(NetworkIn::Noted)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

pub(super) fn drafts(networks: Vec<NetworkIn>) -> Vec<NetworkDraft> {
    let draft = |network| match network {
        NetworkIn::Alone(network) => NetworkDraft { network, note: String::new() },
        NetworkIn::Noted(NotedNetwork { network, note }) => NetworkDraft { network, note },
    };
    networks.into_iter().map(draft).collect()
}

pub(super) fn noted(networks: &Networks) -> Vec<NotedNetwork> {
    let noted = |entry: &portcullis_domain::NetworkEntry| NotedNetwork {
        network: entry.network.to_string(),
        note: entry.note.clone(),
    };
    networks.entries().iter().map(noted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let read: Vec<NetworkIn> =
            serde_json::from_str(r#"["::1", {"network": "10.0.0.1", "note": "n"}, {"network": "x"}]"#)
                .unwrap();
        let told: Vec<_> = drafts(read).into_iter().map(|draft| (draft.network, draft.note)).collect();
        let wanted = [("::1", ""), ("10.0.0.1", "n"), ("x", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(told, wanted);
        for wrong in ["[1]", "[null]", r#"[{"net": "x"}]"#, r#"[{"network": "x", "more": 1}]"#, "[[]]"] {
            assert!(serde_json::from_str::<Vec<NetworkIn>>(wrong).is_err(), "{wrong}");
        }
    }
}
