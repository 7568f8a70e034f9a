//! Providers that a storage's bytes may live with, as people know them: what has to be filled in for each, and what follows.
//!
//! Forms of addresses and regions are facts from the providers' own reference pages, named beside each.

use portcullis_domain::Provider;

/// How the address of a provider comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointForm {
    /// There is none: the bytes live in the embedded store.
    None,
    /// It follows from the region, which takes the place of `{region}`.
    FromRegion(&'static str),
    /// It follows from the account's id, which takes the place of `{account}`.
    FromAccount(&'static str),
    /// A person gives it; this is what one looks like.
    Given(&'static str),
}

/// A kind of provider with what is known of it beforehand.
#[derive(Clone, Copy, Debug)]
pub struct ProviderPreset {
    /// A word for it in requests: `aws`, `backblaze-b2`, ….
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// The provider it is stored as.
    pub provider: Provider,
    /// How its address comes about.
    pub endpoint: EndpointForm,
    /// Regions to choose from, the usual ones; others can be typed. Empty: free text.
    pub regions: &'static [&'static str],
    /// The region if none is named.
    pub default_region: &'static str,
    /// Whether the bucket stands in the path of the address instead of its host name.
    pub path_style: bool,
    /// Where a person finds the credentials.
    pub credentials: &'static str,
    /// What is worth knowing before connecting; may be empty.
    pub remark: &'static str,
}

/// All of them, the embedded store first and the unknown one last.
#[must_use]
pub const fn provider_presets() -> &'static [ProviderPreset] {
    PRESETS
}

/// The preset with this id.
#[must_use]
pub fn provider_preset(id: &str) -> Option<&'static ProviderPreset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

impl ProviderPreset {
    /// The address that follows from a region and an account id; none if a person has to give it, or a part is missing.
    #[must_use]
    pub fn endpoint(&self, region: &str, account: Option<&str>) -> Option<String> {
        match self.endpoint {
            EndpointForm::None | EndpointForm::Given(_) => None,
            EndpointForm::FromRegion(form) => {
                let region = if region.is_empty() { self.default_region } else { region };
                is_host_label(region).then(|| form.replace("{region}", region))
            }
            EndpointForm::FromAccount(form) => account
                .filter(|account| is_host_label(account))
                .map(|account| form.replace("{account}", account)),
        }
    }
}

/// What may stand for one label of a host name: anything else could lead to another host.
fn is_host_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

