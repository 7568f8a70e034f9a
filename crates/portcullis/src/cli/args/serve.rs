//! The flags of `serve`, and of what is done to a stopped server.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, FromArgMatches, Subcommand, value_parser};

use crate::config::{FIELDS, Flags};

/// The flags of `serve`: made from the same table as environment and file.
#[derive(Debug)]
pub(crate) struct ServeArgs {
    pub(crate) config: Option<PathBuf>,
    pub(crate) flags: Flags,
}

impl Args for ServeArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("TOML file with these settings; names with _ instead of - [env: PORTCULLIS_CONFIG]");
        FIELDS.iter().fold(command.arg(config), |command, field| {
            let help = format!("{} [env: {}]", field.help, field.env());
            let flag = Arg::new(field.name).long(field.flag()).value_name(field.value).help(help);
            command.arg(if field.is_switch() {
                flag.num_args(0..=1).default_missing_value("true")
            } else {
                flag
            })
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |name| matches.get_one::<String>(name).cloned();
        let config = matches.get_one::<PathBuf>("config").cloned();
        Ok(Self {
            config: config.or_else(|| crate::config::env("PORTCULLIS_CONFIG").map(PathBuf::from)),
            flags: FIELDS.iter().filter_map(|field| Some((field.name, value(field.name)?))).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Seal every secret anew under a new master key
    Rotate {
        #[command(flatten)]
        data: DataArgs,
        /// Where to write the new key; put it in the old one's place afterwards
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
    },
}

/// The settings that offline commands share with `serve`.
#[derive(Args, Debug)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}
