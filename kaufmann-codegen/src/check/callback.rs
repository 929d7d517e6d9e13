//! Whether an event names the topic for its reply in its payload: in a record `meta` with a field `callback_topic`, as the events
//! of KaufmannEx do.

use kaufmann_avro::model::{Definition, TypeId};

use crate::model::{Shape, Types};

/// A field: its record, and its index there.
type Step = (TypeId, usize);

/// The path from an event to the topic for its reply.
#[derive(Debug)]
pub(crate) struct Callback {
    /// The event's field `meta`, a record.
    pub(crate) meta: Step,
    pub(crate) meta_optional: bool,
    /// The field `callback_topic` of that.
    pub(crate) topic: Step,
    pub(crate) kind: CallbackKind,
}

/// The type of `callback_topic`.
#[derive(Debug)]
pub(crate) enum CallbackKind {
    /// The topic's name, perhaps null.
    Name,
    /// A record of the name and the partition.
    Record {
        /// Whether it may be null.
        optional: bool,
        topic: Step,
        partition: Option<Step>,
    },
}

/// The event's callback, if its fields have this shape. Another shape is not a mistake: these names are not reserved.
pub(super) fn callback(types: &Types, root: TypeId) -> Option<Callback> {
    let meta = field(types, root, "meta")?;
    let (meta_optional, shape) = unwrapped(shape(types, meta));
    let topic = field(types, record(types, root, shape)?, "callback_topic")?;
    let (optional, shape) = unwrapped(self::shape(types, topic));
    let kind = match shape {
        Shape::String => CallbackKind::Name,
        shape => {
            let inner = record(types, topic.0, shape)?;
            let name = field(types, inner, "topic")?;
            if *unwrapped(self::shape(types, name)).1 != Shape::String {
                return None;
            }
            let is_int = |step: &Step| *unwrapped(self::shape(types, *step)).1 == Shape::Int;
            CallbackKind::Record {
                optional,
                topic: name,
                partition: field(types, inner, "partition").filter(is_int),
            }
        }
    };
    Some(Callback {
        meta,
        meta_optional,
        topic,
        kind,
    })
}

fn field(types: &Types, record: TypeId, name: &str) -> Option<Step> {
    let Definition::Record(fields) = &types.model.get(record).definition else {
        return None;
    };
    let index = fields.iter().position(|field| field.name == name)?;
    Some((record, index))
}

fn shape(types: &Types, (record, field): Step) -> &Shape {
    &types.fields[record.0][field]
}

/// The shape without its null.
fn unwrapped(shape: &Shape) -> (bool, &Shape) {
    match shape {
        Shape::Optional { some, .. } => (true, some),
        other => (false, other),
    }
}

/// The record that a field of `owner` holds, unless it is boxed.
fn record(types: &Types, owner: TypeId, shape: &Shape) -> Option<TypeId> {
    match shape {
        Shape::Record(id) if !types.boxed(owner, *id) => Some(*id),
        _ => None,
    }
}
