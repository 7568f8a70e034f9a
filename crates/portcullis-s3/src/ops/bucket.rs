//! Buckets: what there is to say of one, and the questions that tools ask before they begin.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use portcullis_access::{Get, GetOptions, StorageAccess};
use portcullis_sigv4::encode::encode_path;

use super::{owner_of, push_owner};
use crate::call::Call;
use crate::error::{Code, S3Error};
use crate::operation::Operation;
use crate::reply::{Reply, document, empty, set};
use crate::xml::Xml;

/// The region that S3 calls by no name.
const UNNAMED_REGION: &str = "us-east-1";
const MOST_BUCKETS: u32 = 10_000;

/// The storages that the key may enter, by bucket name.
pub(super) fn list_buckets(call: &Call<'_>) -> Result<Reply, S3Error> {
    let query = call.query;
    let most = usize::try_from(query.limit("max-buckets", MOST_BUCKETS)?).unwrap_or(0);
    if most == 0 {
        return Err(S3Error::argument("max-buckets", "max-buckets must be between 1 and 10000"));
    }
    let after = query.filled("continuation-token").map(open_token).transpose()?;
    let prefix = query.get("prefix").unwrap_or_default();
    let region = query.filled("bucket-region");
    let storages = call.door.access.visible_storages(&call.who).map_err(|error| call.error(error))?;
    let mut found = storages.iter().filter(|storage| {
        let name = storage.bucket.as_str();
        name.starts_with(prefix)
            && after.as_deref().is_none_or(|after| name > after)
            && region.is_none_or(|region| region == storage.connection.region)
    });
    let mut xml = Xml::begin(
        "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        256 + storages.len() * 160,
    );
    push_owner(&mut xml, "<Owner>", &hex::encode(call.who.site().as_bytes()), "</Owner>");
    xml.raw("<Buckets>");
    let mut last = None;
    for storage in found.by_ref().take(most) {
        xml.raw("<Bucket>");
        xml.text("Name", storage.bucket.as_str());
        xml.time("CreationDate", storage.created);
        xml.text("BucketRegion", &storage.connection.region);
        xml.raw("</Bucket>");
        last = Some(storage.bucket.as_str());
    }
    xml.raw("</Buckets>");
    if let (Some(last), Some(_)) = (last, found.next()) {
        xml.text("ContinuationToken", &URL_SAFE_NO_PAD.encode(last));
    }
    if !prefix.is_empty() {
        xml.text("Prefix", prefix);
    }
    Ok(document(xml.end("</ListAllMyBucketsResult>")))
}

fn open_token(token: &str) -> Result<String, S3Error> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| {
        S3Error::argument("continuation-token", "The continuation token provided is incorrect")
    })
}

/// Everything that is asked of a bucket itself. Whoever may not enter it gets no answer, whatever the question.
pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, S3Error> {
    let storage = call.storage().await.map_err(|error| match (call.operation, error.code) {
        // The same words whether there is such a bucket or not.
        (Operation::CreateBucket | Operation::DeleteBucket, Code::AccessDenied) => managed_elsewhere(),
        _ => error,
    })?;
    answer_inside(call, &storage)
}

