//! The bucket name of a storage that does not exist yet.

use portcullis_access::SiteAdmin;
use portcullis_domain::{BucketName, DisplayName, Label};

use crate::check::Check;
use crate::{Control, ControlError, Result};

/// The bucket name that a storage would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketNamePreview {
    /// The last part of the name.
    pub label: Label,
    /// Whether the label was made from the name because none was given.
    pub label_from_name: bool,
    /// The name as it would be if the storage were made at this moment. Whoever makes a storage before takes the number.
    pub bucket: BucketName,
    /// The name with `#####` in place of the number that is not known yet: `usr-10001-itm-#####-nas-backup`.
    pub pattern: String,
}

impl Control {
    /// The bucket name that a storage with this name and label would get. Without a label, or with an empty one, it is made from
    /// the name; nothing is made or taken.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name` or `label`, [`ControlError::Metadata`].
    pub async fn preview_bucket_name(
        &self,
        admin: &SiteAdmin,
        name: &str,
        label: Option<&str>,
    ) -> Result<BucketNamePreview> {
        let mut check = Check::default();
        let name: Option<DisplayName> = check.parse("name", name);
        let given = label.filter(|label| !label.is_empty());
        let read = match given {
            Some(label) => check.parse::<Label>("label", label),
            None => name.as_ref().map(Label::suggested_by),
        };
        let label = check.finish(read)?;
        let owner = self.owner_for(admin).await?;
        let owner = self.metadata.user(owner).await?.ok_or(ControlError::NotFound)?;
        let number = self.metadata.next_storage_number().await?;
        let bucket = BucketName::new(owner.number, number, &label);
        let pattern = format!("usr-{:05}-itm-#####-{label}", owner.number);
        Ok(BucketNamePreview { label, label_from_name: given.is_none(), bucket, pattern })
    }
}
