//! The header fields of a part.

/// The header fields of a part, in the order sent. A field that goes on over several lines is one line here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Names in lower case, values without the space around them.
    fields: Vec<(String, String)>,
}

impl Head {
    /// The fields in the lines of a head, with or without the empty line at its end; none if a line is no field.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut()?;
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':')?;
            let name = name.trim_end();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Self { fields })
    }

    /// The value of the first field of this name, which is given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How often there is a field of this name, which is given in lower case.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(known, _)| known == name).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_lines_that_go_on() {
        let head = Head::parse(
            "Content-Type: application/xop+xml;\r\n\tcharset=utf-8;\r\n  type=\"text/xml\"\r\nContent-ID:<a@b>\r\nx :\r\n\r\n",
        );
        let head = head.unwrap();
        assert_eq!(head.get("content-type"), Some("application/xop+xml; charset=utf-8; type=\"text/xml\""));
        assert_eq!((head.get("content-id"), head.get("x"), head.get("y")), (Some("<a@b>"), Some(""), None));
        assert_eq!((head.count("x"), head.count("y")), (1, 0));
        assert_eq!(Head::parse("\r\n"), Some(Head::default()));
        for wrong in ["a", " a: b", ": b", "a b: c", "a: b\r\nnonsense", "é: b"] {
            assert_eq!(Head::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_field_is_found(fields in proptest::collection::vec(("[a-z-]{1,9}", "[!-~é][ -~é]{0,20}[!-~é]"), 0..6)) {
            let text: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = Head::parse(&text).unwrap();
            for (name, _) in &fields {
                let first = fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
                prop_assert_eq!(head.get(name), first);
                prop_assert_eq!(head.count(name), fields.iter().filter(|(known, _)| known == name).count());
            }
        }
    }
}
