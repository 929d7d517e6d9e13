//! Every kind of schema that is refused: where, with which words, and by which sentence of the Avro 1.12 specification, or
//! for which reason of ours.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::fs;

use kaufmann_codegen::Config;

/// Asserts that the files `a.avsc`, `b.avsc`, … are refused with these errors alone.
#[track_caller]
fn refused(files: &[&str], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in ["a", "b"].iter().zip(files) {
        fs::write(folder.path().join(format!("{name}.avsc")), text).unwrap();
    }
    let errors = Config::new().without_lock().generate(folder.path()).unwrap_err();
    let path = format!("{}/", folder.path().display());
    let errors = errors.iter().map(|error| error.to_string().replace(&path, ""));
    assert_eq!(errors.collect::<Vec<_>>(), expected);
}

/// A record whose only field, on the second line, is of this type.
fn with_field(ty: &str) -> String {
    format!("{{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n{{\"name\": \"f\", \"type\": {ty}}}]}}")
}

macro_rules! refused {
    ($($(#[$why:meta])* $name:ident: $files:expr => [$($error:literal),* $(,)?];)*) => {
        $($(#[$why])* #[test] fn $name() { refused($files, &[$($error),*]); })*
    };
}

// What the specification rules out.
refused! {
    /// "JSON object of the form …": a schema is JSON.
    what_is_no_json: &["{\"type\": \"record\",\n\"name\" \"R\"}"] => ["a.avsc:2:8: not valid JSON: expected colon after the string or word in object property"];
    /// "A schema is represented in JSON by one of: a JSON string, a JSON object, a JSON array."
    a_number_in_the_place_of_a_type: &[&with_field("5")] => ["a.avsc:2:23: expected a type (a name, an object or a union's array), found a number"];
    /// "The set of primitive type names …"; all others must be defined.
    a_type_that_nobody_defines: &[&with_field("\"strng\"")] => ["a.avsc:2:23: field `f` has unknown type `strng`, did you mean `string`?"];
    /// "Records use the type name `record` and support the following attributes", of which name and fields are required.
    a_record_without_a_name: &[r#"{"type": "record", "fields": []}"#] => ["a.avsc:1:1: a record needs the attribute `name`"];
    /// The same.
    a_record_without_fields: &[r#"{"type": "record", "name": "R"}"#] => ["a.avsc:1:1: the record `R` needs the attribute `fields`"];
    /// "symbols: a JSON array, listing symbols, as JSON strings (required)."
    an_enum_without_the_list_of_its_symbols: &[r#"{"type": "enum", "name": "E"}"#] => ["a.avsc:1:1: the enum `E` needs the attribute `symbols`"];
    /// "size: an integer, specifying the number of bytes per value (required)."
    a_fixed_without_a_size: &[r#"{"type": "fixed", "name": "F"}"#] => ["a.avsc:1:1: the fixed `F` needs the attribute `size`"];
    /// The same: an integer, and bytes are not negative.
    a_fixed_of_a_negative_size: &[r#"{"type": "fixed", "name": "F", "size": -1}"#] => ["a.avsc:1:40: `size` must be an integer from 0 to 2147483647, found -1"];
    /// "items: the schema of the array's items."
    an_array_without_items: &[&with_field(r#"{"type": "array"}"#)] => ["a.avsc:2:23: an array needs the attribute `items`"];
    /// "values: the schema of the map's values."
    a_map_without_values: &[&with_field(r#"{"type": "map"}"#)] => ["a.avsc:2:23: a map needs the attribute `values`"];
    /// "start with [A-Za-z_], subsequently contain only [A-Za-z0-9_]."
    a_name_with_a_hyphen: &[r#"{"type": "record", "name": "a-b", "fields": []}"#] => ["a.avsc:1:28: `a-b` cannot name a record: a name has letters, digits and underscores, and does not begin with a digit; rename it here, and if others write it under this name, keep it as an alias: \"aliases\": [\"a-b\"] (for an event \"event\": \"a-b\" does too)"];
    /// The same, for fields.
    a_field_that_begins_with_a_digit: &[r#"{"type": "record", "name": "R", "fields": [{"name": "1st", "type": "int"}]}"#] => ["a.avsc:1:53: `1st` cannot name a field: a name has letters, digits and underscores, and does not begin with a digit; rename it here, and if others write it under this name, keep it as an alias: \"aliases\": [\"1st\"]"];
    /// "Every symbol must match the regular expression [A-Za-z_][A-Za-z0-9_]* (the same requirement as for names)."
    a_symbol_with_a_space: &[r#"{"type": "enum", "name": "E", "symbols": ["a b"]}"#] => ["a.avsc:1:43: `a b` cannot name a symbol: a name has letters, digits and underscores, and does not begin with a digit"];
    /// "The null namespace may not be used in a dot-separated sequence of names."
    a_namespace_with_nothing_between_two_dots: &[r#"{"type": "record", "name": "R", "namespace": "a..b", "fields": []}"#] => ["a.avsc:1:28: `a..b.R` cannot name a record: a name has letters, digits and underscores, and does not begin with a digit"];
    /// "Primitive type names have no namespace and their names may not be defined in any namespace."
    a_type_of_a_primitives_name: &[r#"{"type": "record", "name": "n.string", "fields": []}"#] => ["a.avsc:1:28: `string` is the name of a primitive type, choose another name"];
    /// "A schema or protocol may not contain multiple definitions of a fullname."
    a_type_that_one_file_defines_twice: &[r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "fixed", "name": "F", "size": 1}}, {"name": "b", "type": {"type": "fixed", "name": "F", "size": 1}}]}"#] => ["a.avsc:1:158: `F` is already defined at a.avsc:1:92; define it once and refer to it by its name"];
    /// The same: two files may define a type alike, but not differently.
    a_type_that_two_files_define_differently: &[r#"{"type": "record", "name": "R", "fields": []}"#, r#"{"type": "enum", "name": "R", "symbols": ["A"]}"#] => ["b.avsc:1:26: `R` is defined differently at a.avsc:1:28: it is a record at a.avsc:1:28, but an enum at b.avsc:1:26; make the two equal (docs and attributes may differ), or rename one of them"];
    /// "name: a JSON string providing the name of the field": a record is told by the names of its fields.
    two_fields_of_one_name: &[r#"{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "f", "type": "int"}]}"#] => ["a.avsc:1:83: the record `R` already has a field `f` at a.avsc:1:53"];
    /// "All symbols in an enum must be unique; duplicates are prohibited."
    two_symbols_of_one_name: &[r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#] => ["a.avsc:1:48: the enum `E` already has the symbol `A` at a.avsc:1:43"];
    /// "The value provided must be a JSON string that's a member of the symbols array."
    a_default_of_an_enum_that_is_no_symbol: &[r#"{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "C"}"#] => ["a.avsc:1:65: the default of the enum `E` is not one of its symbols: `C`"];
    /// "Unions may not immediately contain other unions."
    a_union_in_a_union: &[&with_field(r#"["null", ["int", "string"]]"#)] => ["a.avsc:2:32: a union cannot contain a union, list its branches in the outer one"];
    /// "Unions may not contain more than one schema with the same type, except for the named types record, fixed and enum."
    a_union_with_two_branches_of_one_type: &[&with_field(r#"["string", {"type": "string", "logicalType": "uuid"}]"#)] => ["a.avsc:2:34: the union already has the branch `string` at a.avsc:2:24"];
    /// "Permitted values depend on the field's schema type, according to the table below."
    a_default_that_is_no_value_of_its_type: &[r#"{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "default": "1"}]}"#] => ["a.avsc:1:84: the default of the field `f` does not fit its type: expected an int, found the string \"1\""];
    /// "Valid values are "ascending" (the default), "descending", or "ignore"."
    an_order_that_there_is_not: &[r#"{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "order": "up"}]}"#] => ["a.avsc:1:82: `order` must be \"ascending\", \"descending\" or \"ignore\", found a string"];
}

// What the specification leaves open or allows, and why it is refused here.
refused! {
    /// The key means two things, and implementations differ in which of them they take.
    a_key_that_stands_twice: &[r#"{"type": "record", "name": "A", "name": "B", "fields": []}"#] => ["a.avsc:1:33: the key `name` is already used at a.avsc:1:20"];
    /// A writer's field of that name would be read into either.
    an_alias_that_belongs_to_two_fields: &[r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "aliases": ["a"]}]}"#] => ["a.avsc:1:83: the alias `a` of the field `b` also belongs to the field `a`"];
    /// No datum of it ends, so there is none.
    a_record_that_always_contains_itself: &[&with_field("\"R\"")] => ["a.avsc:1:28: the record `R` always contains itself (`R.f`); make one of these fields a union with null, an array or a map"];
    /// It has no value that could be written.
    an_enum_without_symbols: &[&with_field(r#"{"type": "enum", "name": "E", "symbols": []}"#)] => ["a.avsc:2:48: the enum `E` has no symbols, so it has no values; give it one, or leave it out"];
    /// The same.
    a_union_without_branches: &[&with_field(r#"{"type": "array", "items": []}"#)] => ["a.avsc:2:50: the union has no branches, so it has no values; give it one, or leave it out"];
    /// A Rust type needs a name, and an event is known by its name; a record with one field has the same bytes.
    an_array_at_the_top_of_a_file: &[r#"{"type": "array", "items": "int"}"#] => ["a.avsc:1:1: an array at the top of a file has no name, so no type can be generated for it; write a record, an enum, a fixed or a union of such there"];
    /// The same.
    a_map_at_the_top_of_a_file: &[r#"{"type": "map", "values": "int"}"#] => ["a.avsc:1:1: a map at the top of a file has no name, so no type can be generated for it; write a record, an enum, a fixed or a union of such there"];
    /// The same.
    a_primitive_type_at_the_top_of_a_file: &["\"string\""] => ["a.avsc:1:1: a primitive type at the top of a file has no name, so no type can be generated for it; write a record, an enum, a fixed or a union of such there"];
    /// The same: of a union's branches those that are defined there are generated, and others are nothing to generate.
    a_branch_without_a_name_in_a_union_at_the_top: &[r#"["null", {"type": "record", "name": "R", "fields": []}]"#] => ["a.avsc:1:2: a primitive type at the top of a file has no name, so no type can be generated for it; write a record, an enum, a fixed or a union of such there"];
    /// Nothing would be generated for the file.
    a_file_that_only_refers_to_a_type: &["\"R\"", r#"{"type": "record", "name": "R", "fields": []}"#] => ["a.avsc:1:1: the file only refers to `R`, which `b.avsc:1:28` defines; remove it, or define a type here"];
    /// Values of a fixed are arrays, on the stack.
    a_fixed_of_more_than_64_kibibytes: &[r#"{"type": "fixed", "name": "F", "size": 65537}"#] => ["a.avsc:1:27: fixed `F` has 65537 bytes, but at most 65536 can be held as a value; use `bytes`"];
    /// Each level is an expression in an expression, for which compilers have limits; a record in between begins anew.
    more_than_16_arrays_maps_and_unions_in_one_another: &[&with_field(&format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(17), "}".repeat(17)))] => ["a.avsc:2:10: the type of the field `f` nests more than 16 arrays, maps and unions; put a record in between"];
    /// The name is what handlers and topics know an event by.
    two_events_of_one_name: &[r#"{"type": "record", "name": "A", "event": "e", "fields": []}"#, r#"{"type": "record", "name": "B", "event": "e", "fields": []}"#] => ["b.avsc:1:28: event `e` is already defined by `a.avsc:1:28`; rename one of them with the attribute `\"event\": \"…\"`"];
}
