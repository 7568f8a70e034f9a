//! The operations: from a call to a grant, from the grant's answer to a reply.

mod attributes;
mod bucket;
mod copy;
mod list;
mod multipart;
mod object_delete;
mod object_get;
mod object_put;
pub(crate) mod post;
mod tagging;
mod uploads;
mod versions;

use portcullis_access::Checksum;
use portcullis_domain::Storage;

use crate::body::RequestBody;
use crate::call::Call;
use crate::error::{Code, S3Error};
use crate::operation::Operation;
use crate::reply::Reply;
use crate::xml::Xml;

/// Does what the call asks for. Every operation asks for its own grants; nothing was decided before but who calls.
pub(crate) async fn dispatch(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    match call.operation {
        Operation::ListBuckets => bucket::list_buckets(call),
        Operation::HeadBucket
        | Operation::CreateBucket
        | Operation::DeleteBucket
        | Operation::GetBucketLocation
        | Operation::GetBucketVersioning
        | Operation::GetBucketAcl
        | Operation::GetBucketPolicy
        | Operation::GetBucketCors
        | Operation::GetBucketTagging
        | Operation::GetBucketLifecycleConfiguration
        | Operation::GetBucketWebsite
        | Operation::GetBucketEncryption
        | Operation::GetObjectLockConfiguration
        | Operation::GetPublicAccessBlock
        | Operation::GetBucketOwnershipControls
        | Operation::GetBucketRequestPayment
        | Operation::GetBucketLogging
        | Operation::GetBucketNotificationConfiguration
        | Operation::GetBucketAccelerateConfiguration => bucket::answer(call).await,
        Operation::ListObjects => list::list_objects(call).await,
        Operation::ListObjectsV2 => list::list_objects_v2(call).await,
        Operation::ListObjectVersions => versions::list_object_versions(call).await,
        Operation::ListMultipartUploads => uploads::list_multipart_uploads(call).await,
        Operation::DeleteObjects => object_delete::delete_objects(call, body).await,
        // A form carries its credentials inside; it never gets here.
        Operation::PostObject => Err(Code::MethodNotAllowed.into()),
        Operation::HeadObject => object_get::head_object(call).await,
        Operation::GetObject => object_get::get_object(call).await,
        Operation::GetObjectAttributes => attributes::get_object_attributes(call).await,
        Operation::GetObjectAcl => bucket::get_object_acl(call).await,
        Operation::GetObjectTagging => tagging::get_object_tagging(call).await,
        Operation::PutObjectTagging => tagging::put_object_tagging(call, body).await,
        Operation::DeleteObjectTagging => tagging::delete_object_tagging(call).await,
        Operation::PutObject => object_put::put_object(call, body).await,
        Operation::CopyObject => copy::copy_object(call).await,
        Operation::DeleteObject => object_delete::delete_object(call).await,
        Operation::CreateMultipartUpload => multipart::create_multipart_upload(call).await,
        Operation::UploadPart => multipart::upload_part(call, body).await,
        Operation::UploadPartCopy => copy::upload_part_copy(call).await,
        Operation::CompleteMultipartUpload => multipart::complete_multipart_upload(call, body).await,
        Operation::AbortMultipartUpload => multipart::abort_multipart_upload(call).await,
        Operation::ListParts => uploads::list_parts(call).await,
    }
}

/// Who S3 says owns everything in a storage: its site, under a name that says nothing.
fn owner_of(storage: &Storage) -> String {
    hex::encode(storage.site.as_bytes())
}

/// An element such as `<Owner>`.
fn push_owner(xml: &mut Xml, open: &'static str, owner: &str, close: &'static str) {
    xml.raw(open);
    xml.text("ID", owner);
    xml.text("DisplayName", "portcullis");
    xml.raw(close);
}

/// The elements that say an object's checksum.
fn push_checksum(xml: &mut Xml, checksum: &Checksum) {
    use portcullis_access::ChecksumKind;

    let (kind, parts) = match checksum.kind {
        ChecksumKind::FullObject => ("FULL_OBJECT", None),
        ChecksumKind::Composite(parts) => ("COMPOSITE", Some(parts)),
    };
    crate::headers::push_digest(xml, &checksum.digest, parts);
    xml.text("ChecksumType", kind);
}
