//! Takes members out of a JSON object, and puts some in, without touching the others.

use std::ops::Range;

use backstop_vocabulary::Failure;

use crate::scan::Cursor;

/// The body without the top-level members named in `without` and, before those that are left, with
/// the members `with` that it does not have yet: names as they are (plain letters), values as JSON.
/// Every other byte stays as it was, white space and order included.
///
/// Errors are `InvalidRequest`: a body that is no JSON object.
pub fn with_members(
    body: &[u8],
    without: &[&str],
    with: &[(&str, &str)],
) -> Result<Vec<u8>, Failure> {
    let (mut members, mut had) = (Vec::new(), vec![false; with.len()]);
    let mut cursor = Cursor::new(body);
    cursor.members(|cursor, key| {
        let start = cursor.member_at();
        cursor.value()?;
        with.iter().zip(&mut had).for_each(|((name, _), had)| *had |= *name == key);
        members.push((start..cursor.at(), !without.contains(&key)));
        Ok(())
    })?;
    cursor.end()?;
    let new: Vec<String> = with
        .iter()
        .zip(had)
        .filter(|(_, had)| !had)
        .map(|((name, value), _)| format!("\"{name}\":{value}"))
        .collect();
    Ok(joined(body, &members, new.join(",").as_bytes()))
}

/// The object of `new` and of the members that stay, each followed by the separator it had.
fn joined(body: &[u8], members: &[(Range<usize>, bool)], new: &[u8]) -> Vec<u8> {
    let part = |range: Range<usize>| body.get(range).unwrap_or(&[]);
    let close = body.iter().rposition(|byte| *byte == b'}').unwrap_or(body.len());
    let first = members.first().map_or(close, |(range, _)| range.start);
    let last = members.last().map_or(close, |(range, _)| range.end);
    let mut out = Vec::with_capacity(body.len() + new.len() + 1);
    out.extend_from_slice(part(0..first));
    out.extend_from_slice(new);
    let mut separator = (!new.is_empty()).then_some(&b","[..]);
    for (nth, (range, stays)) in members.iter().enumerate() {
        if !stays {
            continue;
        }
        out.extend_from_slice(separator.unwrap_or(&[]));
        out.extend_from_slice(part(range.clone()));
        separator = members.get(nth + 1).map(|(next, _)| part(range.end..next.start));
    }
    out.extend_from_slice(part(last..body.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, without: &[&str], with: &[(&str, &str)], expected: &str) {
        let out = with_members(body.as_bytes(), without, with).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn members_go_and_come_and_the_rest_keeps_every_byte() {
        let new: &[(&str, &str)] = &[("v", "\"1\""), ("b", "[2]")];
        check(r#"{"a":1,"m":"x","c":3}"#, &["m"], &[], r#"{"a":1,"c":3}"#);
        check(r#"{"m":"x","c":3}"#, &["m"], new, r#"{"v":"1","b":[2],"c":3}"#);
        check("\n{ \"c\" :\t{\"m\": 1} , \"m\":2 }\n", &["m"], &[], "\n{ \"c\" :\t{\"m\": 1} }\n");
        check(r#"{"m":1,"s":true}"#, &["m", "s"], &[], "{}");
        check(r#"{"m":1,"s":true}"#, &["m", "s"], new, r#"{"v":"1","b":[2]}"#);
        check("{ }", &["m"], new, r#"{ "v":"1","b":[2]}"#);
        check(r#"{"b":null,"\u006d":1}"#, &["m"], new, r#"{"v":"1","b":null}"#);
        check(r#"{"m":1,"m":2,"a":"}"}"#, &["m"], &[], r#"{"a":"}"}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "{\"a\":1", "{\"a\" 1}", "{} x"] {
            assert!(with_members(body.as_bytes(), &[], &[]).is_err(), "{body}");
        }
    }
}