fn answer_inside(call: &Call<'_>, storage: &StorageAccess) -> Result<Reply, S3Error> {
    use Code::{
        NoSuchBucketPolicy, NoSuchCORSConfiguration, NoSuchLifecycleConfiguration,
        NoSuchPublicAccessBlockConfiguration, NoSuchTagSet, NoSuchWebsiteConfiguration,
        ObjectLockConfigurationNotFoundError, OwnershipControlsNotFoundError,
        ServerSideEncryptionConfigurationNotFoundError,
    };
    match call.operation {
        Operation::HeadBucket => {
            let mut reply = empty(StatusCode::OK);
            set(
                &mut reply,
                HeaderName::from_static("x-amz-bucket-region"),
                &storage.storage().connection.region,
            );
            Ok(reply)
        }
        Operation::CreateBucket => {
            let mut reply = empty(StatusCode::OK);
            let place = format!("/{}", encode_path(call.bucket_name().as_bytes()));
            set(&mut reply, LOCATION, &place);
            Ok(reply)
        }
        Operation::DeleteBucket => Err(managed_elsewhere()),
        Operation::GetBucketLocation => Ok(location(&storage.storage().connection.region)),
        Operation::GetBucketAcl => Ok(acl(&owner_of(storage.storage()))),
        Operation::GetBucketVersioning => Ok(canned(
            "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
            "</VersioningConfiguration>",
        )),
        Operation::GetBucketRequestPayment => Ok(canned(
            "<RequestPaymentConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Payer>BucketOwner</Payer>",
            "</RequestPaymentConfiguration>",
        )),
        Operation::GetBucketLogging => Ok(canned(
            "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
            "</BucketLoggingStatus>",
        )),
        Operation::GetBucketNotificationConfiguration => Ok(canned(
            "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
            "</NotificationConfiguration>",
        )),
        Operation::GetBucketAccelerateConfiguration => Ok(canned(
            "<AccelerateConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
            "</AccelerateConfiguration>",
        )),
        Operation::GetBucketPolicy => Err(NoSuchBucketPolicy.into()),
        Operation::GetBucketCors => Err(NoSuchCORSConfiguration.into()),
        Operation::GetBucketTagging => Err(NoSuchTagSet.into()),
        Operation::GetBucketLifecycleConfiguration => Err(NoSuchLifecycleConfiguration.into()),
        Operation::GetBucketWebsite => Err(NoSuchWebsiteConfiguration.into()),
        Operation::GetBucketEncryption => Err(ServerSideEncryptionConfigurationNotFoundError.into()),
        Operation::GetObjectLockConfiguration => Err(ObjectLockConfigurationNotFoundError.into()),
        Operation::GetPublicAccessBlock => Err(NoSuchPublicAccessBlockConfiguration.into()),
        Operation::GetBucketOwnershipControls => Err(OwnershipControlsNotFoundError.into()),
        Operation::ListBuckets
        | Operation::ListObjects
        | Operation::ListObjectsV2
        | Operation::ListObjectVersions
        | Operation::ListMultipartUploads
        | Operation::DeleteObjects
        | Operation::PostObject
        | Operation::HeadObject
        | Operation::GetObject
        | Operation::GetObjectAttributes
        | Operation::GetObjectAcl
        | Operation::GetObjectTagging
        | Operation::PutObjectTagging
        | Operation::DeleteObjectTagging
        | Operation::PutObject
        | Operation::CopyObject
        | Operation::DeleteObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart
        | Operation::UploadPartCopy
        | Operation::CompleteMultipartUpload
        | Operation::AbortMultipartUpload
        | Operation::ListParts => Err(Code::NotImplemented.into()),
    }
}

fn managed_elsewhere() -> S3Error {
    S3Error::with(
        Code::AccessDenied,
        "Buckets are storages, which are created and deleted in the Portcullis panel. Use the bucket name shown there.",
    )
}

fn location(region: &str) -> Reply {
    let mut xml = Xml::begin("", 128);
    if region == UNNAMED_REGION || region.is_empty() {
        xml.raw("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>");
    } else {
        xml.raw("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        xml.characters(region);
        xml.raw("</LocationConstraint>");
    }
    document(xml.end(""))
}

fn canned(open: &'static str, close: &'static str) -> Reply {
    document(Xml::begin(open, 64).end(close))
}

/// The owner may do everything and nobody else is named: what keys may do is not told here.
fn acl(owner: &str) -> Reply {
    let mut xml = Xml::begin("<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 512);
    push_owner(&mut xml, "<Owner>", owner, "</Owner>");
    xml.raw("<AccessControlList><Grant>");
    let open = "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">";
    push_owner(&mut xml, open, owner, "</Grantee>");
    xml.raw("<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>");
    document(xml.end("</AccessControlPolicy>"))
}

/// The same of an object, which must be there.
pub(super) async fn get_object_acl(call: &Call<'_>) -> Result<Reply, S3Error> {
    let options = GetOptions { version: call.version()?, ..GetOptions::default() };
    let storage = call.storage().await?;
    let grant = call.grant_in::<Get>(&storage)?;
    grant.head(&options).await.map_err(|error| call.error(error))?;
    Ok(acl(&owner_of(storage.storage())))
}
