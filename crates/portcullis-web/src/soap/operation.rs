//! What can be asked of this service.

use portcullis_domain::Action;

/// An operation, named by the one element in the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoapOperation {
    /// What is in a folder.
    ListFolder,
    /// What is at a path.
    Stat,
    /// The bytes of a file.
    GetFile,
    /// A file in one request.
    PutFile,
    /// Removes a file or a folder.
    Delete,
    /// Gives a file or a folder another path.
    Move,
    /// Makes a folder.
    MakeFolder,
    /// Begins a file that comes in several requests.
    BeginUpload,
    /// The next bytes of it.
    UploadPart,
    /// Asks what became of it.
    CompleteUpload,
    /// Gives it up.
    AbortUpload,
}

/// Every operation, for tests that go through all of them.
pub const SOAP_OPERATIONS: &[SoapOperation] = &SoapOperation::ALL;

impl SoapOperation {
    /// Every operation.
    pub const ALL: [Self; 11] = [
        Self::ListFolder,
        Self::Stat,
        Self::GetFile,
        Self::PutFile,
        Self::Delete,
        Self::Move,
        Self::MakeFolder,
        Self::BeginUpload,
        Self::UploadPart,
        Self::CompleteUpload,
        Self::AbortUpload,
    ];

    /// The local name of its element, in the namespace `urn:portcullis:files:1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListFolder => "ListFolder",
            Self::Stat => "Stat",
            Self::GetFile => "GetFile",
            Self::PutFile => "PutFile",
            Self::Delete => "Delete",
            Self::Move => "Move",
            Self::MakeFolder => "MakeFolder",
            Self::BeginUpload => "BeginUpload",
            Self::UploadPart => "UploadPart",
            Self::CompleteUpload => "CompleteUpload",
            Self::AbortUpload => "AbortUpload",
        }
    }

    /// The first right that it needs.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::ListFolder => Action::List,
            Self::Stat | Self::GetFile => Action::Get,
            Self::Delete | Self::Move => Action::Delete,
            Self::PutFile
            | Self::MakeFolder
            | Self::BeginUpload
            | Self::UploadPart
            | Self::CompleteUpload
            | Self::AbortUpload => Action::Put,
        }
    }

    /// The operation of this name; none if there is none.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described() {
        let description = include_str!("files.wsdl");
        for operation in SoapOperation::ALL {
            let name = operation.name();
            assert_eq!(SoapOperation::of(name), Some(operation));
            let described = description.matches(&format!("<wsdl:operation name=\"{name}\">")).count();
            assert_eq!(described, 3, "{name}: in the port type and both bindings");
        }
        let described = description.matches("<wsdl:operation ").count();
        assert_eq!(described, 3 * SoapOperation::ALL.len());
    }
}
