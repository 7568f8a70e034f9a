//! The terms of credentials: what they allow, from where, until when.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_control::networks::{self, Reading};
use portcullis_control::{Preset, presets};
use portcullis_domain::{OnLeak, Overwrite, Permission, Timestamp};

use super::super::fields::{Faults, Fields};
use super::super::labels;
use super::super::words;
use super::ListText;
use super::list_text::{faults as list_faults, put_right, with_own};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest list that the address of a page carries, in characters and in bytes of the address. A longer one is for the editor
/// of the connection.
const MAX_LIST: usize = 2_000;
const MAX_ENCODED: usize = 8_000;
/// A day further away is as good as never, and more likely a slip of the finger.
const MAX_DAYS: u32 = 100 * 366;

/// Ends to choose from, in days.
const PERIODS: [u32; 3] = [30, 90, 365];

/// The terms as somebody filled them in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Terms {
    /// The id of the starting point that was used; may be empty.
    pub(in super::super) preset: String,
    pub(in super::super) permission: String,
    /// Whether uploads leave what is there in place.
    pub(in super::super) create_only: bool,
    /// Whether a report that the secret was found only raises an alarm.
    pub(in super::super) alarm: bool,
    pub(in super::super) networks: String,
    /// Empty for never, a number of days, or `date`.
    pub(in super::super) expires: String,
    /// The last day, as `2027-01-31`.
    pub(in super::super) expires_on: String,
}

/// Terms that can be kept.
#[derive(Clone, Debug)]
pub(in super::super) struct Agreed {
    pub(in super::super) permission: Permission,
    pub(in super::super) overwrite: Option<Overwrite>,
    /// What a report that the secret was found does; none for the rule.
    pub(in super::super) on_leak: Option<OnLeak>,
    pub(in super::super) reading: Reading,
    pub(in super::super) expires: Option<Timestamp>,
    /// Whether the key keeps the list itself, although its connection has it.
    pub(in super::super) own_networks: bool,
}

impl Terms {
    /// Reads them from a form or an address.
    pub(in super::super) fn of(fields: &Fields) -> Self {
        let text = |name: &str, most: usize| fields.get(name).chars().take(most).collect::<String>();
        Self {
            preset: text("preset", 40),
            permission: text("permission", 20),
            create_only: fields.has("create_only"),
            alarm: fields.has("alarm"),
            networks: text("networks", MAX_LIST + 1),
            expires: text("expires", 20),
            expires_on: text("expires_on", 20).trim().to_owned(),
        }
    }

    /// Does what a button of the form asks for, and says whether one did.
    pub(in super::super) fn apply(&mut self, fields: &Fields, own: IpAddr) -> Option<Done> {
        if let Some(preset) = presets().iter().find(|preset| preset.id == fields.get("use")) {
            self.preset = preset.id.to_owned();
            self.permission = preset.permission.as_str().to_owned();
            self.create_only = preset.overwrite == Some(Overwrite::CreateOnly);
            self.expires = preset.expires_after_days.map(|days| days.to_string()).unwrap_or_default();
            return Some(Done::Preset);
        }
        if fields.get("op") == "mine" {
            self.networks = with_own(&self.networks, own);
            return Some(Done::Networks);
        }
        let at = fields.get("fix").parse().ok()?;
        self.networks = put_right(&self.networks, at);
        Some(Done::Networks)
    }

