//! Writes the fields of a flat struct, such as [`netstat_events::Row`], in the syntax of a format: serde says which
//! fields there are, so that no format repeats them.
//!
//! This is the hot path: serde_json, which can write any type, takes more than twice as long.

use std::{fmt, marker::PhantomData};

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeStruct},
};

type Name = &'static str;

/// A part of a type that is refused.
type Refused = Impossible<(), fmt::Error>;

/// How a format writes a field. All methods append to `out`.
pub(super) trait Syntax {
    /// What precedes a field's value.
    fn begin_field(name: Name, out: &mut Vec<u8>);
    /// What follows a field's value.
    fn end_field(out: &mut Vec<u8>);
    /// An unknown value.
    fn null(out: &mut Vec<u8>);
    /// A number.
    fn number(number: impl itoa::Integer, out: &mut Vec<u8>);
    /// One of the words that this program defines: it needs no escapes.
    fn word(word: Name, out: &mut Vec<u8>);
    /// Any text.
    fn text(text: &str, out: &mut Vec<u8>);
}

/// Appends the fields of a struct that consists of numbers, texts, words (enums without data), and options of these.
///
/// # Panics
/// The struct has a field of another type.
pub(super) fn push_fields<S: Syntax>(fields: &impl Serialize, out: &mut Vec<u8>) {
    let mut writer = FieldWriter { out, syntax: PhantomData::<S> };
    fields.serialize(&mut writer).expect("a field is no number, text or word");
}

struct FieldWriter<'a, S> {
    out: &'a mut Vec<u8>,
    syntax: PhantomData<S>,
}

impl<S: Syntax> SerializeStruct for &mut FieldWriter<'_, S> {
    type Ok = ();
    type Error = fmt::Error;

    // Inlined for each field, so that its name and type are known where it is written.
    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: Name, value: &T) -> fmt::Result {
        S::begin_field(name, self.out);
        value.serialize(&mut **self)?;
        S::end_field(self.out);
        Ok(())
    }

    fn end(self) -> fmt::Result {
        Ok(())
    }
}

impl<S: Syntax> Serializer for &mut FieldWriter<'_, S> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleStruct = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStruct = Self;
    type SerializeStructVariant = Refused;

    fn serialize_struct(self, _: Name, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }

    #[inline]
    fn serialize_none(self) -> fmt::Result {
        S::null(self.out);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    #[inline]
    fn serialize_str(self, text: &str) -> fmt::Result {
        S::text(text, self.out);
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: Name, _: u32, word: Name) -> fmt::Result {
        S::word(word, self.out);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, number: u16) -> fmt::Result {
        S::number(number, self.out);
        Ok(())
    }

    #[inline]
    fn serialize_u32(self, number: u32) -> fmt::Result {
        S::number(number, self.out);
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, number: u64) -> fmt::Result {
        S::number(number, self.out);
        Ok(())
    }

    // What follows has no place in a flat struct.

    fn serialize_bool(self, _: bool) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_i8(self, _: i8) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_i16(self, _: i16) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_i32(self, _: i32) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_i64(self, _: i64) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_u8(self, _: u8) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_f32(self, _: f32) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_f64(self, _: f64) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_char(self, _: char) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_bytes(self, _: &[u8]) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit(self) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit_struct(self, _: Name) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: Name, _: &T) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: &T,
    ) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: Name, _: usize) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(self, _: Name, _: u32, _: Name, _: usize) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(self, _: Name, _: u32, _: Name, _: usize) -> Result<Refused, fmt::Error> {
        Err(fmt::Error)
    }
}