const PRESETS: &[ProviderPreset] = &[
    ProviderPreset {
        id: "builtin",
        title: "Built-in",
        provider: Provider::Builtin,
        endpoint: EndpointForm::None,
        regions: &[],
        default_region: "us-east-1",
        path_style: true,
        credentials: "",
        remark: "",
    },
    // https://docs.aws.amazon.com/general/latest/gr/s3.html
    ProviderPreset {
        id: "aws",
        title: "AWS S3",
        provider: Provider::Aws,
        endpoint: EndpointForm::FromRegion("https://s3.{region}.amazonaws.com"),
        regions: &[
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
            "ca-central-1",
            "eu-central-1",
            "eu-central-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "eu-north-1",
            "eu-south-1",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "sa-east-1",
        ],
        default_region: "us-east-1",
        path_style: false,
        credentials: "An access key of an IAM user that may list the bucket and read, write and delete its objects.",
        remark: "Regions outside the usual partition (China, GovCloud) need their endpoint typed in.",
    },
    // https://developers.cloudflare.com/r2/api/s3/api/
    ProviderPreset {
        id: "cloudflare-r2",
        title: "Cloudflare R2",
        provider: Provider::CloudflareR2,
        endpoint: EndpointForm::FromAccount("https://{account}.r2.cloudflarestorage.com"),
        regions: &["auto"],
        default_region: "auto",
        path_style: true,
        credentials: "An R2 API token with Object Read & Write for this bucket; it shows the account id too.",
        remark: "A bucket in a jurisdiction has an address of its own: type it in (ACCOUNT.eu.r2.cloudflarestorage.com).",
    },
    // https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api
    ProviderPreset {
        id: "backblaze-b2",
        title: "Backblaze B2",
        provider: Provider::S3,
        endpoint: EndpointForm::FromRegion("https://s3.{region}.backblazeb2.com"),
        regions: &[
            "us-west-000",
            "us-west-001",
            "us-west-002",
            "us-west-004",
            "us-east-005",
            "eu-central-003",
            "ca-east-006",
        ],
        default_region: "us-west-004",
        path_style: true,
        credentials: "An application key for this bucket (not the master key); the bucket's page shows its endpoint and with it the region.",
        remark: "",
    },
    // https://docs.wasabi.com/docs/what-are-the-service-urls-for-wasabis-different-storage-regions
    ProviderPreset {
        id: "wasabi",
        title: "Wasabi",
        provider: Provider::S3,
        endpoint: EndpointForm::FromRegion("https://s3.{region}.wasabisys.com"),
        regions: &[
            "us-east-1",
            "us-east-2",
            "us-central-1",
            "us-west-1",
            "ca-central-1",
            "eu-central-1",
            "eu-central-2",
            "eu-west-1",
            "eu-west-2",
            "eu-south-1",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-southeast-1",
            "ap-southeast-2",
        ],
        default_region: "us-east-1",
        path_style: true,
        credentials: "An access key of a user whose policy allows the bucket.",
        remark: "Objects are charged for a minimum time, also after they were deleted.",
    },
    // https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/
    ProviderPreset {
        id: "digitalocean-spaces",
        title: "DigitalOcean Spaces",
        provider: Provider::S3,
        endpoint: EndpointForm::FromRegion("https://{region}.digitaloceanspaces.com"),
        regions: &["nyc3", "sfo2", "sfo3", "tor1", "atl1", "ams3", "fra1", "lon1", "sgp1", "blr1", "syd1"],
        default_region: "fra1",
        path_style: false,
        credentials: "A Spaces access key that is limited to this bucket.",
        remark: "",
    },
    // https://docs.hetzner.com/storage/object-storage/overview/
    ProviderPreset {
        id: "hetzner",
        title: "Hetzner Object Storage",
        provider: Provider::S3,
        endpoint: EndpointForm::FromRegion("https://{region}.your-objectstorage.com"),
        regions: &["fsn1", "nbg1", "hel1"],
        default_region: "fsn1",
        path_style: false,
        credentials: "S3 credentials of the project that the bucket belongs to.",
        remark: "",
    },
    // https://www.scaleway.com/en/docs/object-storage/concepts/
    ProviderPreset {
        id: "scaleway",
        title: "Scaleway Object Storage",
        provider: Provider::S3,
        endpoint: EndpointForm::FromRegion("https://s3.{region}.scw.cloud"),
        regions: &["fr-par", "nl-ams", "pl-waw"],
        default_region: "fr-par",
        path_style: false,
        credentials: "An API key whose preferred project is that of the bucket.",
        remark: "",
    },
    // https://min.io/docs/minio/linux/administration/identity-access-management/minio-user-management.html
    ProviderPreset {
        id: "minio",
        title: "MinIO",
        provider: Provider::S3,
        endpoint: EndpointForm::Given("https://minio.example.com:9000"),
        regions: &[],
        default_region: "us-east-1",
        path_style: true,
        credentials: "An access key of a user whose policy allows the bucket.",
        remark: "",
    },
    // https://garagehq.deuxfleurs.fr/documentation/connect/
    ProviderPreset {
        id: "garage",
        title: "Garage",
        provider: Provider::S3,
        endpoint: EndpointForm::Given("https://garage.example.com:3900"),
        regions: &[],
        default_region: "garage",
        path_style: true,
        credentials: "A key made with `garage key create` and allowed on the bucket with --read --write.",
        remark: "The region is the one of its configuration file (s3_region).",
    },
    // https://docs.ceph.com/en/latest/radosgw/s3/
    ProviderPreset {
        id: "ceph",
        title: "Ceph",
        provider: Provider::S3,
        endpoint: EndpointForm::Given("https://rgw.example.com"),
        regions: &[],
        default_region: "default",
        path_style: true,
        credentials: "The access and secret key of a RADOS Gateway user that owns the bucket or is allowed on it.",
        remark: "The region is the API name of the zone group.",
    },
    // https://github.com/seaweedfs/seaweedfs/wiki/Amazon-S3-API
    ProviderPreset {
        id: "seaweedfs",
        title: "SeaweedFS",
        provider: Provider::S3,
        endpoint: EndpointForm::Given("https://seaweedfs.example.com:8333"),
        regions: &[],
        default_region: "us-east-1",
        path_style: true,
        credentials: "An identity of its S3 configuration with Read, Write and List on the bucket.",
        remark: "",
    },
    ProviderPreset {
        id: "other",
        title: "Another S3 provider",
        provider: Provider::S3,
        endpoint: EndpointForm::Given("https://s3.example.com"),
        regions: &[],
        default_region: "us-east-1",
        path_style: true,
        credentials: "An access key that may list the bucket and read, write and delete its objects.",
        remark: "",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_differ_and_addresses_are_made() {
        let ids: BTreeSet<_> = PRESETS.iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), PRESETS.len());
        for preset in PRESETS {
            let made = preset.endpoint("", Some("0123abcd"));
            match preset.endpoint {
                EndpointForm::None | EndpointForm::Given(_) => assert_eq!(made, None, "{}", preset.id),
                EndpointForm::FromRegion(_) | EndpointForm::FromAccount(_) => {
                    let made = made.unwrap();
                    assert!(made.starts_with("https://") && !made.contains(['{', '}']), "{made}");
                }
            }
            assert!(
                preset.regions.is_empty() || preset.regions.contains(&preset.default_region),
                "{}",
                preset.id
            );
        }
    }

    #[test]
    fn a_region_leads_to_no_other_host() {
        let aws = provider_preset("aws").unwrap();
        assert_eq!(aws.endpoint("eu-west-1", None).as_deref(), Some("https://s3.eu-west-1.amazonaws.com"));
        for wrong in ["evil.example/", "a.b", "EU", "x@y", " ", "a:1", "#"] {
            assert_eq!(aws.endpoint(wrong, None), None, "{wrong}");
        }
        assert_eq!(provider_preset("cloudflare-r2").unwrap().endpoint("auto", None), None);
        assert!(provider_preset("nobody").is_none());
    }
}
