//! Users whom an identity provider knows.

use portcullis_domain::{SiteId, UserId};
use portcullis_metadata::{MetadataErrorKind, NewUser};

use crate::world::{World, new_user};

pub(crate) async fn a_user_is_made_with_their_identity(world: &World) {
    const ADA: &str = "https://id.example\nada-1";
    let (metadata, site, admin) = world.home().await;
    let new = |name: &str| NewUser { password_phc: None, ..new_user(site.id, name) };
    let ada = metadata.create_external_user(new("ada"), ADA).await.unwrap();
    assert_eq!(metadata.user_by_external(ADA).await.unwrap(), Some(ada.clone()));
    assert_eq!(metadata.external_of(ada.id).await.unwrap().as_deref(), Some(ADA));
    assert_eq!(metadata.external_of(admin.id).await.unwrap(), None);
    assert_eq!(metadata.external_of(UserId::generate()).await.unwrap(), None);
    assert_eq!(metadata.login_of(ada.id).await.unwrap().unwrap().password_phc, None);
    // Both or neither.
    let twice = metadata.create_external_user(new("another"), ADA).await.unwrap_err();
    assert_eq!(twice.kind, MetadataErrorKind::Conflict("external"));
    let taken = metadata.create_external_user(new("ada"), "https://id.example\neve-1").await.unwrap_err();
    assert_eq!(taken.kind, MetadataErrorKind::Conflict("username"));
    let nowhere = NewUser { site: SiteId::generate(), ..new("nobody") };
    let nowhere = metadata.create_external_user(nowhere, "https://id.example\neve-1").await.unwrap_err();
    assert_eq!(nowhere.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.users(site.id).await.unwrap(), [admin, ada]);
    assert_eq!(metadata.user_by_external("https://id.example\neve-1").await.unwrap(), None);
}
