//! Stylesheet, scripts, icons and fonts, inside the binary.
//!
//! Their address holds a hash of all of them, so a browser may keep them for good and still has the right ones after an upgrade.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::packing::{mark, pack, reads_gzip};

struct Asset {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal: $kind:expr),+ $(,)?) => {
        &[$(Asset { path: $path, kind: $kind, bytes: include_bytes!(concat!("../../assets/", $path)) }),+]
    };
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const FONT: &str = "font/woff2";
const TEXT: &str = "text/plain; charset=utf-8";

/// One stylesheet, written in parts. The order of the layers stands in the first.
const STYLE: &str = concat!(
    include_str!("../../assets/css/tokens.css"),
    include_str!("../../assets/css/layout.css"),
    include_str!("../../assets/css/navigation.css"),
    include_str!("../../assets/css/forms.css"),
    include_str!("../../assets/css/list.css"),
    include_str!("../../assets/css/dialog.css"),
    include_str!("../../assets/css/details.css"),
    include_str!("../../assets/css/wizard.css"),
    include_str!("../../assets/css/gate.css"),
);

static STYLESHEET: Asset = Asset { path: "app.css", kind: CSS, bytes: STYLE.as_bytes() };

static ASSETS: &[Asset] = assets! {
    "chevron.svg": SVG,
    "icons.svg": SVG,
    "js/app.js": JS,
    "js/credentials.js": JS,
    "js/fragment.js": JS,
    "js/join.js": JS,
    "js/list.js": JS,
    "js/networks.js": JS,
    "js/passkey.js": JS,
    "js/run.js": JS,
    "js/theme.js": JS,
    "fonts/geist.woff2": FONT,
    "fonts/geist-mono.woff2": FONT,
    "tiles/aws.svg": SVG,
    "tiles/builtin.svg": SVG,
    "tiles/cloudflare-r2.svg": SVG,
    "tiles/group.svg": SVG,
    "tiles/key.svg": SVG,
    "tiles/more.svg": SVG,
    "tiles/private.svg": SVG,
    "tiles/user.svg": SVG,
    "licenses/geist.txt": TEXT,
    "licenses/lucide.txt": TEXT,
};

fn all() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().chain([&STYLESHEET])
}

/// FNV-1a over all assets: the same on every node of the same version.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in all().flat_map(|asset| asset.bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
});

/// Those that get smaller, packed once.
static PACKED: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| {
    let texts = all().filter(|asset| asset.kind != FONT);
    texts.filter_map(|asset| Some((asset.path, pack(asset.bytes, Compression::best())?))).collect()
});

/// Packs what can be packed, which takes some milliseconds, so that no request has to wait for it.
pub(super) fn prepare() {
    LazyLock::force(&PACKED);
}

/// The path below which all assets are, without a slash at the end.
pub(crate) fn base() -> String {
    format!("/assets/{}", VERSION.as_str())
}

/// `GET /assets/{version}/{path}`. An older version's page gets what there is now, but must ask again.
pub(super) async fn serve(
    Path((version, path)): Path<(String, String)>,
    request_headers: HeaderMap,
) -> Response {
    let Some(asset) = all().find(|asset| asset.path == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let packed = PACKED.iter().find(|(packed, _)| reads_gzip(&request_headers) && *packed == asset.path);
    let mut response = packed.map_or(asset.bytes, |(_, bytes)| bytes).into_response();
    let headers = response.headers_mut();
    if packed.is_some() {
        mark(headers);
    }
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_assets_are_the_same_and_smaller() {
        use std::io::Read as _;
        for asset in all() {
            let Some((_, packed)) = PACKED.iter().find(|(path, _)| *path == asset.path) else {
                assert!(asset.kind == FONT || asset.bytes.len() < 200, "{}", asset.path);
                continue;
            };
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.bytes, "{}", asset.path);
            assert!(packed.len() < asset.bytes.len(), "{}", asset.path);
        }
    }
}
