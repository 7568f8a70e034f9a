//! What may be said of oneself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Who signs in
    #[arg(long, default_value = "admin")]
    pub(crate) username: String,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    #[command(flatten)]
    pub(crate) otp: OtpArgs,
}

/// Where a password comes from.
#[derive(Args, Debug)]
pub(crate) struct PasswordArgs {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Read the password from this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct OtpArgs {
    /// The code that the authenticator app shows, or a recovery code; asked for if it is needed
    #[arg(long, value_name = "CODE")]
    pub(crate) otp: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct JoinArgs {
    /// Where the link or the code of the invitation is: a file; asked for, or the first line of standard input, if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) invitation_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List your sign-ins
    List,
    /// End one of your sign-ins
    End {
        /// Its id
        session: String,
    },
    /// Prove again who you are: dangerous acts are possible for ten minutes afterwards
    Confirm {
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        otp: OtpArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MeCommand {
    /// Who the credentials belong to
    Show,
    /// The storages that you may enter
    Storages,
    /// Change your password; your other sign-ins end. Asks for the present one and the new one
    Password {
        /// Read the present password and, in the next line, the new one from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set up an authenticator app as second factor: shows its secret and asks for the first code
    Totp,
    /// Take the authenticator app away
    RemoveTotp,
    /// Make new recovery codes; the old ones end
    RecoveryCodes,
    /// List your passkeys
    Passkeys,
    /// Take a passkey away
    RemovePasskey {
        /// Its id or name
        passkey: String,
    },
}
