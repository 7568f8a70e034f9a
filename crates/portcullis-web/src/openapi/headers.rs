//! What the calls share in their headers: conditions, entity tags, names of calls. It follows from the table of operations, so that
//! no handler has to say it.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Header, Object, ObjectBuilder, RefOr, Required, Schema, Type};

use crate::operations::{self, OPERATIONS};

const IF_MATCH: &str = "Only if the record is as it was read: the entity tag that came with it. If it was changed since, the answer \
                        is 412 and nothing is changed. `*` for any; weak tags never match.";
const IDEMPOTENCY_KEY: &str = "A name for the call, made by chance and new for each. The same call under the same name is made once: for \
                               24 hours a repetition gets what the first one made, as it is now. Another body under the same name is \
                               422; while the first is under way the answer is 409, as it is where the first answer held a secret.";
const ETAG: &str = "Names the settings of the record as they are, for `If-Match`.";
const REPLAYED: &str = "`true` where an earlier call under the same `Idempotency-Key` made it.";

/// Describes the headers of an operation.
pub(super) fn describe(method: &str, path: &str, described: &mut Operation) {
    let Some(row) = OPERATIONS.iter().find(|row| row.method == method && row.path == path) else { return };
    if operations::takes_condition(row) {
        add(described, parameter("If-Match", IF_MATCH, text().build()));
    }
    if operations::makes_something(row) {
        let name = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$")).build();
        add(described, parameter("Idempotency-Key", IDEMPOTENCY_KEY, name));
        for status in ["201", "202"] {
            tell(described, status, "Idempotent-Replayed", REPLAYED);
        }
    }
    if operations::tells_record(row) {
        for status in ["200", "201"] {
            tell(described, status, "ETag", ETAG);
        }
    }
}

/// A parameter that may be left out cannot be null: outside of a body there is no such value.
pub(super) fn tighten(described: &mut Operation) {
    for parameter in described.parameters.iter_mut().flatten() {
        let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(schema))), .. }) = parameter else {
            continue;
        };
        if let SchemaType::Array(types) = &schema.schema_type {
            let mut real = types.iter().filter(|kind| **kind != Type::Null);
            if let (Some(only), None) = (real.next(), real.next()) {
                schema.schema_type = SchemaType::Type(only.clone());
            }
        }
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn parameter(name: &str, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn add(described: &mut Operation, parameter: Parameter) {
    let parameters = described.parameters.get_or_insert_default();
    let same = |other: &RefOr<Parameter>| matches!(other, RefOr::T(other) if other.name == parameter.name);
    if !parameters.iter().any(same) {
        parameters.push(RefOr::T(parameter));
    }
}

fn tell(described: &mut Operation, status: &str, name: &str, description: &str) {
    if let Some(RefOr::T(response)) = described.responses.responses.get_mut(status) {
        let mut header = Header::new(text().build());
        header.description = Some(description.to_owned());
        response.headers.insert(name.to_owned(), RefOr::T(header));
    }
}
