/// How many bytes are enough for [`Medium::of_lead`].
pub const LEAD_BYTES: usize = 12;

/// A kind of picture or document that providers take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A PNG picture.
    Png,
    /// A JPEG picture.
    Jpeg,
    /// A GIF picture.
    Gif,
    /// A WebP picture.
    Webp,
    /// A PDF document.
    Pdf,
    /// Plain text in UTF-8.
    Text,
}

impl Medium {
    /// What something is, by its first [`LEAD_BYTES`]. The word of the server counts for plain text
    /// only, which has no mark of its own: a web page that is called a picture is none.
    pub fn of_lead(lead: &[u8], content_type: Option<&str>) -> Option<Self> {
        let is_webp = lead.starts_with(b"RIFF") && lead.get(8..12) == Some(b"WEBP");
        let marks: [(&[u8], Self); 5] = [
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"GIF87a", Self::Gif),
            (b"GIF89a", Self::Gif),
            (b"%PDF-", Self::Pdf),
        ];
        let marked = marks.into_iter().find(|(mark, _)| lead.starts_with(mark));
        match marked {
            Some((_, medium)) => Some(medium),
            None if is_webp => Some(Self::Webp),
            None => content_type.is_some_and(is_plain_text).then_some(Self::Text),
        }
    }

    /// Whether the whole is what its beginning said, as far as that can be told without reading it:
    /// text must be UTF-8 without zero bytes.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        match self {
            Self::Text => !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok(),
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp | Self::Pdf => true,
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain",
        }
    }

    /// Whether it is a picture; else it is a document.
    pub const fn is_image(self) -> bool {
        match self {
            Self::Png | Self::Jpeg | Self::Gif | Self::Webp => true,
            Self::Pdf | Self::Text => false,
        }
    }
}

/// `text/plain`, in no encoding but UTF-8 or its half of seven bits.
fn is_plain_text(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next();
    let odd = |part: &str| {
        let charset = part.strip_prefix("charset=").map(|charset| charset.trim_matches('"'));
        charset.is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii"))
    };
    kind == Some("text/plain") && !parts.any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_is_known_by_its_first_bytes_whatever_the_server_calls_it() {
        let cases: [(&[u8], Option<Medium>); 9] = [
            (b"\x89PNG\r\n\x1a\n\0\0\0\r", Some(Medium::Png)),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", Some(Medium::Jpeg)),
            (b"GIF89a\x01\0\x01\0\0\0", Some(Medium::Gif)),
            (b"RIFF\x24\0\0\0WEBP", Some(Medium::Webp)),
            (b"RIFF\x24\0\0\0WAVE", None),
            (b"%PDF-1.7\n%\xe2\xe3", Some(Medium::Pdf)),
            (b"<svg xmlns=\"", None),
            (b"<!doctype ht", None),
            (b"", None),
        ];
        for (lead, medium) in cases {
            for said in [None, Some("image/png"), Some("text/html; charset=utf-8")] {
                assert_eq!(Medium::of_lead(lead, said), medium, "{lead:?} as {said:?}");
            }
        }
        assert_eq!(Medium::of_lead(b"GIF89a......", Some("text/plain")), Some(Medium::Gif));
    }

    #[test]
    fn plain_text_is_taken_at_its_word_if_it_is_text() {
        for (said, is_text) in [
            ("text/plain", true),
            ("Text/Plain; charset=UTF-8", true),
            ("text/plain;charset=\"utf-8\"", true),
            ("text/plain; charset=iso-8859-1", false),
            ("text/html", false),
            ("application/octet-stream", false),
        ] {
            assert_eq!(Medium::of_lead(b"hello", Some(said)).is_some(), is_text, "{said}");
        }
        assert!(Medium::Text.is_whole("grüße".as_bytes()) && Medium::Text.is_whole(b""));
        assert!(!Medium::Text.is_whole(b"a\0b") && !Medium::Text.is_whole(b"\xff\xfe"));
    }
}
