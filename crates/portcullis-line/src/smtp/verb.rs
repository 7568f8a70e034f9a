//! What clients ask for.

use std::fmt;

/// A verb that this server knows, and answers with something else than that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Turns the direction of delivery (RFC 2645); refused.
    Atrn,
    /// Says who it is (RFC 4954).
    Auth,
    /// A message in pieces (RFC 3030); refused.
    Bdat,
    /// A message from elsewhere (RFC 4468); refused.
    Burl,
    /// The message follows.
    Data,
    /// Greets, and asks what is spoken here.
    Ehlo,
    /// Asks for what waits (RFC 1985); refused.
    Etrn,
    /// Who is on a list; refused.
    Expn,
    /// Greets.
    Helo,
    /// What this is.
    Help,
    /// Who sends; begins a message.
    Mail,
    /// Nothing.
    Noop,
    /// Goodbye.
    Quit,
    /// To whom; names the folder.
    Rcpt,
    /// Forgets the message begun.
    Rset,
    /// Changes to TLS (RFC 3207).
    Starttls,
    /// Whether somebody is known; neither yes nor no.
    Vrfy,
}

impl Verb {
    /// Every verb, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Atrn,
        Self::Auth,
        Self::Bdat,
        Self::Burl,
        Self::Data,
        Self::Ehlo,
        Self::Etrn,
        Self::Expn,
        Self::Helo,
        Self::Help,
        Self::Mail,
        Self::Noop,
        Self::Quit,
        Self::Rcpt,
        Self::Rset,
        Self::Starttls,
        Self::Vrfy,
    ];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Atrn => "ATRN",
            Self::Auth => "AUTH",
            Self::Bdat => "BDAT",
            Self::Burl => "BURL",
            Self::Data => "DATA",
            Self::Ehlo => "EHLO",
            Self::Etrn => "ETRN",
            Self::Expn => "EXPN",
            Self::Helo => "HELO",
            Self::Help => "HELP",
            Self::Mail => "MAIL",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Rcpt => "RCPT",
            Self::Rset => "RSET",
            Self::Starttls => "STARTTLS",
            Self::Vrfy => "VRFY",
        }
    }

    /// Whether it is answered before TLS (RFC 3207 section 4); all else is told to begin TLS first.
    #[must_use]
    pub const fn is_for_clear(self) -> bool {
        matches!(
            self,
            Self::Ehlo | Self::Helo | Self::Help | Self::Noop | Self::Quit | Self::Rset | Self::Starttls
        )
    }

    /// Whether it is answered to somebody who has not said who they are; all else is told to say that first.
    #[must_use]
    pub const fn is_for_strangers(self) -> bool {
        self.is_for_clear() || matches!(self, Self::Auth)
    }

    /// Whether nothing follows it on its line.
    pub(super) const fn is_alone(self) -> bool {
        matches!(self, Self::Data | Self::Quit | Self::Rset | Self::Starttls)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
