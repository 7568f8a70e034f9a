//! When jobs run by themselves.

use cronexpr::{Crontab, MakeTimestamp};
use portcullis_domain::Timestamp;

use super::ScheduleDraft;
use crate::check::Check;
use crate::{Control, Result};

/// What a schedule looks like, for whoever has written one that is none.
const EXAMPLE: &str = "minute, hour, day of the month, month and day of the week, as 15 3 * * * for a quarter past three \
                       every night, or 0 */6 * * 1-5 for every six hours from Monday to Friday";
/// The longest text that is looked at.
const LONGEST: usize = 200;
/// The most moments that are told in advance.
const MOST: usize = 20;

/// Moments that come again and again.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// As it was written, with single spaces.
    pub(crate) cron: String,
    /// The time zone.
    pub(crate) zone: String,
    times: Crontab,
}

impl Schedule {
    /// Reads a schedule that was checked before; none if it can no longer be read.
    pub(crate) fn stored(cron: &str, zone: &str) -> Option<Self> {
        let times = cronexpr::parse_crontab(&format!("{cron} {zone}")).ok()?;
        Some(Self { cron: cron.to_owned(), zone: zone.to_owned(), times })
    }

    /// Reads a schedule as somebody typed it.
    pub(crate) fn read(draft: &ScheduleDraft, now: Timestamp, check: &mut Check) -> Option<Self> {
        let zone = draft.zone.as_deref().map_or("UTC", str::trim);
        let zone = if zone.is_empty() { "UTC" } else { zone };
        if draft.cron.len() > LONGEST || zone.len() > LONGEST {
            check.problem("schedule.cron", format!("too long: {EXAMPLE}"));
            return None;
        }
        let known = !zone.contains(char::is_whitespace)
            && cronexpr::parse_crontab(&format!("* * * * * {zone}")).is_ok();
        if !known {
            check.problem("schedule.zone", "no time zone of this name: as Europe/Vienna, or UTC");
        }
        let fields: Vec<_> = draft.cron.split_whitespace().collect();
        if fields.len() != 5 {
            check
                .problem("schedule.cron", format!("five fields are needed, not {}: {EXAMPLE}", fields.len()));
            return None;
        }
        let (cron, zone) = (fields.join(" "), if known { zone } else { "UTC" });
        let times = match cronexpr::parse_crontab(&format!("{cron} {zone}")) {
            Ok(times) => times,
            Err(error) => {
                let said = error.to_string();
                let reason = said.rsplit_once("^ ").map_or(said.as_str(), |(_, reason)| reason);
                check.problem("schedule.cron", format!("{reason}: {EXAMPLE}"));
                return None;
            }
        };
        let schedule = Self { cron, zone: zone.to_owned(), times };
        if schedule.next(now).is_none() {
            check.problem("schedule.cron", format!("such a day does not come within four years: {EXAMPLE}"));
            return None;
        }
        known.then_some(schedule)
    }

    /// The first moment after this one; none if there is none within years.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = MakeTimestamp::from_microsecond(after.micros()).ok()?;
        let next = self.times.find_next(after).ok()?;
        Some(Timestamp::from_micros(next.timestamp().as_microsecond()))
    }
}

impl Control {
    /// The next moments at which a job with this schedule would run, at most 20.
    ///
    /// # Errors
    /// [`ControlError::Invalid`](crate::ControlError::Invalid) naming `schedule.cron` or `schedule.zone`.
    pub fn next_times(&self, draft: &ScheduleDraft, count: usize) -> Result<Vec<Timestamp>> {
        let (mut check, now) = (Check::default(), self.access.now());
        let schedule = Schedule::read(draft, now, &mut check);
        let schedule = check.finish(schedule)?;
        let times = std::iter::successors(schedule.next(now), |last| schedule.next(*last));
        Ok(times.take(count.min(MOST)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControlError;

    fn read(cron: &str, zone: Option<&str>) -> Result<Schedule> {
        let mut check = Check::default();
        let draft = ScheduleDraft { cron: cron.to_owned(), zone: zone.map(str::to_owned) };
        let read = Schedule::read(&draft, at("2027-01-31T18:00:00Z"), &mut check);
        check.finish(read)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_follow_the_zone() {
        let nightly = read(" 15  3 * * * ", Some("Europe/Vienna")).unwrap();
        assert_eq!((nightly.cron.as_str(), nightly.zone.as_str()), ("15 3 * * *", "Europe/Vienna"));
        assert_eq!(nightly.next(at("2027-01-31T18:00:00Z")), Some(at("2027-02-01T02:15:00Z")));
        // In summer it is an hour earlier by universal time.
        assert_eq!(nightly.next(at("2027-07-01T18:00:00Z")), Some(at("2027-07-02T01:15:00Z")));
        assert_eq!(read("0 0 * * *", None).unwrap().zone, "UTC");
        // The hour that a spring night does not have comes all the same, once.
        let missing = read("30 2 * * *", Some("Europe/Vienna")).unwrap();
        let next = missing.next(at("2027-03-27T12:00:00Z")).unwrap();
        assert!(next > at("2027-03-27T12:00:00Z") && next <= at("2027-03-29T00:30:00Z"), "{next}");
        let stored = Schedule::stored(&nightly.cron, &nightly.zone).unwrap();
        assert_eq!(stored.next(at("2027-01-31T18:00:00Z")), Some(at("2027-02-01T02:15:00Z")));
    }

    #[test]
    fn what_is_none_is_refused_with_an_example() {
        for (cron, zone, field, word) in [
            ("", None, "schedule.cron", "five fields are needed, not 0"),
            ("@daily", None, "schedule.cron", "not 1"),
            ("* * * *", None, "schedule.cron", "not 4"),
            ("0 0 * * * UTC", None, "schedule.cron", "not 6"),
            ("61 0 * * *", None, "schedule.cron", "61"),
            ("a b c d e", None, "schedule.cron", "15 3 * * *"),
            ("0 0 30 2 *", None, "schedule.cron", "does not come"),
            ("0 0 * * *", Some("Mars/Olympus"), "schedule.zone", "Europe/Vienna"),
            ("0 0 * * *", Some("UTC UTC"), "schedule.zone", "Europe/Vienna"),
        ] {
            let Err(ControlError::Invalid(problems)) = read(cron, zone) else { panic!("{cron} accepted") };
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].field, field, "{cron}");
            assert!(problems[0].message.contains(word), "{cron}: {}", problems[0].message);
            assert!(!problems[0].message.contains('\n'));
        }
        assert!(read(&"1,".repeat(500), None).is_err());
        let Err(ControlError::Invalid(both)) = read("1 2", Some("Nowhere")) else { panic!("accepted") };
        assert_eq!(both.len(), 2);
    }
}
