//! The codec written by hand for this schema, for speed: the same types and the same checks.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use kaufmann::types::TimestampMillis;

use crate::events::bench::{Address, AddressRef, Basket, BasketRef, Line, LineRef, Status};

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    #[inline]
    fn varint(&mut self) -> Result<i64> {
        let (mut value, mut shift) = (0_u64, 0);
        for (index, &byte) in self.0.iter().enumerate() {
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
            shift += 7;
            if shift > 63 {
                bail!("a varint is too long");
            }
        }
        bail!("unexpected end")
    }

    #[inline]
    fn int(&mut self) -> Result<i32> {
        Ok(i32::try_from(self.varint()?)?)
    }

    #[inline]
    fn text(&mut self) -> Result<&'a str> {
        let length = usize::try_from(self.varint()?)?;
        let Some((text, rest)) = self.0.split_at_checked(length) else {
            bail!("unexpected end");
        };
        self.0 = rest;
        Ok(std::str::from_utf8(text)?)
    }

    #[inline]
    fn double(&mut self) -> Result<f64> {
        let Some((bytes, rest)) = self.0.split_first_chunk() else {
            bail!("unexpected end");
        };
        self.0 = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// How many items follow, of at least `least` bytes each.
    #[inline]
    fn block(&mut self, least: usize) -> Result<usize> {
        let mut count = self.varint()?;
        if count < 0 {
            self.varint()?;
            count = -count;
        }
        let count = usize::try_from(count)?;
        if count > self.0.len() / least {
            bail!("too many items");
        }
        Ok(count)
    }

    #[inline]
    fn some(&mut self) -> Result<bool> {
        match self.varint()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => bail!("unknown union branch"),
        }
    }

    #[inline]
    fn status(&mut self) -> Result<Status> {
        Ok(match self.varint()? {
            0 => Status::Open,
            1 => Status::Paid,
            2 => Status::Sent,
            _ => bail!("unknown symbol"),
        })
    }

    fn end(&self) -> Result<()> {
        if !self.0.is_empty() {
            bail!("bytes are left over");
        }
        Ok(())
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Basket> {
    let mut input = Input(bytes);
    let id = input.text()?.to_owned();
    let customer = input.text()?.to_owned();
    let status = input.status()?;
    let address = Address {
        street: input.text()?.to_owned(),
        city: input.text()?.to_owned(),
        lat: input.double()?,
        lon: input.double()?,
    };
    let mut lines = Vec::new();
    loop {
        let count = input.block(5)?;
        if count == 0 {
            break;
        }
        lines.reserve(count);
        for _ in 0..count {
            lines.push(Line {
                sku: input.text()?.to_owned(),
                name: input.text()?.to_owned(),
                count: input.int()?,
                cents: input.varint()?,
                discount: if input.some()? {
                    Some(input.double()?)
                } else {
                    None
                },
            });
        }
    }
    let mut labels = BTreeMap::new();
    loop {
        let count = input.block(2)?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            labels.insert(input.text()?.to_owned(), input.text()?.to_owned());
        }
    }
    let note = if input.some()? {
        Some(input.text()?.to_owned())
    } else {
        None
    };
    let at = TimestampMillis(input.varint()?);
    input.end()?;
    Ok(Basket {
        id,
        customer,
        status,
        address,
        lines,
        labels,
        note,
        at,
    })
}

pub(crate) fn decode_borrowed(bytes: &[u8]) -> Result<BasketRef<'_>> {
    let mut input = Input(bytes);
    let id = input.text()?;
    let customer = input.text()?;
    let status = input.status()?;
    let address = AddressRef {
        street: input.text()?,
        city: input.text()?,
        lat: input.double()?,
        lon: input.double()?,
    };
    let mut lines = Vec::new();
    loop {
        let count = input.block(5)?;
        if count == 0 {
            break;
        }
        lines.reserve(count);
        for _ in 0..count {
            lines.push(LineRef {
                sku: input.text()?,
                name: input.text()?,
                count: input.int()?,
                cents: input.varint()?,
                discount: if input.some()? {
                    Some(input.double()?)
                } else {
                    None
                },
            });
        }
    }
    let mut labels = Vec::new();
    loop {
        let count = input.block(2)?;
        if count == 0 {
            break;
        }
        labels.reserve(count);
        for _ in 0..count {
            labels.push((input.text()?, input.text()?));
        }
    }
    let note = if input.some()? { Some(input.text()?) } else { None };
    let at = TimestampMillis(input.varint()?);
    input.end()?;
    Ok(BasketRef {
        id,
        customer,
        status,
        address,
        lines,
        labels,
        note,
        at,
    })
}

#[inline]
fn varint(out: &mut Vec<u8>, value: i64) {
    let mut value = ((value << 1) ^ (value >> 63)) as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn text(out: &mut Vec<u8>, text: &str) {
    varint(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn encode(basket: &Basket, out: &mut Vec<u8>) {
    text(out, &basket.id);
    text(out, &basket.customer);
    varint(out, basket.status as i64);
    text(out, &basket.address.street);
    text(out, &basket.address.city);
    out.extend_from_slice(&basket.address.lat.to_le_bytes());
    out.extend_from_slice(&basket.address.lon.to_le_bytes());
    if !basket.lines.is_empty() {
        varint(out, basket.lines.len() as i64);
        for line in &basket.lines {
            text(out, &line.sku);
            text(out, &line.name);
            varint(out, line.count.into());
            varint(out, line.cents);
            match line.discount {
                None => out.push(0),
                Some(discount) => {
                    out.push(2);
                    out.extend_from_slice(&discount.to_le_bytes());
                }
            }
        }
    }
    out.push(0);
    if !basket.labels.is_empty() {
        varint(out, basket.labels.len() as i64);
        for (key, value) in &basket.labels {
            text(out, key);
            text(out, value);
        }
    }
    out.push(0);
    match &basket.note {
        None => out.push(0),
        Some(note) => {
            out.push(2);
            text(out, note);
        }
    }
    varint(out, basket.at.0);
}
