//! What is wrong with a text that is not JSON, in `serde_json`'s words.
//!
//! The words are part of the telemetry's contract (`expected ident at line 1 column 2`), so this follows, step by step,
//! how `serde_json` reads a text into a tree, up to the place where it gives up. `tests/json.rs` compares the two. Only
//! texts that [`super::scan`] refused come here; nothing is kept of them.

use super::scan::skip_space;

/// `serde_json` opens this many brackets less one.
const DEPTH_LIMIT: usize = 128;

/// Says what is wrong with `text`.
pub(super) fn explain(text: &str) -> String {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, depth: DEPTH_LIMIT };
    let (words, at) = match reader.document() {
        Err(Fault { words, at }) => (words, at.min(text.len())),
        // Only a text that is good after all.
        Ok(()) => ("trailing characters", text.len()),
    };
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let lines = memchr::memchr_iter(b'\n', before).count();
    format!("{words} at line {} column {}", lines + 1, at - line_start)
}

struct Fault {
    words: &'static str,
    /// How many bytes come before the place that is named.
    at: usize,
}

type Outcome = Result<(), Fault>;

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Outcome {
        self.value()?;
        match self.peek_after_space() {
            None => Ok(()),
            Some(_) => self.fault_ahead("trailing characters"),
        }
    }

    fn value(&mut self) -> Outcome {
        let Some(byte) = self.peek_after_space() else {
            return self.fault_ahead("EOF while parsing a value");
        };
        match byte {
            b'0'..=b'9' => self.number(),
            b'n' => self.literal(b"null"),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'-' => {
                self.at += 1;
                self.number()
            }
            b'"' => {
                self.at += 1;
                self.string()
            }
            b'[' | b'{' => {
                self.depth -= 1;
                if self.depth == 0 {
                    return self.fault_ahead("recursion limit exceeded");
                }
                self.at += 1;
                if byte == b'[' { self.elements() } else { self.members() }?;
                self.at += 1;
                self.depth += 1;
                Ok(())
            }
            _ => self.fault_ahead("expected value"),
        }
    }

    /// Up to the closing bracket.
    fn elements(&mut self) -> Outcome {
        let mut is_first = true;
        loop {
            match self.peek_after_space() {
                None => return self.fault_ahead("EOF while parsing a list"),
                Some(b']') => return Ok(()),
                Some(_) if is_first => is_first = false,
                Some(b',') => {
                    self.at += 1;
                    match self.peek_after_space() {
                        None => return self.fault_ahead("EOF while parsing a value"),
                        Some(b']') => return self.fault_ahead("trailing comma"),
                        Some(_) => {}
                    }
                }
                Some(_) => return self.fault_ahead("expected `,` or `]`"),
            }
            self.value()?;
        }
    }

    /// Up to the closing brace.
    fn members(&mut self) -> Outcome {
        let mut is_first = true;
        loop {
            match self.peek_after_space() {
                None => return self.fault_ahead("EOF while parsing an object"),
                Some(b'}') => return Ok(()),
                Some(b'"') if is_first => {}
                Some(_) if is_first => return self.fault_ahead("key must be a string"),
                Some(b',') => {
                    self.at += 1;
                    match self.peek_after_space() {
                        None => return self.fault_ahead("EOF while parsing a value"),
                        Some(b'}') => return self.fault_ahead("trailing comma"),
                        Some(b'"') => {}
                        Some(_) => return self.fault_ahead("key must be a string"),
                    }
                }
                Some(_) => return self.fault_ahead("expected `,` or `}`"),
            }
            is_first = false;
            self.at += 1;
            self.string()?;
            match self.peek_after_space() {
                None => return self.fault_ahead("EOF while parsing an object"),
                Some(b':') => self.at += 1,
                Some(_) => return self.fault_ahead("expected `:`"),
            }
            self.value()?;
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Outcome {
        for expected in literal {
            match self.next() {
                None => return self.fault("EOF while parsing a value"),
                Some(byte) if byte != *expected => return self.fault("expected ident"),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Behind the opening quote.
    fn string(&mut self) -> Outcome {
        const ENDED: &str = "EOF while parsing a string";
        const LONE: &str = "lone leading surrogate in hex escape";
        const UNPAIRED: &str = "unexpected end of hex escape";
        loop {
            match self.next() {
                None => return self.fault(ENDED),
                Some(b'"') => return Ok(()),
                Some(0..=0x1F) => {
                    return self.fault("control character (\\u0000-\\u001F) found while parsing a string");
                }
                Some(b'\\') => {}
                Some(_) => continue,
            }
            match self.next() {
                None => return self.fault(ENDED),
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => continue,
                Some(b'u') => {}
                Some(_) => return self.fault("invalid escape"),
            }
            match self.code_unit()? {
                0xDC00..=0xDFFF => return self.fault(LONE),
                0xD800..=0xDBFF => {}
                _ => continue,
            }
            for expected in *b"\\u" {
                match self.next() {
                    None => return self.fault(ENDED),
                    Some(byte) if byte != expected => return self.fault(UNPAIRED),
                    Some(_) => {}
                }
            }
            if !matches!(self.code_unit()?, 0xDC00..=0xDFFF) {
                return self.fault(LONE);
            }
        }
    }

    fn code_unit(&mut self) -> Result<u32, Fault> {
        let Some(digits) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) else {
            self.at = self.bytes.len();
            return Err(Fault { words: "EOF while parsing a string", at: self.at });
        };
        self.at += 4;
        let unit = digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)?));
        unit.ok_or(Fault { words: "invalid escape", at: self.at })
    }

    /// Behind the sign.
    fn number(&mut self) -> Outcome {
        // The value only matters where it is too large for a double.
        let mut exponent = 0_i32;
        let mut value = match self.next() {
            None => return self.fault("EOF while parsing a value"),
            Some(b'0') if matches!(self.peek(), Some(b'0'..=b'9')) => {
                return self.fault_ahead("invalid number");
            }
            Some(byte @ b'0'..=b'9') => f64::from(byte - b'0'),
            Some(_) => return self.fault("invalid number"),
        };
        self.digits(|digit| {
            if value < 1e18 {
                value = value * 10.0 + digit;
            } else {
                exponent = exponent.saturating_add(1);
            }
        });
        if self.peek() == Some(b'.') {
            self.at += 1;
            let before = self.at;
            self.digits(|digit| {
                if value < 1e18 {
                    value = value * 10.0 + digit;
                    exponent = exponent.saturating_sub(1);
                }
            });
            if self.at == before {
                let is_end = self.peek().is_none();
                return self.fault_ahead(if is_end { "EOF while parsing a value" } else { "invalid number" });
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            let is_negative = self.peek() == Some(b'-');
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            let mut written = match self.next() {
                None => return self.fault("EOF while parsing a value"),
                Some(byte @ b'0'..=b'9') => i32::from(byte - b'0'),
                Some(_) => return self.fault("invalid number"),
            };
            while let Some(byte @ b'0'..=b'9') = self.peek() {
                self.at += 1;
                let longer = written.checked_mul(10).and_then(|tens| tens.checked_add((byte - b'0').into()));
                if longer.is_none() && value > 0.0 && !is_negative {
                    return self.fault("number out of range");
                }
                written = longer.unwrap_or(i32::MAX);
            }
            exponent =
                if is_negative { exponent.saturating_sub(written) } else { exponent.saturating_add(written) };
        }
        if value > 0.0 && (exponent > 308 || (value * 10_f64.powi(exponent)).is_infinite()) {
            return self.fault("number out of range");
        }
        Ok(())
    }

    fn digits(&mut self, mut each: impl FnMut(f64)) {
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            each(f64::from(byte - b'0'));
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn peek_after_space(&mut self) -> Option<u8> {
        self.at = skip_space(self.bytes, self.at);
        self.peek()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// What was read last is wrong.
    fn fault<T>(&self, words: &'static str) -> Result<T, Fault> {
        Err(Fault { words, at: self.at })
    }

    /// What comes next is wrong.
    fn fault_ahead<T>(&self, words: &'static str) -> Result<T, Fault> {
        Err(Fault { words, at: self.at + 1 })
    }
}
