//! Names of Avro's types in other languages, for suggestions.

/// The primitive type that has this name in other languages.
pub(super) fn avro_type(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "bool" => "boolean",
        "integer" | "short" | "int8" | "int16" | "int32" | "i32" | "uint16" => "int",
        "bigint" | "int64" | "i64" | "uint32" => "long",
        "float32" | "f32" => "float",
        "float64" | "f64" | "number" => "double",
        "str" | "text" | "char" | "varchar" => "string",
        "binary" | "blob" => "bytes",
        _ => return None,
    })
}
