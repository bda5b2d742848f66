//! What comes beside the text: audio and log probabilities.

use crate::item::Provider;
use crate::json::{self, Raw};
use crate::text::TextBuffer;
use crate::wire::extras::append;

/// Audio output. Its base64 pieces are padded one by one, so they are kept apart: decode each.
#[derive(Debug, Default)]
pub(super) struct Audio {
    id: Option<String>,
    transcript: TextBuffer,
    data: String,
    expires_at: Option<String>,
}

impl Audio {
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && self.transcript.is_empty() && self.data.is_empty()
    }

    /// How many bytes were gathered.
    pub(super) fn len(&self) -> usize {
        self.transcript.len() + self.data.len()
    }

    pub(super) fn note(&mut self, raw: Raw<'_>) {
        json::each_field(raw, |key, value| match key {
            _ if value.is_null() => {}
            b"id" => {
                self.id.get_or_insert_with(|| value.as_str().to_owned());
            }
            b"transcript" => {
                if let Some(text) = json::text(value) {
                    self.transcript.push(&text);
                }
            }
            b"data" => append(&mut self.data, value.as_str()),
            b"expires_at" => self.expires_at = Some(value.as_str().to_owned()),
            _ => {}
        });
    }

    pub(super) fn write_to(&self, provider: &mut Provider) {
        if self.is_empty() {
            return;
        }
        let mut out = format!("{{\"id\":{},\"transcript\":", self.id.as_deref().unwrap_or("null"));
        json::write_string(&mut out, self.transcript.as_str());
        let expires_at = self.expires_at.as_deref().unwrap_or("null");
        out.push_str(&format!(",\"data\":[{}],\"expires_at\":{expires_at}}}", self.data));
        provider.insert("audio", out);
    }
}

/// Log probabilities: the lists of all chunks, one after the other.
#[derive(Debug, Default)]
pub(super) struct Logprobs {
    content: String,
    refusal: String,
    /// Another shape (the legacy API's), as it came last.
    other: Option<String>,
}

impl Logprobs {
    /// How many bytes were gathered.
    pub(super) fn len(&self) -> usize {
        self.content.len() + self.refusal.len()
    }

    pub(super) fn note(&mut self, raw: Raw<'_>) {
        if !raw.is_object() {
            return;
        }
        let mut known = false;
        json::each_field(raw, |key, value| {
            let list = match key {
                b"content" => &mut self.content,
                b"refusal" => &mut self.refusal,
                _ => return,
            };
            known = true;
            json::each_element(value, |entry| append(list, entry.as_str()));
        });
        if !known && !raw.is_blank() {
            self.other = Some(raw.as_str().to_owned());
        }
    }

    pub(super) fn write_to(&self, provider: &mut Provider) {
        if !self.content.is_empty() || !self.refusal.is_empty() {
            let (content, refusal) = (&self.content, &self.refusal);
            provider.insert("logprobs", format!("{{\"content\":[{content}],\"refusal\":[{refusal}]}}"));
        } else if let Some(other) = &self.other {
            provider.insert("logprobs", other.clone());
        }
    }
}
