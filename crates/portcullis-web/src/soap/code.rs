//! The codes of faults.

/// What went wrong. The names are part of the description of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidRequest,
    UnknownOperation,
    MustUnderstand,
    VersionMismatch,
    RequestTooLarge,
    AuthenticationFailed,
    AccessDenied,
    NotFound,
    AlreadyExists,
    IsFolder,
    NotFolder,
    NotEmpty,
    ParentMissing,
    InvalidPath,
    NameReserved,
    TooMany,
    Changed,
    TooLarge,
    Full,
    InvalidOffset,
    Mismatch,
    Broken,
    Archived,
    Unsupported,
    Throttled,
    Locked,
    Unavailable,
}

impl Code {
    #[cfg(test)]
    const ALL: [Self; 27] = [
        Self::InvalidRequest,
        Self::UnknownOperation,
        Self::MustUnderstand,
        Self::VersionMismatch,
        Self::RequestTooLarge,
        Self::AuthenticationFailed,
        Self::AccessDenied,
        Self::NotFound,
        Self::AlreadyExists,
        Self::IsFolder,
        Self::NotFolder,
        Self::NotEmpty,
        Self::ParentMissing,
        Self::InvalidPath,
        Self::NameReserved,
        Self::TooMany,
        Self::Changed,
        Self::TooLarge,
        Self::Full,
        Self::InvalidOffset,
        Self::Mismatch,
        Self::Broken,
        Self::Archived,
        Self::Unsupported,
        Self::Throttled,
        Self::Locked,
        Self::Unavailable,
    ];

    /// The name that it is told by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequest",
            Self::UnknownOperation => "UnknownOperation",
            Self::MustUnderstand => "MustUnderstand",
            Self::VersionMismatch => "VersionMismatch",
            Self::RequestTooLarge => "RequestTooLarge",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::AccessDenied => "AccessDenied",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::IsFolder => "IsFolder",
            Self::NotFolder => "NotFolder",
            Self::NotEmpty => "NotEmpty",
            Self::ParentMissing => "ParentMissing",
            Self::InvalidPath => "InvalidPath",
            Self::NameReserved => "NameReserved",
            Self::TooMany => "TooMany",
            Self::Changed => "Changed",
            Self::TooLarge => "TooLarge",
            Self::Full => "Full",
            Self::InvalidOffset => "InvalidOffset",
            Self::Mismatch => "Mismatch",
            Self::Broken => "Broken",
            Self::Archived => "Archived",
            Self::Unsupported => "Unsupported",
            Self::Throttled => "Throttled",
            Self::Locked => "Locked",
            Self::Unavailable => "Unavailable",
        }
    }

    /// The code of the envelope: whose turn it is to do something about it.
    pub(super) const fn class(self) -> Class {
        match self {
            Self::MustUnderstand => Class::MustUnderstand,
            Self::VersionMismatch => Class::VersionMismatch,
            Self::Full | Self::Throttled | Self::Unavailable => Class::Receiver,
            Self::InvalidRequest
            | Self::UnknownOperation
            | Self::RequestTooLarge
            | Self::AuthenticationFailed
            | Self::AccessDenied
            | Self::NotFound
            | Self::AlreadyExists
            | Self::IsFolder
            | Self::NotFolder
            | Self::NotEmpty
            | Self::ParentMissing
            | Self::InvalidPath
            | Self::NameReserved
            | Self::TooMany
            | Self::Changed
            | Self::TooLarge
            | Self::InvalidOffset
            | Self::Mismatch
            | Self::Broken
            | Self::Archived
            | Self::Unsupported
            | Self::Locked => Class::Sender,
        }
    }
}

/// The codes that SOAP itself knows (SOAP 1.1 section 4.4.1, SOAP 1.2 part 1 section 5.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Sender,
    Receiver,
    MustUnderstand,
    VersionMismatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_described() {
        let description = include_str!("files.wsdl");
        for code in Code::ALL {
            assert!(
                description.contains(&format!("<xsd:enumeration value=\"{}\"/>", code.name())),
                "{code:?}"
            );
        }
        assert_eq!(description.matches("<xsd:enumeration").count(), Code::ALL.len());
    }
}
