//! The same content for serde and for protobuf.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::events::bench;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Basket {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) status: Status,
    pub(crate) address: Address,
    pub(crate) lines: Vec<Line>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) note: Option<String>,
    pub(crate) at: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Open,
    Paid,
    Sent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    street: String,
    city: String,
    lat: f64,
    lon: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    sku: String,
    name: String,
    count: i32,
    cents: i64,
    discount: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are only decoded and encoded")]
pub(crate) struct BasketRef<'a> {
    id: &'a str,
    customer: &'a str,
    status: Status,
    #[serde(borrow)]
    address: AddressRef<'a>,
    #[serde(borrow)]
    lines: Vec<LineRef<'a>>,
    #[serde(borrow)]
    labels: BTreeMap<&'a str, &'a str>,
    note: Option<&'a str>,
    at: i64,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are only decoded and encoded")]
struct AddressRef<'a> {
    street: &'a str,
    city: &'a str,
    lat: f64,
    lon: f64,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are only decoded and encoded")]
struct LineRef<'a> {
    sku: &'a str,
    name: &'a str,
    count: i32,
    cents: i64,
    discount: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProtoBasket {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    customer: String,
    #[prost(int32, tag = "3")]
    status: i32,
    #[prost(message, optional, tag = "4")]
    address: Option<ProtoAddress>,
    #[prost(message, repeated, tag = "5")]
    lines: Vec<ProtoLine>,
    #[prost(map = "string, string", tag = "6")]
    labels: HashMap<String, String>,
    #[prost(string, optional, tag = "7")]
    note: Option<String>,
    #[prost(int64, tag = "8")]
    at: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProtoAddress {
    #[prost(string, tag = "1")]
    street: String,
    #[prost(string, tag = "2")]
    city: String,
    #[prost(double, tag = "3")]
    lat: f64,
    #[prost(double, tag = "4")]
    lon: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProtoLine {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(int32, tag = "3")]
    count: i32,
    #[prost(int64, tag = "4")]
    cents: i64,
    #[prost(double, optional, tag = "5")]
    discount: Option<f64>,
}

impl From<&bench::Basket> for Basket {
    fn from(of: &bench::Basket) -> Self {
        let line = |line: &bench::Line| Line {
            sku: line.sku.clone(),
            name: line.name.clone(),
            count: line.count,
            cents: line.cents,
            discount: line.discount,
        };
        Self {
            id: of.id.clone(),
            customer: of.customer.clone(),
            status: match of.status {
                bench::Status::Open => Status::Open,
                bench::Status::Paid => Status::Paid,
                bench::Status::Sent => Status::Sent,
            },
            address: Address {
                street: of.address.street.clone(),
                city: of.address.city.clone(),
                lat: of.address.lat,
                lon: of.address.lon,
            },
            lines: of.lines.iter().map(line).collect(),
            labels: of.labels.clone(),
            note: of.note.clone(),
            at: of.at.0,
        }
    }
}

impl From<&bench::Basket> for ProtoBasket {
    fn from(of: &bench::Basket) -> Self {
        let line = |line: &bench::Line| ProtoLine {
            sku: line.sku.clone(),
            name: line.name.clone(),
            count: line.count,
            cents: line.cents,
            discount: line.discount,
        };
        Self {
            id: of.id.clone(),
            customer: of.customer.clone(),
            status: of.status as i32,
            address: Some(ProtoAddress {
                street: of.address.street.clone(),
                city: of.address.city.clone(),
                lat: of.address.lat,
                lon: of.address.lon,
            }),
            lines: of.lines.iter().map(line).collect(),
            labels: of.labels.clone().into_iter().collect(),
            note: of.note.clone(),
            at: of.at.0,
        }
    }
}