    /// The starting point that was used.
    pub(in super::super) fn preset(&self) -> Option<&'static Preset> {
        presets().iter().find(|preset| preset.id == self.preset)
    }

    /// Name and value of every field that was filled in.
    pub(in super::super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ticked = |on: bool| if on { "on" } else { "" };
        [
            ("preset", self.preset.as_str()),
            ("permission", &self.permission),
            ("create_only", ticked(self.create_only)),
            ("alarm", ticked(self.alarm)),
            ("networks", &self.networks),
            ("expires", &self.expires),
            ("expires_on", &self.expires_on),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    }

    /// What the list of networks says.
    pub(in super::super) fn list(&self, own: IpAddr) -> ListText {
        ListText::of(&networks::read(&self.networks), own)
    }

    /// Permissions to choose from: value, name, what it means, the name of a symbol.
    pub(in super::super) fn permissions(
        &self,
    ) -> [(Permission, &'static str, &'static str, &'static str); 3] {
        let [read, write, both] = [Permission::Read, Permission::Write, Permission::ReadWrite];
        [
            (read, labels::permission(read), words::text("rights.read.detail"), "eye"),
            (write, labels::permission(write), words::text("rights.write.detail"), "upload"),
            (both, labels::permission(both), words::text("rights.read_write.detail"), "arrow-up-down"),
        ]
    }

    /// Ends to choose from: value and name.
    pub(in super::super) fn ends(&self) -> Vec<(String, String)> {
        let period = |days: u32| (days.to_string(), words::count("terms.expires.days", u64::from(days)));
        let never = (String::new(), words::text("terms.expires.never").to_owned());
        let date = ("date".to_owned(), words::text("terms.expires.date").to_owned());
        [never].into_iter().chain(PERIODS.map(period)).chain([date]).collect()
    }

    /// The terms, if they can be kept; otherwise what is wrong is noted.
    pub(in super::super) fn check(&self, now: Timestamp, faults: &mut Faults) -> Option<Agreed> {
        let permission = match self.permission.as_str() {
            "read" => Some(Permission::Read),
            "write" => Some(Permission::Write),
            "read_write" => Some(Permission::ReadWrite),
            _ => {
                faults.add("permission", words::text("terms.permission.missing"));
                None
            }
        };
        let reading = self.check_networks(faults);
        let expires = self.check_end(now, faults);
        let permission = permission?;
        let overwrite =
            (self.create_only && permission == Permission::Write).then_some(Overwrite::CreateOnly);
        let on_leak = self.alarm.then_some(OnLeak::Alarm);
        let (reading, expires) = (reading?, expires?);
        Some(Agreed { permission, overwrite, on_leak, reading, expires, own_networks: false })
    }

    fn check_networks(&self, faults: &mut Faults) -> Option<Reading> {
        let encoded: usize = form_urlencoded::byte_serialize(self.networks.as_bytes()).map(str::len).sum();
        if self.networks.chars().count() > MAX_LIST || encoded > MAX_ENCODED {
            faults.add("networks", words::text("terms.networks.long"));
            return None;
        }
        let reading = networks::read(&self.networks);
        for message in list_faults(&reading) {
            faults.add("networks", message);
        }
        Some(reading).filter(Reading::is_clean)
    }

    /// `Some(None)` is never.
    #[expect(
        clippy::option_option,
        reason = "that there is no end, and that the end cannot be read, are two things"
    )]
    fn check_end(&self, now: Timestamp, faults: &mut Faults) -> Option<Option<Timestamp>> {
        if self.expires.is_empty() {
            return Some(None);
        }
        if self.expires == "date" {
            return self.check_day(now, faults).map(Some);
        }
        let days = self.expires.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
        let Some(days) = days else {
            faults.add("expires", words::text("terms.expires.unknown"));
            return None;
        };
        Some(Some(now.after(DAY * days)))
    }

    /// The end of the last day, in UTC.
    fn check_day(&self, now: Timestamp, faults: &mut Faults) -> Option<Timestamp> {
        let midnight = format!("{}T00:00:00Z", self.expires_on).parse::<Timestamp>();
        let wrong = match midnight {
            Err(_) if self.expires_on.is_empty() => "terms.expires.empty",
            Err(_) => "terms.expires.form",
            Ok(day) if day.after(DAY) <= now => "terms.expires.past",
            Ok(day) if day > now.after(DAY * MAX_DAYS) => "terms.expires.far",
            Ok(day) => return Some(day.after(DAY)),
        };
        faults.add("expires_on", words::text(wrong));
        None
    }
}

