//! Paths that say what is asked: the model in one is the model in the path that is made of it.
#![no_main]

use backstop_dialects::{Method, called, path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(asked) = called(text) else { return };
    let Method::Answer(delivery) = asked.method else { return };
    let made = path(asked.dialect, &asked.model, delivery);
    let plain = made.split_once('?').map_or(&*made, |(path, _)| path);
    assert!(plain.bytes().all(|byte| byte.is_ascii_graphic()), "{plain}");
    assert_eq!(called(plain).as_ref(), Some(&asked), "{plain}");
});
