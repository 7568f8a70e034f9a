//! REST, OpenAPI and health on HTTP
