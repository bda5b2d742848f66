//! Writing JSON: strings, numbers, and objects field by field.
//!
//! By hand, because what crosses into JavaScript is a dozen shapes, and serde's machinery for them was a fifth of the
//! download.

use super::string::next_special;

/// What has a form as JSON.
pub trait ToJson {
    /// Appends it to `out`.
    fn write_json(&self, out: &mut String);

    /// It as JSON text.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    while let Some(at) = next_special(bytes, copied) {
        let byte = bytes.get(at).copied().unwrap_or_default();
        let short = match byte {
            b'\n' => 'n',
            b'\r' => 'r',
            b'\t' => 't',
            0x08 => 'b',
            0x0C => 'f',
            0..=0x1F => 'u',
            _ => char::from(byte),
        };
        out.push_str(text.get(copied..at).unwrap_or_default());
        copied = at + 1;
        out.push('\\');
        out.push(short);
        if short == 'u' {
            out.push_str("00");
            for digit in [byte >> 4, byte & 0xF] {
                out.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.push('"');
}

/// Appends a number.
pub fn write_u64(out: &mut String, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
        count += 1;
        if value == 0 {
            break;
        }
    }
    let digits = digits.get(digits.len() - count..).unwrap_or_default();
    out.extend(digits.iter().copied().map(char::from));
}

/// Appends a number of milliseconds, to a thousandth.
fn write_millis(out: &mut String, millis: f64) {
    let micros = (millis.max(0.0) * 1000.0).round() as u64;
    write_u64(out, micros / 1000);
    out.push('.');
    let fraction = micros % 1000;
    match (fraction / 100, fraction / 10 % 10, fraction % 10) {
        (tenths, 0, 0) => write_u64(out, tenths),
        (_, _, 0) => {
            if fraction < 100 {
                out.push('0');
            }
            write_u64(out, fraction / 10);
        }
        _ => {
            out.push_str(if fraction < 10 {
                "00"
            } else if fraction < 100 {
                "0"
            } else {
                ""
            });
            write_u64(out, fraction);
        }
    }
}

/// A JSON object while it is written. Its braces come with [`Object::begin`] and [`Object::end`].
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Object<'o> {
    /// Begins an object; it ends with [`Object::end`].
    pub fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_empty: true }
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push('}');
    }

    /// Begins a field; the caller writes its value.
    pub fn key(&mut self, name: &str) -> &mut String {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        write_string(self.out, name);
        self.out.push(':');
        self.out
    }

    /// A field whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.key(name).push_str(json);
    }

    /// A field that is a string.
    pub fn string(&mut self, name: &str, value: &str) {
        write_string(self.key(name), value);
    }

    /// A string, or `null`.
    pub fn optional_string(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A field that is a number.
    pub fn number(&mut self, name: &str, value: u64) {
        write_u64(self.key(name), value);
    }

    /// A number, or `null`.
    pub fn optional_number(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A number of milliseconds (or another that is not negative) to a thousandth, or `null`.
    pub fn optional_millis(&mut self, name: &str, value: Option<f64>) {
        match value {
            Some(value) => write_millis(self.key(name), value),
            None => self.raw(name, "null"),
        }
    }
}

/// Appends a list, each element by `write`.
pub fn write_list<T>(out: &mut String, list: &[T], write: &mut dyn FnMut(&T, &mut String)) {
    out.push('[');
    for (at, element) in list.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(element, out);
    }
    out.push(']');
}
