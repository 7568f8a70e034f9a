//! The little that is read of CBOR (RFC 8949).

use ciborium::Value;

use super::PasskeyError;

/// Nothing that is read here is nested deeper than attestation statements are.
const DEEPEST: usize = 8;

/// The first value in these bytes, and how many of them it takes.
pub(super) fn first(bytes: &[u8]) -> Result<(Map, usize), PasskeyError> {
    let mut rest = bytes;
    let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST)
        .map_err(|_| PasskeyError::Malformed("not CBOR"))?;
    let Value::Map(entries) = value else { return Err(PasskeyError::Malformed("not a CBOR map")) };
    Ok((Map(entries), bytes.len() - rest.len()))
}

/// All of these bytes.
pub(super) fn whole(bytes: &[u8]) -> Result<Map, PasskeyError> {
    let (map, taken) = first(bytes)?;
    if taken == bytes.len() { Ok(map) } else { Err(PasskeyError::Malformed("bytes after the CBOR")) }
}

pub(super) struct Map(Vec<(Value, Value)>);

impl Map {
    /// What stands under a name. A name that stands there twice stands for nothing: readers would differ.
    pub(super) fn take(&mut self, name: impl Into<Value>) -> Option<Value> {
        let name = name.into();
        let at = self.0.iter().position(|(key, _)| *key == name)?;
        let (_, value) = self.0.swap_remove(at);
        if self.0.iter().any(|(key, _)| *key == name) { None } else { Some(value) }
    }

    pub(super) fn bytes(&mut self, name: impl Into<Value>) -> Option<Vec<u8>> {
        self.take(name)?.into_bytes().ok()
    }

    pub(super) fn text(&mut self, name: impl Into<Value>) -> Option<String> {
        self.take(name)?.into_text().ok()
    }

    pub(super) fn integer(&mut self, name: impl Into<Value>) -> Option<i64> {
        i64::try_from(self.take(name)?.into_integer().ok()?).ok()
    }

    pub(super) fn map(&mut self, name: impl Into<Value>) -> Option<Self> {
        self.take(name)?.into_map().ok().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