/// What a button did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Done {
    /// A starting point was taken.
    Preset,
    /// The list of networks was changed.
    Networks,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 61));

    fn terms(form: &str) -> Terms {
        Terms::of(&Fields::parse(form.as_bytes()))
    }

    fn check(form: &str) -> Result<Agreed, Vec<String>> {
        let now = "2027-01-31T18:00:00Z".parse().unwrap();
        let mut faults = Faults::default();
        let agreed = terms(form).check(now, &mut faults);
        agreed.ok_or_else(|| faults.iter().map(|fault| fault.field.clone()).collect())
    }

    #[test]
    fn ends() {
        let end = |form: &str| check(&format!("permission=read&{form}")).map(|agreed| agreed.expires);
        assert_eq!(end(""), Ok(None));
        assert_eq!(end("expires=30"), Ok(Some("2027-03-02T18:00:00Z".parse().unwrap())));
        // The whole of the day counts, today too.
        assert_eq!(
            end("expires=date&expires_on=2027-01-31"),
            Ok(Some("2027-02-01T00:00:00Z".parse().unwrap()))
        );
        for wrong in ["2027-01-30", "2027-02-30", "31.01.2028", "", "9999-12-31", "2027-01-31T10:00:00Z"] {
            assert_eq!(
                end(&format!("expires=date&expires_on={wrong}")),
                Err(vec!["expires_on".to_owned()]),
                "{wrong}"
            );
        }
        for wrong in ["soon", "0", "-1", "99999999999", "40000"] {
            assert_eq!(end(&format!("expires={wrong}")), Err(vec!["expires".to_owned()]), "{wrong}");
        }
    }

    #[test]
    fn every_fault_is_named() {
        let form = "permission=full&networks=203.0.113,nas.example&expires=date&expires_on=never";
        assert_eq!(check(form).unwrap_err(), ["permission", "networks", "networks", "expires_on"]);
        assert_eq!(check("").unwrap_err(), ["permission"]);
        let long = format!("permission=read&networks={}", "10.0.0.1+".repeat(1_000));
        assert_eq!(check(&long).unwrap_err(), ["networks"]);
        let wide = format!("permission=read&networks=10.0.0.1%20%23{}", "%F0%9F%90%8B".repeat(1_500));
        assert_eq!(check(&wide).unwrap_err(), ["networks"]);
    }

    #[test]
    fn a_drop_box_is_for_those_who_only_write() {
        assert_eq!(check("permission=write&create_only=on").unwrap().overwrite, Some(Overwrite::CreateOnly));
        assert_eq!(check("permission=read_write&create_only=on").unwrap().overwrite, None);
    }

    #[test]
    fn every_starting_point_fills_in_what_can_be_kept() {
        for preset in presets() {
            let mut terms = terms("networks=10.0.0.1");
            let done = terms.apply(&Fields::parse(format!("use={}", preset.id).as_bytes()), OWN);
            assert_eq!(done, Some(Done::Preset));
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(terms.pairs()).finish();
            let agreed = check(&form).unwrap();
            assert_eq!(
                (agreed.permission, agreed.overwrite),
                (preset.permission, preset.overwrite),
                "{}",
                preset.id
            );
            // What it fills in is among what can be chosen.
            assert!(terms.ends().iter().any(|(value, _)| *value == terms.expires), "{}", preset.id);
            assert_eq!(self::terms(&form), terms);
        }
    }

    #[test]
    fn buttons_that_ask_for_nothing_do_nothing() {
        for form in ["", "use=nobody", "op=all", "fix=", "fix=-1"] {
            let mut changed = terms("networks=10.0.0.1");
            assert_eq!(changed.apply(&Fields::parse(form.as_bytes()), OWN), None, "{form}");
            assert_eq!(changed, terms("networks=10.0.0.1"));
        }
    }
}
