//! What advice is made of.

use std::time::Duration;

use portcullis_domain::{Permission, Timestamp, UnknownWord};
use portcullis_metadata::Breadth;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? } $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord { expected: $expected }) }
            }
        }
    };
}

words! {
    /// What of a key advice would change.
    AdviceWhat {
        /// What it allows: it never did the rest.
        Permission = "permission",
        /// Where it may be used from: it was seen from there only.
        Networks = "networks",
        /// Which part of the storage it reaches: it worked there only.
        Prefix = "prefix",
        /// Switch it off: nobody used it.
        Disable = "disable",
    }
    "permission, networks, prefix, disable"
}

words! {
    /// How far the use that was seen speaks for the use to come.
    Confidence {
        /// Seen for a short time, or on a few days.
        Low = "low",
        /// Seen for two weeks or more, on several days; unused for two months.
        Medium = "medium",
        /// Seen for four weeks or more, on many days; unused for three months.
        High = "high",
    }
    "low, medium, high"
}

words! {
    /// Why there is no advice on something, although use was looked at.
    WithheldBecause {
        /// The key, or the counting of its use, has not been there for long enough.
        TooNew = "too_new",
        /// There was more than is told apart.
        NotToldApart = "not_told_apart",
        /// It was used from several networks.
        ManyNetworks = "many_networks",
        /// It worked in several folders, or in the storage as a whole.
        ManyFolders = "many_folders",
        /// It did everything that it may.
        AllNeeded = "all_needed",
    }
    "too_new, not_told_apart, many_networks, many_folders, all_needed"
}

impl WithheldBecause {
    /// The reason in words.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::TooNew => "the key, or the counting of its use, is too new to conclude anything",
            Self::NotToldApart => {
                "there was more than is told apart, so nothing can be concluded from what is missing"
            }
            Self::ManyNetworks => "it was used from several networks",
            Self::ManyFolders => "it worked in several folders, or in the storage as a whole",
            Self::AllNeeded => "it did everything that it may do",
        }
    }
}

/// How far back use is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdviceWindow {
    /// 30 days.
    #[default]
    Month,
    /// 90 days: all that is kept.
    Quarter,
}

impl AdviceWindow {
    /// How many days it is.
    #[must_use]
    pub const fn days(self) -> u32 {
        match self {
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// How long it is.
    #[must_use]
    pub fn span(self) -> Duration {
        Duration::from_secs(u64::from(self.days()) * super::DAY)
    }
}

/// From its number of days.
impl std::str::FromStr for AdviceWindow {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "30" => Ok(Self::Month),
            "90" => Ok(Self::Quarter),
            _ => Err(UnknownWord { expected: "30, 90" }),
        }
    }
}

/// What a key could be narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What of it.
    pub what: AdviceWhat,
    /// How wide it would be then.
    pub after: Breadth,
    /// Since when its use was looked at.
    pub since: Timestamp,
    /// On how many days since then it was used.
    pub days_used: u32,
    /// How many requests since then it rests on.
    pub requests: u64,
    /// How far that goes.
    pub confidence: Confidence,
    /// What would have been refused of all the use that is kept, if it had been in force then.
    pub would_refuse: WouldRefuse,
}

impl Advice {
    /// What was seen, in words.
    #[must_use]
    pub const fn explanation(&self) -> &'static str {
        match (self.what, self.after.permission) {
            (AdviceWhat::Permission, Permission::Read) => "it never wrote or deleted",
            (AdviceWhat::Permission, Permission::Write) => {
                "it only uploaded, and never read, listed or deleted"
            }
            (AdviceWhat::Permission, _) => "it never administered",
            (AdviceWhat::Networks, _) => "it was seen from there only",
            (AdviceWhat::Prefix, _) => "it worked in this folder only",
            (AdviceWhat::Disable, _) => "nobody used it",
        }
    }
}

/// Requests that advice would have refused. None of them is from the time that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldRefuse {
    /// How many.
    pub requests: u64,
    /// Whether it may have been fewer: some stand together with others in what is kept.
    pub at_most: bool,
    /// The latest of them, ten at most.
    pub examples: Vec<Refusable>,
}

/// Requests that advice would have refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusable {
    /// What was done; none where only folders are known.
    pub what: Option<String>,
    /// From which network, or in which folder.
    pub place: String,
    /// How many.
    pub requests: u64,
    /// When the last; to the day where only folders are known.
    pub last: Timestamp,
}

/// That there is no advice on something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// On what.
    pub what: AdviceWhat,
    /// Why not.
    pub because: WithheldBecause,
}

/// What there is to say of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advised {
    /// What it could be narrowed to. Each piece of advice holds by itself, and together with the others.
    pub advice: Vec<Advice>,
    /// On what there is none, and why.
    pub withheld: Vec<Withheld>,
}
