//! The formats of images, documents and sound: a word here, a media type elsewhere.

use backstop_exchange::MediaKind;

/// The document formats and their media types.
const DOCUMENTS: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];

/// The image formats.
const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// Formats of sound that are not called as their media type is.
const SOUNDS: [(&str, &str); 2] = [("mp3", "audio/mpeg"), ("wav", "audio/x-wav")];

/// The most letters of a document's name.
const NAME_CHARS_MAX: usize = 200;

/// The media type of a format.
pub(super) fn media_type(kind: MediaKind, format: &str) -> String {
    let listed = |list: &[(&str, &str)]| {
        list.iter().find(|(name, _)| *name == format).map(|(_, kind)| (*kind).to_owned())
    };
    match kind {
        MediaKind::Image => format!("image/{format}"),
        MediaKind::Document => {
            listed(&DOCUMENTS).unwrap_or_else(|| format!("application/{format}"))
        }
        MediaKind::Audio if format == "mp3" => "audio/mpeg".to_owned(),
        MediaKind::Audio => format!("audio/{format}"),
    }
}

/// The format of a media type; `None` for one that cannot go here.
pub(super) fn format(kind: MediaKind, media_type: &str) -> Option<&str> {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    let listed = |list: &'static [(&str, &str)]| {
        list.iter().find(|(_, kind)| *kind == bare).map(|(name, _)| *name)
    };
    match kind {
        MediaKind::Image if bare == "image/jpg" => Some("jpeg"),
        MediaKind::Image => bare.strip_prefix("image/").filter(|name| IMAGES.contains(name)),
        MediaKind::Document => listed(&DOCUMENTS),
        MediaKind::Audio => listed(&SOUNDS).or_else(|| bare.strip_prefix("audio/")),
    }
}

/// Whether a document of this format is text.
pub(super) fn is_text(format: &str) -> bool {
    matches!(format, "csv" | "html" | "txt" | "md")
}

/// A document's name as this API takes it: letters, digits, single spaces, hyphens, parentheses and
/// square brackets. Names are read by the model, so what stands for a letter keeps its place.
pub(super) fn document_name(title: Option<&str>) -> String {
    let mut name = String::new();
    for letter in title.unwrap_or_default().chars().take(NAME_CHARS_MAX) {
        let fits = letter.is_ascii_alphanumeric() || "-()[]".contains(letter);
        let letter = if fits {
            letter
        } else if letter.is_whitespace() {
            ' '
        } else {
            '-'
        };
        if letter != ' ' || !name.ends_with(' ') {
            name.push(letter);
        }
    }
    let name = name.trim();
    if name.is_empty() { "document".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_media_types_are_each_others_inverse() {
        for (format, _) in DOCUMENTS {
            let kind = media_type(MediaKind::Document, format);
            assert_eq!(super::format(MediaKind::Document, &kind), Some(format));
        }
        for name in IMAGES {
            assert_eq!(format(MediaKind::Image, &media_type(MediaKind::Image, name)), Some(name));
        }
        for name in ["mp3", "wav", "flac"] {
            assert_eq!(format(MediaKind::Audio, &media_type(MediaKind::Audio, name)), Some(name));
        }
        assert_eq!(format(MediaKind::Image, "image/heic"), None);
        assert_eq!(format(MediaKind::Document, "text/plain; charset=utf-8"), Some("txt"));
    }

    #[test]
    fn document_names_are_made_of_letters_that_the_api_takes() {
        for (title, name) in [
            (Some("Q3  report (final).pdf"), "Q3 report (final)-pdf"),
            (Some("  größe\n"), "gr--e"),
            (Some("   "), "document"),
            (None, "document"),
        ] {
            assert_eq!(document_name(title), name);
        }
    }
}
